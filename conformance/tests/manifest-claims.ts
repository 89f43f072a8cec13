import type { DigestAlgorithm } from '../../oci/index.js';
import type { Pushable } from '../content.js';
import { expectBody, expectDigest, expectEqual, expectHeader, expectStatus } from '../expect.js';
import { expectServed, getManifest, sendManifest } from '../push.js';
import type { TestContext } from '../test-case.js';

/** GET and HEAD of a manifest agree, and give its exact bytes under its type. */
export async function expectManifest(
  { http, repository }: TestContext,
  reference: string,
  manifest: Pushable,
): Promise<void> {
  const { descriptor, bytes } = manifest;
  const colon = reference.indexOf(':');
  const asked = colon < 0 ? {} : { algorithm: reference.slice(0, colon) as DigestAlgorithm };
  for (const method of ['HEAD', 'GET'] as const) {
    const answer = expectStatus(await getManifest(http, repository, reference, method), 200);
    expectEqual(answer, 'Content-Type', expectHeader(answer, 'content-type'), descriptor.mediaType);
    expectEqual(answer, 'Content-Length', expectHeader(answer, 'content-length'), String(descriptor.size));
    expectDigest(answer, bytes, asked);
    if (method === 'GET') expectBody(answer, bytes);
    else expectEqual(answer, 'the length of the body', answer.body.byteLength, 0);
  }
}

/** Pushes a manifest by digest and by tag, and reads it back both ways. */
export async function expectRoundTrip(context: TestContext, manifest: Pushable): Promise<void> {
  const { http, repository } = context;
  const { digest } = manifest.descriptor;
  for (const reference of [digest, 'round-trip']) {
    const taken = expectStatus(await sendManifest(http, repository, manifest, reference), 201);
    expectDigest(taken, manifest.bytes);
    await expectServed(context, taken, manifest.bytes);
    await expectManifest(context, reference, manifest);
  }
}

/** A tag leads nowhere. */
export async function expectNoManifest({ http, repository }: TestContext, reference: string): Promise<void> {
  expectStatus(await getManifest(http, repository, reference), 404);
  expectStatus(await getManifest(http, repository, reference, 'HEAD'), 404);
}
