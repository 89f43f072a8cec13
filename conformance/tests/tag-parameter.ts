import type { DigestAlgorithm } from '../../oci/index.js';
import { expectEqual, expectHeader, expectStatus } from '../expect.js';
import { makeImage } from '../images.js';
import { skip } from '../outcome.js';
import { manifestPath } from '../push.js';
import { SECTIONS, type TestCase } from '../test-case.js';
import { expectManifest, expectNoManifest } from './manifest-claims.js';

/** Tags that are none, and `?tag=` where the path names a tag. */
export const tagParameterEdgeTests: readonly TestCase[] = [
  {
    id: 'manifest.tag-parameter.invalid',
    title: 'a push by digest with a ?tag= that is no tag answers 400 and stores nothing',
    section: SECTIONS.pushManifest.replace('end-7', 'end-7b'),
    level: 'should',
    profile: 'strict',
    async run(context) {
      const { http, repository } = context;
      const image = await makeImage(context);
      const { digest, mediaType } = image.descriptor;
      const answer = await http.send('PUT', `${manifestPath(repository, digest)}?tag=good&tag=-bad`, {
        headers: { 'content-type': mediaType },
        body: image.bytes,
      });
      if (answer.status === 201) skip('the tag parameter is ignored');
      expectStatus(answer, 400);
      await expectNoManifest(context, 'good');
      await expectNoManifest(context, digest);
    },
  },
];

/** A push by digest that sets tags: `?tag=`, which may be repeated (1.1+dev, end-7b). */
export function tagParameterTests(algorithm: DigestAlgorithm): readonly TestCase[] {
  const prefix = algorithm === 'sha256' ? '' : `${algorithm}.`;
  return [
    {
      id: `${prefix}manifest.tag-parameter`,
      title: `a push by ${algorithm} digest with ?tag= sets each tag and names it in OCI-Tag`,
      section: SECTIONS.pushManifest.replace('end-7', 'end-7b'),
      level: 'should',
      profile: 'dev',
      async run(context) {
        const { http, repository } = context;
        const image = await makeImage(context, { algorithm });
        const tags = ['one', 'Two_2', 'v1.0-three'];
        const query = tags.map((tag) => `tag=${encodeURIComponent(tag)}`).join('&');
        const answer = await http.send(
          'PUT',
          `${manifestPath(repository, image.descriptor.digest)}?${query}`,
          { headers: { 'content-type': image.descriptor.mediaType }, body: image.bytes },
        );
        expectStatus(answer, 201);
        if (answer.headers.get('oci-tag') === undefined)
          skip('the tag parameter is ignored: no OCI-Tag came');
        const named = expectHeader(answer, 'oci-tag')
          .split(',')
          .map((tag) => tag.trim());
        expectEqual(answer, 'OCI-Tag', named.toSorted(), tags.toSorted());
        for (const tag of tags) await expectManifest(context, tag, image);
        await expectManifest(context, image.descriptor.digest, image);
      },
    },
  ];
}
