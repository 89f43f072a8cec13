import type { DigestAlgorithm } from '../../oci/index.js';
import { expectEqual, expectHeader, expectStatus } from '../expect.js';
import { makeImage } from '../images.js';
import { skip } from '../outcome.js';
import { manifestPath } from '../push.js';
import { SECTIONS, type TestCase } from '../test-case.js';
import { expectManifest } from './manifest-claims.js';

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
