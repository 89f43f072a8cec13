import * as fc from 'fast-check';
import { expect } from 'vitest';
import { MEDIA_TYPES, digestOf, encodeJson, isOciError, streamOf, type Digest } from '../../../oci/index.js';
import type { OpenOptions } from '../../../registry/storage/open.js';
import type { Store } from '../../../registry/storage/store.js';
import { bytesOf } from '../content.js';
import { readBlob } from './ledger.js';
import { digestsOf, type Model, type ModelManifest, type ModelRules, type Outcome } from './model.js';

/** The store under test, and how it comes back after its end. */
export interface Real {
  store: Store;
  /** Sessions by the number that the model knows them by. */
  readonly ids: Map<number, string>;
  /** The process can be killed. */
  readonly mortal: boolean;
  /** @param clean false: the process was killed */
  reopen(clean: boolean): Promise<Store>;
}

export const MODEL_RULES: ModelRules = {
  lease: 1000,
  uploadExpiry: 5000,
  quota: { prefix: 'team', bytes: 7000 },
  fixedTag: 'fixed',
};

/** Options of a store that obeys the same rules, on the clock of the model. */
export function optionsFor(model: Model): OpenOptions {
  let ids = 0;
  const { lease, uploadExpiry, quota, fixedTag } = model.rules;
  return {
    now: () => model.time,
    newId: () => `id${ids++}`,
    rules: {
      lease,
      uploadExpiry,
      quotas: [quota],
      inlineLimit: 500,
      immutable: (_, tag) => tag === fixedTag,
    },
  };
}

const REPOS = ['team', 'team/app', 'teams'] as const;
const TAGS = ['1', '2', 'latest', 'fixed'] as const;
const BLOBS = [0, 3, 400, 501, 1500, 2600].map((size, at) => {
  const bytes = bytesOf(`blob ${at}`, size);
  return { bytes, digest: digestOf(bytes), mediaType: MEDIA_TYPES.ociLayer, size };
});

type Manifest = ModelManifest & { readonly bytes: Uint8Array; readonly mediaType: string };

function image(
  config: number,
  layers: readonly number[],
  subject?: Manifest,
  artifactType?: string,
): Manifest {
  const bare = (at: number): unknown => {
    const { digest, mediaType, size } = BLOBS[at] ?? BLOBS[0] ?? {};
    return { digest, mediaType, size };
  };
  const document = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.ociManifest,
    config: bare(config),
    layers: layers.map(bare),
    ...(subject === undefined ? {} : { subject: descriptorOf(subject) }),
    ...(artifactType === undefined ? {} : { artifactType }),
  };
  const children = [config, ...layers].flatMap((at) => BLOBS[at]?.digest ?? []);
  // Without a type of its own a manifest goes by that of its config.
  return manifest('image', document, children, subject?.digest, artifactType ?? MEDIA_TYPES.ociLayer);
}

function index(children: readonly Manifest[], subject?: Manifest): Manifest {
  const document = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.ociIndex,
    manifests: children.map(descriptorOf),
    ...(subject === undefined ? {} : { subject: descriptorOf(subject) }),
  };
  return manifest(
    'index',
    document,
    children.map(({ digest }) => digest),
    subject?.digest,
    undefined,
  );
}

function manifest(
  kind: ModelManifest['kind'],
  document: { readonly mediaType: string },
  children: readonly Digest[],
  subject: Digest | undefined,
  artifactType: string | undefined,
): Manifest {
  const bytes = encodeJson(document);
  return {
    bytes,
    mediaType: document.mediaType,
    digest: digestOf(bytes),
    kind,
    children,
    subject,
    artifactType,
  };
}

const descriptorOf = ({ mediaType, digest, bytes }: Manifest): unknown => ({
  mediaType,
  digest,
  size: bytes.byteLength,
});

const one = image(1, [2, 3]);
const two = image(1, [4]);
const signature = image(0, [1], one, 'application/vnd.example.signature');
const both = index([one, two]);
const nested = index([both], two);
const MANIFESTS = [one, two, signature, both, nested, image(2, [5, 5], signature)] as const;

type Command = fc.AsyncCommand<Model, Real>;

/** Makes a command of what it does; `text` is what a failure shows. */
function command(text: string, run: (model: Model, real: Real) => Promise<void>): Command {
  return { check: () => true, run, toString: () => text };
}

/** The code that a call ends with. */
async function outcome(call: Promise<unknown>): Promise<Outcome> {
  try {
    await call;
    return undefined;
  } catch (error) {
    if (isOciError(error)) return error.code;
    throw error;
  }
}

const repo = fc.constantFrom(...REPOS);
const blob = fc.constantFrom(...BLOBS);
const anyManifest = fc.constantFrom(...MANIFESTS);
const tags = fc.uniqueArray(fc.constantFrom(...TAGS), { maxLength: 2 });
const upload = fc.nat({ max: 3 });

const blobCommands: fc.Arbitrary<Command>[] = [
  fc.tuple(repo, blob).map(([at, { digest, bytes, size }]) =>
    command(`put blob of ${size} bytes in ${at}`, async (model, { store }) => {
      const expected = model.putBlob(at, digest, size);
      expect(await outcome(store.uploads.put(at, digest, streamOf(bytes)))).toBe(expected);
    }),
  ),
  fc.tuple(repo, blob).map(([at, { digest, size }]) =>
    command(`mount blob of ${size} bytes in ${at}`, async (model, { store }) => {
      const expected = model.mount(at, digest);
      if (typeof expected === 'boolean') expect(await store.blobs.link(at, digest)).toBe(expected);
      else expect(await outcome(store.blobs.link(at, digest))).toBe(expected);
    }),
  ),
  fc.tuple(repo, blob).map(([at, { digest, bytes, size }]) =>
    command(`read blob of ${size} bytes in ${at}`, async (model, { store }) => {
      const expected = model.stat(at, digest) === undefined ? undefined : digestOf(bytes);
      const found = await readBlob(store, at, digest);
      expect(found === undefined ? undefined : digestOf(found)).toBe(expected);
    }),
  ),
  fc.tuple(repo, blob).map(([at, { digest, size }]) =>
    command(`delete blob of ${size} bytes in ${at}`, async (model, { store }) => {
      const expected = model.deleteBlob(at, digest);
      expect(await outcome(store.blobs.delete(at, digest))).toBe(expected);
    }),
  ),
];

const uploadCommands: fc.Arbitrary<Command>[] = [
  fc.tuple(upload, repo).map(([number, at]) =>
    command(`start upload ${number} in ${at}`, async (model, { store, ids }) => {
      model.start(number, at);
      ids.set(number, (await store.uploads.start(at)).id);
    }),
  ),
  fc.tuple(upload, repo, blob, fc.nat({ max: 3 })).map(([number, at, { bytes }, parts]) =>
    command(
      `append ${bytes.byteLength} bytes to upload ${number} in ${at}`,
      async (model, { store, ids }) => {
        const size = model.uploaded(number, at);
        const id = ids.get(number) ?? 'none';
        const expected = model.append(number, at, bytes);
        const body = streamOf(bytes.subarray(0, parts * 100), bytes.subarray(parts * 100));
        const options = size === undefined ? {} : { at: size, length: bytes.byteLength };
        expect(await outcome(store.uploads.append(at, id, body, options))).toBe(expected);
        await expectSize(model, store, number, at, id);
      },
    ),
  ),
  fc.tuple(upload, repo, blob, fc.boolean()).map(([number, at, { bytes }, right]) =>
    command(
      `finish upload ${number} in ${at} with ${bytes.byteLength} bytes${right ? '' : ', wrong digest'}`,
      async (model, { store, ids }) => {
        const id = ids.get(number) ?? 'none';
        const before = model.uploads.get(number)?.bytes ?? new Uint8Array(0);
        const digest = digestOf(right ? Buffer.concat([before, bytes]) : 'something else');
        const expected = model.finish(number, at, bytes, digest);
        const options = { length: bytes.byteLength };
        expect(await outcome(store.uploads.finish(at, id, digest, streamOf(bytes), options))).toBe(expected);
        await expectSize(model, store, number, at, id);
      },
    ),
  ),
  fc.tuple(upload, repo).map(([number, at]) =>
    command(`cancel upload ${number} in ${at}`, async (model, { store, ids }) => {
      const expected = model.cancel(number, at);
      expect(await outcome(store.uploads.cancel(at, ids.get(number) ?? 'none'))).toBe(expected);
    }),
  ),
];

async function expectSize(model: Model, store: Store, number: number, at: string, id: string): Promise<void> {
  const expected = model.uploaded(number, at);
  const found = await store.uploads.status(at, id).catch(() => undefined);
  expect(found?.size).toBe(expected);
}

/** What a client does: blobs first, then manifests from the bottom up, the tags with the last one. */
async function push(
  model: Model,
  { store }: Pick<Real, 'store'>,
  at: string,
  put: Manifest,
  named: readonly string[],
): Promise<void> {
  for (const child of put.children) {
    const inner = MANIFESTS.find(({ digest }) => digest === child);
    if (inner !== undefined) await push(model, { store }, at, inner, []);
    const content = BLOBS.find(({ digest }) => digest === child);
    if (content === undefined) continue;
    const expected = model.putBlob(at, child, content.size);
    expect(await outcome(store.uploads.put(at, child, streamOf(content.bytes)))).toBe(expected);
  }
  const expected = model.putManifest(at, put, named);
  expect(await outcome(store.manifests.put(at, { bytes: put.bytes, tags: named }))).toBe(expected);
}

const manifestCommands: fc.Arbitrary<Command>[] = [
  fc
    .tuple(repo, anyManifest, tags)
    .map(([at, put, named]) =>
      command(`push ${MANIFESTS.indexOf(put)} to ${at} as ${named.join(', ')}`, (model, real) =>
        push(model, real, at, put, named),
      ),
    ),
  fc.tuple(repo, anyManifest, tags).map(([at, put, named]) =>
    command(
      `put manifest ${MANIFESTS.indexOf(put)} in ${at} as ${named.join(', ')}`,
      async (model, { store }) => {
        const expected = model.putManifest(at, put, named);
        expect(await outcome(store.manifests.put(at, { bytes: put.bytes, tags: named }))).toBe(expected);
      },
    ),
  ),
  fc.tuple(repo, anyManifest).map(([at, wanted]) =>
    command(`get manifest ${MANIFESTS.indexOf(wanted)} in ${at}`, async (model, { store }) => {
      const expected = model.getManifest(at, wanted.digest) ? wanted.digest : undefined;
      const found = await store.manifests.get(at, wanted.digest);
      expect(found === undefined ? undefined : digestOf(found.bytes)).toBe(expected);
    }),
  ),
  fc.tuple(repo, anyManifest).map(([at, gone]) =>
    command(`delete manifest ${MANIFESTS.indexOf(gone)} in ${at}`, async (model, { store }) => {
      const expected = model.deleteManifest(at, gone.digest);
      expect(await outcome(store.manifests.delete(at, gone.digest))).toBe(expected);
    }),
  ),
  fc.tuple(repo, fc.constantFrom(...TAGS)).map(([at, tag]) =>
    command(`delete tag ${tag} in ${at}`, async (model, { store }) => {
      const expected = model.deleteTag(at, tag);
      expect(await outcome(store.tags.delete(at, tag))).toBe(expected);
    }),
  ),
  fc
    .tuple(repo, anyManifest, fc.constantFrom(undefined, 'application/vnd.example.signature'))
    .map(([at, subject, type]) =>
      command(`list referrers of ${MANIFESTS.indexOf(subject)} in ${at}`, async (model, { store }) => {
        const options = type === undefined ? {} : { artifactType: type };
        const { manifests } = await store.referrers.list(at, subject.digest, options);
        expect(digestsOf(manifests)).toEqual(model.referrers(at, subject.digest, type));
      }),
    ),
];

const storeCommands: fc.Arbitrary<Command>[] = [
  fc.tuple(repo).map(([at]) =>
    command(`delete repository ${at}`, async (model, { store }) => {
      const expected = model.deleteRepository(at);
      expect(await outcome(store.repositories.delete(at))).toBe(expected);
    }),
  ),
  fc.constantFrom(1, 200, 300, 1000, 5000).map((time) =>
    command(`wait ${time}`, (model) => {
      model.time += time;
      return Promise.resolve();
    }),
  ),
  fc.tuple(fc.boolean(), fc.boolean()).map(([untagged, force]) =>
    command(`collect${untagged ? ' untagged' : ''}${force ? ' by force' : ''}`, async (model, { store }) => {
      const expected = model.collect(untagged, force);
      expect(await store.collect({ untagged, force })).toMatchObject(expected);
    }),
  ),
  fc.boolean().map((clean) =>
    command(clean ? 'restart' : 'kill', async (model, real) => {
      const closed = clean || !real.mortal;
      if (closed) await real.store.close();
      model.restart(closed);
      real.store = await real.reopen(closed);
    }),
  ),
  fc.constant(command('compare', compare)),
];

/** Looks at all that both know, without asking for any of it: that would lease it. */
export async function compare(model: Model, { store }: Real): Promise<void> {
  const { records } = store.core;
  const found = new Map<string, string[]>();
  for await (const [key] of records.entries()) {
    const [family = '', at = '', what = ''] = key.split('!');
    if ('rlmt'.includes(family)) found.set(family, [...(found.get(family) ?? []), `${at} ${what}`]);
  }
  const expected = (
    list: (at: string, repository: NonNullable<ReturnType<Model['repos']['get']>>) => string[],
  ): string[] => [...model.repos].flatMap(([at, repository]) => list(at, repository)).toSorted();
  const actual = (family: string): string[] => (found.get(family) ?? []).toSorted();
  expect(actual('r')).toEqual(expected((at) => [`${at} `]));
  expect(actual('l')).toEqual(
    expected((at, { blobs }) => [...blobs.keys()].map((digest) => `${at} ${digest}`)),
  );
  expect(actual('m')).toEqual(
    expected((at, { manifests }) => [...manifests.keys()].map((digest) => `${at} ${digest}`)),
  );
  expect(actual('t')).toEqual(
    expected((at, { tags: named }) => [...named.keys()].map((tag) => `${at} ${tag}`)),
  );
  for (const [at, { tags: named }] of model.repos)
    for (const [tag, digest] of named) expect((await store.tags.get(at, tag))?.digest).toBe(digest);
  expect(await store.quotas.used(model.rules.quota.prefix)).toBe(model.used());
}

/** Any sequence of operations; pushes come often, so that there is something to do things with. */
export function sequences(length: number): fc.Arbitrary<Iterable<Command>> {
  const [pushing] = manifestCommands;
  const often = pushing === undefined ? [] : Array.from({ length: 6 }, () => pushing);
  const all = [...often, ...blobCommands, ...uploadCommands, ...manifestCommands, ...storeCommands];
  return fc.commands(all, { maxCommands: length, size: 'max' });
}
