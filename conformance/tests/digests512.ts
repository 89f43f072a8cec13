import { expectStatus } from '../expect.js';
import { makeImage, makeIndex, onPlatform, pushImage } from '../images.js';
import { sendManifest } from '../push.js';
import { SECTIONS, type TestCase } from '../test-case.js';
import { expectManifest, expectRoundTrip } from './manifest-claims.js';
import { mountTests } from './mounts.js';
import { tagParameterTests } from './tag-parameter.js';
import { uploadTests } from './uploads.js';

/** The same requirements with sha512. */
export const sha512Tests: readonly TestCase[] = [
  ...uploadTests('sha512'),
  ...mountTests('sha512'),
  {
    id: 'sha512.manifest.image',
    title: 'an image with sha512 digests comes back byte for byte, by digest and by tag',
    section: SECTIONS.pushManifest,
    level: 'should',
    run: async (context) => expectRoundTrip(context, await makeImage(context, { algorithm: 'sha512' })),
  },
  {
    id: 'sha512.manifest.index',
    title: 'an index with sha512 children comes back byte for byte, by digest and by tag',
    section: SECTIONS.pushManifest,
    level: 'should',
    async run(context) {
      const one = await pushImage(context, { algorithm: 'sha512', label: 'one' });
      const two = await pushImage(context, { algorithm: 'sha512', label: 'two' });
      const children = [onPlatform(one.descriptor, 'amd64'), onPlatform(two.descriptor, 'arm64')];
      await expectRoundTrip(context, makeIndex(children, {}, 'sha512'));
    },
  },
  {
    id: 'sha512.manifest.wrong-digest',
    title: 'a push by sha512 digest of other bytes answers 400',
    section: SECTIONS.pushManifest,
    level: 'must',
    async run(context) {
      const image = await makeImage(context, { algorithm: 'sha512' });
      const bytes = Buffer.concat([image.bytes, Buffer.from(' ')]);
      expectStatus(await sendManifest(context.http, context.repository, { ...image, bytes }), 400);
    },
  },
  {
    id: 'sha512.manifest.mixed',
    title: 'a sha256 index may list sha512 children',
    section: SECTIONS.pushManifest,
    level: 'should',
    profile: 'strict',
    async run(context) {
      const child = await pushImage(context, { algorithm: 'sha512', label: 'one' });
      const other = await pushImage(context, { label: 'two' });
      await expectRoundTrip(context, makeIndex([child.descriptor, other.descriptor]));
      await expectManifest(context, child.descriptor.digest, child);
    },
  },
  ...tagParameterTests('sha512'),
];
