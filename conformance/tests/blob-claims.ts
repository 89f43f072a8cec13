import { digestOf, type DigestAlgorithm } from '../../oci/index.js';
import { expectBody, expectDigest, expectEqual, expectHeader, expectStatus } from '../expect.js';
import type { Exchange } from '../http.js';
import { blobPath } from '../push.js';
import type { TestContext } from '../test-case.js';

/** HEAD and GET agree on a blob, and are right. */
export async function expectBlob(
  context: TestContext,
  repository: string,
  bytes: Uint8Array,
  algorithm: DigestAlgorithm,
): Promise<void> {
  const path = blobPath(repository, digestOf(bytes, algorithm));
  for (const method of ['HEAD', 'GET']) {
    const answer = expectStatus(await context.http.send(method, path), 200);
    expectEqual(answer, 'Content-Length', expectHeader(answer, 'content-length'), String(bytes.byteLength));
    expectDigest(answer, bytes, { algorithm });
    if (method === 'GET') expectBody(answer, bytes);
    else expectEqual(answer, 'the length of the body', answer.body.byteLength, 0);
  }
}

/**
 * All there is to claim of a blob that was taken (201): its `Location` serves it, HEAD and GET agree, and once
 * deleted it is gone at once. A registry without deletes keeps it: that is for `delete.blob` to report.
 */
export async function expectTaken(
  context: TestContext,
  taken: Exchange,
  bytes: Uint8Array,
  algorithm: DigestAlgorithm,
): Promise<void> {
  const { http, repository } = context;
  expectStatus(taken, 201);
  expectDigest(taken, bytes, { algorithm });
  expectHeader(taken, 'location');
  const served = expectStatus(await http.send('GET', taken.location ?? ''), 200);
  expectBody(served, bytes);
  await expectBlob(context, repository, bytes, algorithm);
  const path = blobPath(repository, digestOf(bytes, algorithm));
  const deleted = expectStatus(await http.send('DELETE', path), 202, 400, 405);
  if (deleted.status === 202) expectStatus(await http.send('HEAD', path), 404);
}

/** The blob is not there. */
export async function expectNoBlob(context: TestContext, digest: string): Promise<void> {
  expectStatus(await context.http.send('HEAD', blobPath(context.repository, digest)), 404);
}
