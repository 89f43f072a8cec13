import { MEDIA_TYPES, isObject } from '../../oci/index.js';
import type { Pushable } from '../content.js';
import { expectEqual, expectHeader, expectJson, expectStatus } from '../expect.js';
import type { Exchange } from '../http.js';
import { pushManifest, referrersPath } from '../push.js';
import type { TestContext } from '../test-case.js';
import { withQuery } from '../wire.js';

/** Pushes a manifest with a subject, which must be acknowledged. */
export async function pushReferrer(
  { http, repository }: TestContext,
  manifest: Pushable,
  subject: string,
  reference?: string,
): Promise<void> {
  const answer = await pushManifest(http, repository, manifest, reference);
  expectEqual(answer, 'OCI-Subject', expectHeader(answer, 'oci-subject'), subject);
}

/** One page of the referrers of a digest, checked for its form. */
export async function getReferrers(
  { http, repository }: TestContext,
  subject: string,
  query: Readonly<Record<string, string>> = {},
): Promise<Exchange> {
  const answer = await http.send('GET', withQuery(referrersPath(repository, subject), query));
  expectIndex(answer);
  return answer;
}

/** The answer is an image index. */
export function expectIndex(answer: Exchange): void {
  expectStatus(answer, 200);
  expectEqual(answer, 'Content-Type', expectHeader(answer, 'content-type'), MEDIA_TYPES.ociIndex);
  const document = expectJson(answer);
  expectEqual(answer, 'schemaVersion', document.schemaVersion, 2);
  expectEqual(answer, 'mediaType', document.mediaType, MEDIA_TYPES.ociIndex);
}

/** The descriptors of an answer. */
export function referrersOf(answer: Exchange): readonly Readonly<Record<string, unknown>>[] {
  const { manifests } = expectJson(answer);
  const isList = Array.isArray(manifests) && manifests.every((entry) => isObject(entry));
  return isList ? manifests : answer.fail('expected manifests to be a list of descriptors');
}

/** The list holds exactly these descriptors, in any order. */
export function expectReferrers(answer: Exchange, expected: readonly object[]): void {
  const byDigest = (list: readonly object[]): readonly object[] =>
    list.toSorted((a, b) => (digestOf(a) < digestOf(b) ? -1 : 1));
  expectEqual(answer, 'the referrers', byDigest(referrersOf(answer)), byDigest(expected));
}

function digestOf(descriptor: object): string {
  return 'digest' in descriptor ? String(descriptor.digest) : '';
}
