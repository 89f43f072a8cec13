import { MemoryLevel } from 'memory-level';
import { describe as group, expect, it } from 'vitest';
import {
  MEDIA_TYPES,
  describe,
  digestOf,
  encodeJson,
  isOciError,
  streamOf,
  type Descriptor,
  type ErrorCode,
} from '../../../oci/index.js';
import { FileBytes } from '../../../registry/storage/file-bytes.js';
import { LevelRecords } from '../../../registry/storage/level-records.js';
import { LEVEL_ENCODINGS } from '../../../registry/storage/open-level.js';
import { openWith } from '../../../registry/storage/open.js';
import { RecordBytes } from '../../../registry/storage/record-bytes.js';
import type { Store } from '../../../registry/storage/store.js';
import { bytesOf } from '../../helpers/content.js';
import { problemsOf } from '../../helpers/storage/consistency.js';
import { readBlob } from '../../helpers/storage/ledger.js';
import { LossyFiles } from '../../helpers/storage/lossy-files.js';
import { Random } from '../../helpers/storage/random.js';
import { Schedule } from '../../helpers/storage/schedule.js';
import { Steps } from '../../helpers/storage/steps.js';

const SEEDS = Number(process.env.SEEDS ?? 250);

const content = (mediaType: string, bytes: Uint8Array): Descriptor & { readonly bytes: Uint8Array } => ({
  ...describe(mediaType, bytes),
  bytes,
});
type Content = ReturnType<typeof content>;

const config = content(MEDIA_TYPES.ociConfig, encodeJson({ architecture: 'amd64', os: 'linux' }));
const small = content(MEDIA_TYPES.ociLayer, bytesOf('small', 500));
const large = content(MEDIA_TYPES.ociLayer, bytesOf('large', 5000));
const fresh = content(MEDIA_TYPES.ociLayer, bytesOf('fresh', 7000));
const image = (...layers: Content[]): Content =>
  content(
    MEDIA_TYPES.ociManifest,
    encodeJson({
      schemaVersion: 2,
      mediaType: MEDIA_TYPES.ociManifest,
      config: bare(config),
      layers: layers.map(bare),
    }),
  );
const bare = ({ mediaType, digest, size }: Content): Descriptor => ({ mediaType, digest, size });
const tagged = image(large);
const untagged = image(small, large);
const lone = content(MEDIA_TYPES.ociLayer, bytesOf('lone', 1500));
const other = image(lone);
const index = content(
  MEDIA_TYPES.ociIndex,
  encodeJson({
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.ociIndex,
    manifests: [bare(untagged), bare(tagged)],
  }),
);

const put = (store: Store, repo: string, { bytes, digest }: Content): Promise<number> =>
  store.uploads.put(repo, digest, streamOf(bytes));

interface Task {
  readonly name: string;
  readonly run: (store: Store) => Promise<unknown>;
}

/** What may be asked of the store at once. Each may be refused, but only in words of the API. */
const TASKS: readonly Task[] = [
  { name: 'collect', run: (store) => store.collect({ untagged: true }) },
  { name: 'collect again', run: (store) => store.collect({}) },
  { name: 'put small c', run: (store) => put(store, 'c', small) },
  { name: 'put large b', run: (store) => put(store, 'b', large) },
  { name: 'put large c', run: (store) => put(store, 'c', large) },
  { name: 'put fresh a', run: (store) => put(store, 'a', fresh) },
  { name: 'put fresh b', run: (store) => put(store, 'b', fresh) },
  { name: 'mount c', run: (store) => store.blobs.link('c', large.digest) },
  { name: 'mount lone c', run: (store) => store.blobs.link('c', lone.digest) },
  { name: 'mount c/d', run: (store) => store.blobs.link('c/d', large.digest) },
  { name: 'put large c/d', run: (store) => put(store, 'c/d', large) },
  { name: 'delete large c', run: (store) => store.blobs.delete('c', large.digest) },
  { name: 'push other', run: (store) => store.manifests.put('a', { bytes: other.bytes, tags: ['m', 'o'] }) },
  { name: 'push untagged', run: (store) => store.manifests.put('a', { bytes: untagged.bytes, tags: ['m'] }) },
  { name: 'push tagged', run: (store) => store.manifests.put('a', { bytes: tagged.bytes }) },
  { name: 'push index', run: (store) => store.manifests.put('a', { bytes: index.bytes, tags: ['i'] }) },
  { name: 'delete tag', run: (store) => store.tags.delete('a', 'm') },
  { name: 'delete tagged', run: (store) => store.manifests.delete('a', tagged.digest) },
  { name: 'delete untagged', run: (store) => store.manifests.delete('a', untagged.digest) },
  { name: 'delete small a', run: (store) => store.blobs.delete('a', small.digest) },
  { name: 'delete lone a', run: (store) => store.blobs.delete('a', lone.digest) },
  { name: 'delete large b', run: (store) => store.blobs.delete('b', large.digest) },
  { name: 'delete small c', run: (store) => store.blobs.delete('c', small.digest) },
  { name: 'delete a', run: (store) => store.repositories.delete('a') },
  { name: 'delete c', run: (store) => store.repositories.delete('c') },
  { name: 'forget c', run: (store) => store.repositories.forget('c') },
  { name: 'read large', run: (store) => read(store, 'a', large) },
  { name: 'read small', run: (store) => read(store, 'c', small) },
  { name: 'upload', run: upload },
  { name: 'cancel', run: (store) => store.uploads.cancel('b', 'open') },
  { name: 'finish', run: finish },
];

const REFUSALS: readonly ErrorCode[] = [
  'BLOB_UNKNOWN',
  'BLOB_UPLOAD_INVALID',
  'BLOB_UPLOAD_UNKNOWN',
  'DENIED',
  'MANIFEST_BLOB_UNKNOWN',
  'MANIFEST_UNKNOWN',
  'UNSUPPORTED',
];

async function read(store: Store, repo: string, { digest }: Content): Promise<void> {
  const found = await readBlob(store, repo, digest);
  if (found !== undefined) expect(digestOf(found)).toBe(digest);
}

async function upload(store: Store): Promise<void> {
  const { id } = await store.uploads.start('c');
  await store.uploads.append('c', id, streamOf(fresh.bytes.subarray(0, 800)));
  await store.uploads.append('c', id, streamOf(fresh.bytes.subarray(800, 3000)), { at: 800 });
  await store.uploads.finish('c', id, fresh.digest, streamOf(fresh.bytes.subarray(3000)));
}

async function finish(store: Store): Promise<void> {
  await store.uploads.finish('b', 'open', fresh.digest, streamOf(fresh.bytes.subarray(4000)));
}

async function prepare(
  kind: 'files' | 'records',
  random: Random,
  protectChildren: boolean,
): Promise<{ store: Store; schedule: Schedule; clock: { time: number } }> {
  const schedule = new Schedule(random);
  const db = new MemoryLevel<string, Uint8Array>({ storeEncoding: 'view', ...LEVEL_ENCODINGS });
  await db.open();
  const records = schedule.records(new LevelRecords(db));
  const files = new LossyFiles('/data', new Steps(random), random);
  const bytes = schedule.bytes(kind === 'files' ? new FileBytes(files, '/data') : new RecordBytes(records));
  const clock = { time: 1_000_000 };
  let ids = 0;
  const drivers = {
    records,
    bytes,
    free: () => Promise.resolve(Number.MAX_SAFE_INTEGER),
    clean: true,
    rebooted: false,
    settle: () => Promise.resolve(),
    close: () => records.close(),
  };
  const store = await openWith(drivers, {
    rules: {
      inlineLimit: 1000,
      lease: 1000,
      uploadExpiry: 100_000,
      protectChildren,
      quotas: [
        { prefix: '', bytes: 20_000 },
        { prefix: 'c', bytes: 11_000 },
      ],
    },
    now: () => clock.time,
    newId: () => (ids++ === 0 ? 'open' : `id${ids}`),
  });
  await store.uploads.start('b');
  await store.uploads.append('b', 'open', streamOf(fresh.bytes.subarray(0, 4000)));
  for (const blob of [config, small, large, lone]) await put(store, 'a', blob);
  await store.manifests.put('a', { bytes: tagged.bytes, tags: ['m'] });
  await store.manifests.put('a', { bytes: untagged.bytes });
  await put(store, 'b', large);
  await put(store, 'c', small);
  clock.time += 5000;
  return { store, schedule, clock };
}

async function race(kind: 'files' | 'records', seed: number): Promise<string[]> {
  const random = new Random(seed);
  const protectChildren = random.chance(0.5);
  const { store, schedule, clock } = await prepare(kind, random, protectChildren);
  const tasks = Array.from({ length: 2 + random.below(3) }, () => random.pick(TASKS));
  const results = await schedule.run(
    tasks.map(
      ({ run }) =>
        () =>
          run(store),
    ),
  );
  const problems: string[] = [];
  for (const [at, result] of results.entries()) {
    if (result.status === 'fulfilled') continue;
    const error: unknown = result.reason;
    if (!REFUSALS.some((code) => isOciError(error, code)))
      problems.push(`${tasks[at]?.name}: ${String(error)}`);
  }
  problems.push(...(await problemsOf(store, { sparse: !protectChildren })));
  for (const { prefix, bytes } of store.core.rules.quotas)
    if ((await store.quotas.used(prefix)) > bytes) problems.push(`quota of "${prefix}" is exceeded`);
  clock.time += 200_000;
  await store.collect({ untagged: true });
  problems.push(...(await problemsOf(store, { orphans: true, sparse: !protectChildren })));
  await store.close();
  return problems.map((problem) => `seed ${seed}, ${tasks.map(({ name }) => name).join(' + ')}: ${problem}`);
}

group.each(['files', 'records'] as const)('operations at once, large bytes in %s', (kind) => {
  it('leave the store whole in whatever order their steps come', async () => {
    const problems: string[] = [];
    for (let seed = 1; seed <= SEEDS; seed++) problems.push(...(await race(kind, seed)));
    expect(problems).toEqual([]);
  });
});
