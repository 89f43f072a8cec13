import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MEDIA_TYPES, referrersTag, type Descriptor } from '../../oci/index.js';
import { EMPTY, WAYS, imageOf, indexOf, open, pushManifest, type Answer, type Site } from './helpers.js';

const SUBJECT = imageOf();
const manifests = (answer: Answer): Descriptor[] => answer.json<{ manifests: Descriptor[] }>().manifests;

describe.each(WAYS)('referrers, by %s', (way) => {
  let site: Site;
  const signature = imageOf({ subject: SUBJECT.descriptor, artifactType: 'application/vnd.x.signature' });
  const sbom = imageOf({
    subject: SUBJECT.descriptor,
    artifactType: 'application/vnd.x.sbom+json',
    annotations: { 'org.example.kind': 'sbom' },
  });
  const plain = imageOf({ subject: SUBJECT.descriptor });
  const index = indexOf([], { subject: SUBJECT.descriptor });
  const all = [signature, sbom, plain, index];
  beforeAll(async () => {
    site = await open({}, way);
    for (const document of all) await pushManifest(site, 'app', document.digest, document);
  });
  afterAll(async () => {
    await site[Symbol.asyncDispose]();
  });
  const path = `/v2/app/referrers/${SUBJECT.digest}`;

  it('are listed as they say of themselves', async () => {
    const answer = await site.ask('GET', path);
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, MEDIA_TYPES.ociIndex]);
    expect(answer.headers.get('oci-filters-applied')).toBeNull();
    expect(answer.json()).toMatchObject({ schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex });
    const expected = [
      { ...signature.descriptor, artifactType: 'application/vnd.x.signature' },
      {
        ...sbom.descriptor,
        artifactType: 'application/vnd.x.sbom+json',
        annotations: { 'org.example.kind': 'sbom' },
      },
      { ...plain.descriptor, artifactType: EMPTY.mediaType },
      index.descriptor,
    ];
    const byDigest = (list: Descriptor[]): Descriptor[] =>
      list.toSorted((left, right) => (left.digest < right.digest ? -1 : 1));
    expect(byDigest(manifests(answer))).toEqual(byDigest(expected));
  });

  it('are filtered by their type', async () => {
    const ask = async (type: string): Promise<Answer> =>
      await site.ask('GET', `${path}?artifactType=${encodeURIComponent(type)}`);
    const found = await ask('application/vnd.x.sbom+json');
    expect(found.headers.get('oci-filters-applied')).toBe('artifactType');
    expect(manifests(found).map(({ digest }) => digest)).toEqual([sbom.digest]);
    const none = await ask('application/x');
    expect([none.status, manifests(none)]).toEqual([200, []]);
    expect(none.headers.get('oci-filters-applied')).toBe('artifactType');
    expect(manifests(await ask('application/vnd.x'))).toEqual([]);
  });

  it('come in pages that lead through all of them', async () => {
    for (const query of ['n=1', 'n=2', 'n=3', 'n=4', 'n=5', 'n=1&artifactType=application/vnd.x.signature']) {
      const found: string[] = [];
      let next: string | undefined = `${path}?${query}`;
      while (next !== undefined) {
        const answer: Answer = await site.ask('GET', next);
        found.push(...manifests(answer).map(({ digest }) => digest));
        expect(answer.headers.has('oci-filters-applied')).toBe(query.includes('artifactType'));
        next = /^<([^>]+)>; rel="next"$/.exec(answer.headers.get('link') ?? '')?.[1];
      }
      const expected = query.includes('artifactType') ? [signature] : all;
      expect(found.toSorted()).toEqual(expected.map(({ digest }) => digest).toSorted());
    }
    const none = await site.ask('GET', `${path}?n=0`);
    expect([none.status, manifests(none), none.headers.get('link')]).toEqual([200, [], null]);
  });

  it('are none where nothing is known', async () => {
    for (const name of ['app', 'nowhere', 'no/where']) {
      for (const digest of [`sha256:${'0'.repeat(64)}`, `sha512:${'0'.repeat(128)}`]) {
        const answer = await site.ask('GET', `/v2/${name}/referrers/${digest}`);
        expect([answer.status, manifests(answer)]).toEqual([200, []]);
        expect(answer.headers.get('content-type')).toBe(MEDIA_TYPES.ociIndex);
      }
    }
    expect((await site.ask('HEAD', '/v2/nowhere/referrers/' + SUBJECT.digest)).status).toBe(200);
  });

  it.each(['x', 'sha256:x', 'v1', 'md5:d41d8cd98f00b204e9800998ecf8427e'])(
    'are not asked of what is no digest: %s',
    async (text) => {
      const answer = await site.ask('GET', `/v2/app/referrers/${text}`);
      expect([answer.status, answer.codes()]).toEqual([400, ['DIGEST_INVALID']]);
    },
  );

  it('are of their own repository only, and go at once when deleted', async () => {
    await pushManifest(site, 'other', 'v', signature);
    const other = `/v2/other/referrers/${SUBJECT.digest}`;
    expect(manifests(await site.ask('GET', other))).toHaveLength(1);
    await site.ask('DELETE', `/v2/other/manifests/${signature.digest}`);
    expect(manifests(await site.ask('GET', other))).toEqual([]);
    expect(manifests(await site.ask('GET', path))).toHaveLength(4);
  });

  it('outlive their subject', async () => {
    const subject = imageOf({ annotations: { short: 'life' } });
    const referrer = imageOf({ subject: subject.descriptor });
    await pushManifest(site, 'subject', 'v', subject);
    await pushManifest(site, 'subject', referrer.digest, referrer);
    await site.ask('DELETE', `/v2/subject/manifests/${subject.digest}`);
    expect(manifests(await site.ask('GET', `/v2/subject/referrers/${subject.digest}`))).toHaveLength(1);
  });

  it('of a registry without this list are found here, once each', async () => {
    const subject = imageOf({ annotations: { moved: 'here' } });
    const referrer = imageOf({ subject: subject.descriptor, artifactType: 'application/x' });
    const second = indexOf([], { subject: subject.descriptor });
    for (const document of [subject, referrer, second])
      await pushManifest(site, 'moved', document.digest, document);
    const fallback = indexOf([{ ...referrer.descriptor, artifactType: 'application/x' }, second.descriptor]);
    await pushManifest(site, 'moved', referrersTag(subject.digest), fallback);
    const found = manifests(await site.ask('GET', `/v2/moved/referrers/${subject.digest}`));
    expect(found.map(({ digest }) => digest).toSorted()).toEqual([referrer.digest, second.digest].toSorted());
  });

  it('are cut into pages that clients can take', async () => {
    const subject = imageOf({ annotations: { many: 'referrers' } });
    const fill = 'x'.repeat(1_500_000);
    for (const n of ['1', '2', '3']) {
      const document = imageOf({ subject: subject.descriptor, annotations: { n, fill } });
      await pushManifest(site, 'large', document.digest, document);
    }
    let next: string | undefined = `/v2/large/referrers/${subject.digest}`;
    let count = 0;
    while (next !== undefined) {
      const answer: Answer = await site.ask('GET', next);
      expect(answer.bytes.byteLength).toBeLessThan(4 * 1024 * 1024);
      count += manifests(answer).length;
      next = /^<([^>]+)>; rel="next"$/.exec(answer.headers.get('link') ?? '')?.[1];
    }
    expect(count).toBe(3);
  });
});
