import { MEDIA_TYPES, digestOf } from '../../oci/index.js';
import { describeBytes } from '../content.js';
import { expectEqual, expectHeader, expectStatus, skipUnsupported } from '../expect.js';
import { makeArtifact, makeImage, makeIndex, pushImage } from '../images.js';
import { skip } from '../outcome.js';
import { manifestPath, pushManifest, referrersPath } from '../push.js';
import { SECTIONS, type TestCase, type TestContext } from '../test-case.js';
import { expectManifest } from './manifest-claims.js';
import { expectIndex, expectReferrers, getReferrers, pushReferrer, referrersOf } from './referrer-claims.js';

const SBOM = 'application/vnd.example.sbom+json';
const SIGNATURE = 'application/vnd.example.signature';

/** Manifests with a subject, and the list of them. */
export const referrerTests: readonly TestCase[] = [
  {
    id: 'referrers.unknown-repository',
    title: 'the referrers of an unknown digest in an unknown repository: 200 and an empty index',
    section: SECTIONS.referrers,
    level: 'must',
    async run(context) {
      const answer = await getReferrers(context, digestOf(context.content.bytes('missing', 20)));
      expectReferrers(answer, []);
    },
  },
  {
    id: 'referrers.image',
    title: 'an image with a subject is acknowledged, and listed with its type, size and annotations',
    section: SECTIONS.pushSubject,
    level: 'must',
    async run(context) {
      const { descriptor: subject } = await pushImage(context, { tag: 'subject' });
      const annotations = { 'org.example.key': 'value', 'org.example.empty': '' };
      const typed = await makeArtifact(context, { artifactType: SBOM, subject, annotations });
      await pushReferrer(context, typed, subject.digest);
      const plain = await makeImage(context, { configType: SIGNATURE, label: 'plain', more: { subject } });
      await pushReferrer(context, plain, subject.digest, 'plain');
      await expectManifest(context, 'plain', plain);
      expectReferrers(await getReferrers(context, subject.digest), [
        { ...typed.descriptor, artifactType: SBOM, annotations },
        { ...plain.descriptor, artifactType: SIGNATURE },
      ]);
    },
  },
  {
    id: 'referrers.index',
    title: 'an index with a subject is acknowledged, and listed; without artifactType it has none',
    section: SECTIONS.pushSubject,
    level: 'must',
    async run(context) {
      const { descriptor: subject } = await pushImage(context, { tag: 'subject' });
      const annotations = { 'org.example.key': 'value' };
      const typed = makeIndex([subject], { artifactType: SBOM, subject, annotations });
      await pushReferrer(context, typed, subject.digest);
      const plain = makeIndex([], { subject });
      await pushReferrer(context, plain, subject.digest);
      expectReferrers(await getReferrers(context, subject.digest), [
        { ...typed.descriptor, artifactType: SBOM, annotations },
        plain.descriptor,
      ]);
    },
  },
  {
    id: 'referrers.missing-subject',
    title: 'a subject that is not there is accepted, acknowledged and listed',
    section: SECTIONS.pushSubject,
    level: 'must',
    async run(context) {
      const bytes = context.content.bytes('missing', 200);
      const subject = describeBytes(MEDIA_TYPES.ociManifest, bytes);
      const image = await makeArtifact(context, { artifactType: SBOM, subject });
      await pushReferrer(context, image, subject.digest);
      const index = makeIndex([], { artifactType: SIGNATURE, subject });
      await pushReferrer(context, index, subject.digest);
      expectReferrers(await getReferrers(context, subject.digest), [
        { ...image.descriptor, artifactType: SBOM },
        { ...index.descriptor, artifactType: SIGNATURE },
      ]);
    },
  },
  {
    id: 'referrers.filter',
    title: 'artifactType= gives the matching ones, and OCI-Filters-Applied says so',
    section: SECTIONS.referrersFilter,
    level: 'should',
    async run(context) {
      const { subject, sbom, signature } = await pushTwo(context);
      const answer = await getReferrers(context, subject, { artifactType: SBOM });
      if (answer.headers.get('oci-filters-applied') === undefined) {
        expectReferrers(answer, [sbom, signature]);
        skip('the filter is not applied: no OCI-Filters-Applied came');
      }
      expectEqual(answer, 'OCI-Filters-Applied', expectHeader(answer, 'oci-filters-applied'), 'artifactType');
      expectReferrers(answer, [sbom]);
    },
  },
  strict('filter-nothing', 'a filter nothing matches gives an empty list', async (context) => {
    const { subject } = await pushTwo(context);
    expectReferrers(await getReferrers(context, subject, { artifactType: 'application/vnd.example' }), []);
  }),
  strict(
    'filter-config-type',
    'the filter goes by the type of the config where there is no artifactType',
    async (context) => {
      const { descriptor: subject } = await pushImage(context);
      const plain = await makeImage(context, { configType: SIGNATURE, label: 'plain', more: { subject } });
      await pushReferrer(context, plain, subject.digest);
      const answer = await getReferrers(context, subject.digest, { artifactType: SIGNATURE });
      expectReferrers(answer, [{ ...plain.descriptor, artifactType: SIGNATURE }]);
      expectReferrers(await getReferrers(context, subject.digest, { artifactType: SBOM }), []);
    },
  ),
  strict('no-filter', 'without a filter there is no OCI-Filters-Applied', async (context) => {
    const { subject, sbom, signature } = await pushTwo(context);
    const answer = await getReferrers(context, subject);
    expectEqual(answer, 'OCI-Filters-Applied', answer.headers.get('oci-filters-applied'), undefined);
    expectReferrers(answer, [sbom, signature]);
  }),
  strict('bad-digest', 'the referrers of something that is no digest: 400', async ({ http, repository }) => {
    for (const digest of ['nonsense', 'sha256:abc', `sha256:${'G'.repeat(64)}`]) {
      expectStatus(await http.send('GET', referrersPath(repository, digest)), 400);
    }
  }),
  strict('other-repository', 'referrers of another repository are not listed', async (context) => {
    const { subject } = await pushTwo(context);
    const other = { ...context, repository: `${context.repository}/other` };
    await pushImage(other);
    expectReferrers(await getReferrers(other, subject), []);
  }),
  strict('pushed-twice', 'a referrer pushed again is listed once', async (context) => {
    const { descriptor: subject } = await pushImage(context);
    const image = await makeArtifact(context, { artifactType: SBOM, subject });
    for (const reference of [undefined, 'tag', undefined]) {
      await pushReferrer(context, image, subject.digest, reference);
    }
    expectReferrers(await getReferrers(context, subject.digest), [
      { ...image.descriptor, artifactType: SBOM },
    ]);
  }),
  strict(
    'deleted',
    'a deleted referrer is not listed any more; a deleted subject keeps its list',
    async (context) => {
      const { http, repository } = context;
      const { subject, sbom, signature } = await pushTwo(context);
      const deleted = await http.send('DELETE', manifestPath(repository, sbom.digest));
      skipUnsupported(deleted);
      expectStatus(deleted, 202);
      expectReferrers(await getReferrers(context, subject), [signature]);
      expectStatus(await http.send('DELETE', manifestPath(repository, subject)), 202);
      expectReferrers(await getReferrers(context, subject), [signature]);
    },
  ),
  strict(
    'no-subject-header',
    'a manifest without a subject is not answered with OCI-Subject',
    async (context) => {
      const answer = await pushManifest(context.http, context.repository, await makeImage(context));
      expectEqual(answer, 'OCI-Subject', answer.headers.get('oci-subject'), undefined);
    },
  ),
  strict('sha512-subject', 'the referrers of a sha512 subject', async (context) => {
    const { descriptor: subject } = await pushImage(context, { algorithm: 'sha512' });
    const image = await makeArtifact(context, { artifactType: SBOM, subject });
    await pushReferrer(context, image, subject.digest);
    expectReferrers(await getReferrers(context, subject.digest), [
      { ...image.descriptor, artifactType: SBOM },
    ]);
  }),
  strict('pages', 'a list too long for one answer (over 4 MiB) goes on with Link', async (context) => {
    const { descriptor: subject } = await pushImage(context);
    const digests: string[] = [];
    for (const label of ['one', 'two', 'three']) {
      const annotations = { label, padding: label.slice(0, 1).repeat(1_900_000) };
      const image = await makeArtifact(context, { artifactType: SBOM, subject, annotations });
      await pushReferrer(context, image, subject.digest);
      digests.push(image.descriptor.digest);
    }
    const seen: unknown[] = [];
    let answer = await getReferrers(context, subject.digest);
    for (let page = 0; page < 4; page++) {
      if (answer.body.byteLength > 4 * 1024 * 1024) answer.fail('expected at most 4 MiB in one answer');
      seen.push(...referrersOf(answer).map((descriptor) => descriptor.digest));
      if (answer.next === undefined) break;
      answer = await context.http.send('GET', answer.next);
      expectIndex(answer);
    }
    expectEqual(answer, 'the referrers of all pages', seen.toSorted(), digests.toSorted());
  }),
];

function strict(name: string, title: string, run: TestCase['run']): TestCase {
  return {
    id: `referrers.${name}`,
    title,
    section: SECTIONS.referrers,
    level: 'should',
    profile: 'strict',
    run,
  };
}

/** A subject with two referrers of different types, as they must be listed. */
async function pushTwo(context: TestContext) {
  const { descriptor: subject } = await pushImage(context);
  const one = await makeArtifact(context, { artifactType: SBOM, subject });
  const two = await makeArtifact(context, { artifactType: SIGNATURE, subject });
  for (const referrer of [one, two]) await pushReferrer(context, referrer, subject.digest);
  return {
    subject: subject.digest,
    sbom: { ...one.descriptor, artifactType: SBOM },
    signature: { ...two.descriptor, artifactType: SIGNATURE },
  };
}
