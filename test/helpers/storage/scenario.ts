import {
  MEDIA_TYPES,
  describe,
  digestOf,
  encodeJson,
  isOciError,
  streamOf,
  type Descriptor,
  type Digest,
} from '../../../oci/index.js';
import type { Store } from '../../../registry/storage/store.js';
import { bytesOf } from '../content.js';
import type { Changes, Ledger } from './ledger.js';
import { Died } from './steps.js';

/** Rules under which small bytes already take every path. */
export const SCENE_RULES = {
  inlineLimit: 1000,
  lease: 1000,
  uploadExpiry: 100_000,
  minFree: 0,
  quotas: [
    { prefix: '', bytes: 10_000_000 },
    { prefix: 'team', bytes: 8_000_000 },
  ],
};

/** A clock that tests move. */
export interface Clock {
  time: number;
}

/** An upload that was begun and not finished, as its client knows it. */
export interface OpenUpload {
  readonly repo: string;
  readonly blob: Stored;
  /** Bytes that the store said it has. */
  acknowledged: number;
}

export interface Scene {
  readonly store: Store;
  readonly ledger: Ledger;
  readonly clock: Clock;
  /** By id. */
  readonly uploads: Map<string, OpenUpload>;
  /** Those whose last request was not answered: they are over, or as they were. */
  readonly finishing: Map<string, OpenUpload>;
  /** Told of an operation that failed; it is tried once more afterwards. */
  readonly onFailure: (error: unknown) => Promise<void>;
}

/** Content and its name. */
export interface Stored {
  readonly bytes: Uint8Array;
  readonly descriptor: Descriptor;
  readonly digest: Digest;
}

const stored = (mediaType: string, bytes: Uint8Array): Stored => {
  const descriptor = describe(mediaType, bytes);
  return { bytes, descriptor, digest: descriptor.digest };
};
const layer = (seed: string, size: number): Stored => stored(MEDIA_TYPES.ociLayer, bytesOf(seed, size));
const config = stored(MEDIA_TYPES.ociConfig, encodeJson({ architecture: 'amd64', os: 'linux' }));
const small = layer('small', 700);
const large = layer('large', 5000);
const huge = layer('huge', 1_200_000);
const chunked = layer('chunked', 1_101_300);
const stray = layer('stray', 300);
const strayLarge = layer('stray large', 3000);
const late = layer('late', 4000);
const never = layer('never', 2500);
const slow = layer('slow', 9000);

function image(layers: readonly Stored[], extra: Readonly<Record<string, unknown>> = {}): Stored {
  const document = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.ociManifest,
    config: config.descriptor,
    layers: layers.map(({ descriptor }) => descriptor),
    ...extra,
  };
  return stored(MEDIA_TYPES.ociManifest, encodeJson(document));
}

const first = image([small, large, chunked]);
const second = image([large]);
const signature = image([small], { subject: first.descriptor });
const index = stored(
  MEDIA_TYPES.ociIndex,
  encodeJson({
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.ociIndex,
    manifests: [first.descriptor, second.descriptor],
  }),
);

/** A client that does one thing after another, and some at once; it tries again what fails. */
export async function play(scene: Scene): Promise<void> {
  const client = new Client(scene);
  const { store, clock } = scene;
  await client.put('team/a', config);
  await client.put('team/a', small);
  const slowly = await client.begin('b', slow, 1500);
  await client.put('team/a', large);
  await client.pushChunked('team/a', chunked, [600, 700, 1_100_000]);
  await client.manifest('team/a', first, ['1', 'latest']);
  await client.mount('b', large);
  await client.put('b', small);
  await client.put('b', config);
  await client.manifest('b', signature, ['x']);
  await client.more(slowly, 4500);
  await client.manifest('team/a', second, ['latest']);
  await client.manifest('team/a', index, ['idx']);
  await client.deleteTag('team/a', '1');
  await client.put('b', stray);
  await client.put('b', strayLarge);
  await client.put('team', strayLarge);
  await client.cancelled('b', never);
  const open = await client.begin('team/a', late, 2100);
  clock.time += 5000;
  await client.collect([
    `blob b ${stray.digest}`,
    `blob b ${strayLarge.digest}`,
    `blob b ${large.digest}`,
    `blob team ${strayLarge.digest}`,
  ]);
  await client.more(slowly, 7000);
  await client.deleteManifest('team/a', index, ['idx']);
  await client.wrongDigest('team/a', open);
  await client.finish('team/a', open, late);
  await client.deleteManifest('b', signature, ['x']);
  await client.deleteBlob('b', small);
  await client.deleteBlob('team/a', late);
  await client.put('team/a', late);
  await client.together([
    () => client.put('b', huge),
    () => client.put('c', huge),
    () => client.put('c', small),
    () => client.manifest('team/a', second, ['again', 'stable']),
  ]);
  clock.time += 5000;
  await client.collect([
    `manifest team/a ${first.digest}`,
    `blob team/a ${small.digest}`,
    `blob team/a ${chunked.digest}`,
    `blob team/a ${late.digest}`,
    `blob b ${huge.digest}`,
    `blob b ${config.digest}`,
    `blob c ${huge.digest}`,
    `blob c ${small.digest}`,
  ]);
  await client.put('team/a', late);
  await client.pushChunked('c', chunked, [900, 500_000]);
  await store.close();
}

class Client {
  readonly #scene: Scene;

  constructor(scene: Scene) {
    this.#scene = scene;
  }

  async put(repo: string, { bytes, digest }: Stored): Promise<void> {
    await this.#attempt({ [`blob ${repo} ${digest}`]: digest }, () =>
      this.#store.uploads.put(repo, digest, streamOf(bytes)),
    );
  }

  async mount(repo: string, { digest }: Stored): Promise<void> {
    await this.#attempt({ [`blob ${repo} ${digest}`]: digest }, () => this.#store.blobs.link(repo, digest));
  }

  async manifest(repo: string, { bytes, digest }: Stored, tags: readonly string[]): Promise<void> {
    const changes = {
      [`manifest ${repo} ${digest}`]: digest,
      ...Object.fromEntries(tags.map((tag) => [`tag ${repo} ${tag}`, digest])),
    };
    await this.#attempt(changes, () => this.#store.manifests.put(repo, { bytes, tags }));
  }

  async deleteTag(repo: string, tag: string): Promise<void> {
    await this.#attempt({ [`tag ${repo} ${tag}`]: undefined }, () =>
      unlessGone(this.#store.tags.delete(repo, tag)),
    );
  }

  async deleteManifest(repo: string, { digest }: Stored, tags: readonly string[]): Promise<void> {
    const changes = {
      [`manifest ${repo} ${digest}`]: undefined,
      ...Object.fromEntries(tags.map((tag) => [`tag ${repo} ${tag}`, undefined])),
    };
    await this.#attempt(changes, () => unlessGone(this.#store.manifests.delete(repo, digest)));
  }

  async deleteBlob(repo: string, { digest }: Stored): Promise<void> {
    await this.#attempt({ [`blob ${repo} ${digest}`]: undefined }, () =>
      unlessGone(this.#store.blobs.delete(repo, digest)),
    );
  }

  async pushChunked(repo: string, blob: Stored, sizes: readonly number[]): Promise<void> {
    const id = await this.begin(repo, blob, 0);
    let end = 0;
    for (const size of sizes) {
      end += size;
      await this.more(id, end);
    }
    await this.finish(repo, id, blob);
  }

  /** Brings an upload to a size. */
  async more(id: string, end: number): Promise<void> {
    await this.#insist(() => this.#upTo(id, end));
  }

  /** Opens an upload and leaves it so. */
  async begin(repo: string, blob: Stored, size: number): Promise<string> {
    const { id } = await this.#insist(() => this.#store.uploads.start(repo));
    this.#scene.uploads.set(id, { repo, blob, acknowledged: 0 });
    await this.more(id, size);
    return id;
  }

  /** Goes on where the store says that it stands. */
  async finish(repo: string, id: string, { bytes, digest }: Stored): Promise<void> {
    await this.#attempt({ [`blob ${repo} ${digest}`]: digest }, async () => {
      const { size } = await this.#store.uploads.status(repo, id);
      const open = this.#scene.uploads.get(id);
      this.#scene.uploads.delete(id);
      if (open !== undefined) this.#scene.finishing.set(id, open);
      await this.#store.uploads.finish(repo, id, digest, streamOf(bytes.subarray(size)), { at: size });
      this.#scene.finishing.delete(id);
    });
  }

  async wrongDigest(repo: string, id: string): Promise<void> {
    await this.#attempt({}, async () => {
      try {
        await this.#store.uploads.finish(repo, id, digestOf('something else'), streamOf());
      } catch (error) {
        if (!isOciError(error, 'DIGEST_INVALID')) throw error;
      }
    });
  }

  async cancelled(repo: string, blob: Stored): Promise<void> {
    const id = await this.begin(repo, blob, blob.bytes.byteLength - 100);
    this.#scene.uploads.delete(id);
    await this.#insist(() => unlessGone(this.#store.uploads.cancel(repo, id)));
  }

  async collect(names: readonly string[]): Promise<void> {
    const changes = Object.fromEntries(names.map((name) => [name, undefined]));
    await this.#attempt(changes, () => this.#store.collect({ untagged: true, force: true }), false);
  }

  async together(works: readonly (() => Promise<void>)[]): Promise<void> {
    const results = await Promise.allSettled(works.map((work) => work()));
    for (const result of results) if (result.status === 'rejected') throw result.reason;
  }

  get #store(): Store {
    return this.#scene.store;
  }

  async #upTo(id: string, end: number): Promise<void> {
    const upload = this.#scene.uploads.get(id);
    if (upload === undefined) throw new Error(`upload ${id} is not open`);
    const { repo, blob } = upload;
    const { size } = await this.#store.uploads.status(repo, id);
    // A failure of the medium may cost what is not a blob yet.
    upload.acknowledged = size;
    if (size >= end) return;
    const part = blob.bytes.subarray(size, end);
    upload.acknowledged = (await this.#store.uploads.append(repo, id, streamOf(part), { at: size })).size;
  }

  async #attempt(
    changes: Readonly<Record<string, Digest | undefined>>,
    work: () => Promise<unknown>,
    whole = true,
  ): Promise<void> {
    await this.#insist(() => this.#scene.ledger.attempt(changes as Changes, work, whole));
  }

  /** One failure of the medium must not keep the next attempt from working. */
  async #insist<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof Died) throw error;
      await this.#scene.onFailure(error);
      return await work();
    }
  }
}

/** A deletion that is tried again may have been done. */
async function unlessGone(work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (error) {
    const gone = ['MANIFEST_UNKNOWN', 'BLOB_UNKNOWN', 'BLOB_UPLOAD_UNKNOWN'] as const;
    if (!gone.some((code) => isOciError(error, code))) throw error;
  }
}

/**
 * Goes on with the uploads that were open. Returns what cannot be.
 * @param kept every acknowledged byte must be there still
 */
export async function resume(
  store: Store,
  { uploads, finishing }: Pick<Scene, 'uploads' | 'finishing'>,
  kept: boolean,
): Promise<string[]> {
  const problems: string[] = [];
  for (const [id, { repo, blob, acknowledged }] of [...uploads, ...finishing]) {
    try {
      const { size } = await store.uploads.status(repo, id);
      if (kept && size < acknowledged)
        problems.push(`upload ${id} has ${size} bytes, it had ${acknowledged}`);
      await store.uploads.finish(repo, id, blob.digest, streamOf(blob.bytes.subarray(size)), { at: size });
    } catch (error) {
      const gone = isOciError(error, 'BLOB_UPLOAD_UNKNOWN');
      if (!gone || (kept && !finishing.has(id)))
        problems.push(`upload ${id} cannot go on: ${(error as Error).message}`);
    }
  }
  return problems;
}

const fresh = [layer('fresh', 500), layer('fresh large', 9000)];
const made = image([...fresh, large]);

/** A push as any other. */
export async function push(store: Store): Promise<void> {
  for (const { digest, bytes } of [config, large, ...fresh])
    await store.uploads.put('fresh', digest, streamOf(bytes));
  await store.manifests.put('fresh', { bytes: made.bytes, tags: ['1'] });
}
