import {
  OciError,
  childrenOf,
  isManifestType,
  isRepository,
  quote,
  type CallOptions,
  type Descriptor,
  type Digest,
} from '../oci/index.js';
import { walkManifests } from '../image/layout/walk.js';
import type { Source } from '../image/media.js';
import { sourceHasBlob } from '../image/probe.js';
import { readManifest } from '../image/read.js';
import { SourceBytes } from './from-archive-bytes.js';
import { placeRoots, type PlacedRoot } from './from-archive-names.js';
import { resolveOptions, type RegistryOptions } from './options.js';
import { registryOver, type Registry } from './registry.js';
import { MemoryRecords } from './storage/memory-records.js';
import { openWith } from './storage/open.js';
import type { Store } from './storage/store.js';

/** How an archive is served. What a registry that nobody can write to has no use for is left out. */
export interface ArchiveRegistryOptions
  extends
    Omit<
      RegistryOptions,
      'collection' | 'deletes' | 'immutableTags' | 'manifests' | 'minFree' | 'quotas' | 'readOnly' | 'storage'
    >,
    CallOptions {
  /** Where plain tags, and images without a name, are found. Default `archive`. */
  readonly repository?: string;
}

/**
 * Serves what an archive, a layout or any other source holds as a registry that nobody can write to. Nothing is unpacked:
 * manifests are read once and kept in memory, blobs are read from where they lie. Full names keep their path below the
 * host (`registry.example/team/app:1` is `team/app:1`), plain tags are found in one repository. The source is closed with
 * the registry. Whether an archive is undamaged, `verifyArchive` tells; clients check every digest besides.
 *
 * ```ts
 * const registry = await createArchiveRegistry(await openArchive('bundle.tar'), { repository: 'bundle' });
 * const server = await listen(registry, { port: 0 });
 * ```
 * @throws OciError `INVALID_OPTION`, `CONTENT_INVALID` for an archive that lacks a manifest it lists, or has two of one name;
 * what the source throws
 */
export async function createArchiveRegistry(
  source: Source,
  options: ArchiveRegistryOptions = {},
): Promise<Registry> {
  const { repository = 'archive', signal, ...rest } = options;
  if (!isRepository(repository))
    throw new OciError('INVALID_OPTION', `repository ${quote(repository)} is not the name of one`);
  const checked = resolveOptions({
    ...rest,
    readOnly: true,
    minFree: 0,
    manifests: { missing: 'off' },
    collection: { every: 0 },
  });
  const records = new MemoryRecords();
  const bytes = new SourceBytes(source);
  const store = await openWith(
    {
      records,
      bytes,
      free: () => Promise.resolve(Number.MAX_SAFE_INTEGER),
      clean: true,
      rebooted: false,
      settle: () => Promise.resolve(),
      close: async () => {
        await records.close();
        await source.close?.();
      },
    },
    { rules: checked.rules, now: checked.now },
  );
  try {
    const call: CallOptions = signal === undefined ? {} : { signal };
    const filling = new Filling(source, store, bytes, call);
    for (const root of await placeRoots(source, repository, call)) await filling.add(root);
  } catch (error) {
    await store.close();
    throw error;
  }
  return await registryOver(store, checked);
}

/** Makes the records of what a source holds. */
class Filling {
  readonly #source: Source;
  readonly #store: Store;
  readonly #bytes: SourceBytes;
  readonly #call: CallOptions;
  readonly #there = new Map<Digest, boolean>();

  constructor(source: Source, store: Store, bytes: SourceBytes, call: CallOptions) {
    this.#source = source;
    this.#store = store;
    this.#bytes = bytes;
    this.#call = call;
  }

  /** A root and all below it. Entries that are no manifests are passed over: no client could ask for them. */
  async add({ repository, tag, descriptor: root }: PlacedRoot): Promise<void> {
    let found = false;
    for await (const { descriptor, manifest } of walkManifests(this.#source, [root], this.#call)) {
      for (const child of childrenOf(manifest))
        if (!isManifestType(child.mediaType)) await this.#link(repository, child);
      const { digest, mediaType } = descriptor;
      const isRoot = digest === root.digest;
      found ||= isRoot;
      await this.#store.manifests.put(repository, {
        bytes: await readManifest(this.#source, descriptor, this.#call),
        contentType: mediaType,
        digest,
        ...(isRoot && tag !== undefined && { tags: [tag] }),
      });
    }
    if (!found && isManifestType(root.mediaType))
      throw new OciError(
        'CONTENT_INVALID',
        `${this.#source.name} lists manifest ${root.digest}, which cannot be read from it`,
      );
  }

  /** A blob, if it is there: layers that may not be distributed often are not. */
  async #link(repository: string, blob: Descriptor): Promise<void> {
    const there = this.#there.get(blob.digest) ?? (await sourceHasBlob(this.#source, blob, this.#call));
    this.#there.set(blob.digest, there);
    if (!there) return;
    const location = this.#bytes.add(blob);
    await this.#store.blobs.link(repository, blob.digest, { size: blob.size, location });
  }
}
