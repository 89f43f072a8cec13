import { mkdir, open, readdir, rm } from 'node:fs/promises';
import {
  OciError,
  Slots,
  artifactTypeOf,
  childrenOf,
  isDigest,
  isManifestType,
  isNonDistributable,
  isOciError,
  parseManifest,
  streamOf,
  verified,
  type Blob,
  type ByteStream,
  type CallOptions,
  type Descriptor,
  type Digest,
} from '../../oci/index.js';
import type { PutBlobOptions, PutManifestOptions, Sink } from '../media.js';
import { readManifest } from '../read.js';
import { fetchToFile } from '../partial-file.js';
import { openPlain, systemCode, withRoom } from './files.js';
import { LayoutFolder } from './folder.js';
import {
  EMPTY_INDEX,
  LAYOUT_MARK,
  encodeIndexFile,
  entriesFor,
  entryOfName,
  parseIndexFile,
  withEntry,
  type EntryOptions,
} from './index-file.js';
import { checkManifest, incoming } from './incoming.js';
import { withLock } from './lock.js';
import { LayoutSource } from './source.js';
import { walkManifests } from './walk.js';
import { Workplace, checkWorkFolder, lockOf } from './workplace.js';
import { writeDurably } from './write-stream.js';

/** Options of `createLayout`. */
export interface CreateLayoutOptions extends CallOptions, EntryOptions {
  /** A folder that takes the blobs instead of the layout's own, as skopeo's `--dest-shared-blob-dir`. */
  readonly sharedBlobs?: string;
  /** Whether blobs that lie there already are hashed before they are trusted. Default true; else their size is enough. */
  readonly verify?: boolean;
}

/**
 * Makes an OCI layout in a folder (image-spec, image-layout.md), or adds to one. Several processes may do so at once:
 * `index.json` changes in one step, under a lock. What is put is on disk before the index names it. `finish` or
 * `abandon` must be called at the end; blobs that were put stay, whichever it was, for the next try to find.
 * @throws OciError `INVALID_OPTION` for a folder that holds something else, `CONTENT_INVALID`, `UNSUPPORTED` for a layout of
 * another version, `STORE_FULL`, `STORE_LOCKED` when others keep it for too long
 */
export async function createLayout(folder: string, options: CreateLayoutOptions = {}): Promise<Sink> {
  const { sharedBlobs, verify = true, annotate = 'full', signal } = options;
  const call: CallOptions = signal === undefined ? {} : { signal };
  signal?.throwIfAborted();
  await withRoom(mkdir(folder, { recursive: true }));
  if (sharedBlobs !== undefined) await withRoom(mkdir(sharedBlobs, { recursive: true }));
  const layout = await LayoutFolder.at(folder, sharedBlobs);
  await Promise.all([folder, sharedBlobs ?? folder].map((base) => checkWorkFolder(base)));
  const workplace = await Workplace.open(sharedBlobs ?? folder);
  try {
    await withLock(lockOf(folder), () => begin(layout, call), call);
    return new LayoutSink(layout, workplace, { verify, annotate });
  } catch (error) {
    await workplace.close();
    throw error;
  }
}

/** What a layout may hold before it is one: the start of a writer that was killed. */
const BEGINNINGS = new Set(['.ocilot', 'blobs', 'ingest', 'oci-layout']);

/** Checks the layout, or makes an empty one. */
async function begin(layout: LayoutFolder, call: CallOptions): Promise<void> {
  const names = await readdir(layout.path);
  if (names.includes('index.json')) {
    await layout.check(call);
    parseIndexFile(await layout.index(call), layout.name);
    return;
  }
  const foreign = names.find((name) => !BEGINNINGS.has(name));
  if (foreign !== undefined) {
    throw new OciError(
      'INVALID_OPTION',
      `${layout.path} is no OCI layout and not empty: it holds ${foreign}; name another folder`,
    );
  }
  await layout.replace('oci-layout', LAYOUT_MARK);
  await layout.replace('index.json', encodeIndexFile(EMPTY_INDEX));
}

/** Bytes of a blob from which on what came of it outlives its writer: less is sooner fetched again. */
const KEPT_FROM = 16 << 20;

/** A digest with a size that is none of its content is not there. */
const keyOf = ({ digest, size }: Descriptor): string => `${digest} ${size}`;

class LayoutSink implements Sink {
  readonly #layout: LayoutFolder;
  readonly #workplace: Workplace;
  readonly #options: { readonly verify: boolean; readonly annotate: 'full' | 'tag' };
  /** One change of the index after another: the lock is for other processes, which ask again and again. */
  readonly #turn = new Slots(1);
  /** Blobs that are whole: written here, or looked at. */
  readonly #whole = new Map<string, Promise<boolean>>();
  /** Manifests that the index leads to. */
  #reachable: Promise<Set<Digest>> | undefined;
  #ended = false;

  constructor(
    layout: LayoutFolder,
    workplace: Workplace,
    options: { readonly verify: boolean; readonly annotate: 'full' | 'tag' },
  ) {
    this.#layout = layout;
    this.#workplace = workplace;
    this.#options = options;
  }

  get name(): string {
    return this.#layout.name;
  }

  /** By the very name that putting under it would write: nothing is guessed where names are moved. */
  async resolve(reference: string, options?: CallOptions): Promise<Descriptor | undefined> {
    if (isDigest(reference)) return await this.#source().resolve(reference, options);
    return entryOfName(await this.#source().entries(options), reference, this.#options);
  }

  async manifest(descriptor: Descriptor, options?: CallOptions): Promise<Uint8Array> {
    return await this.#source().manifest(descriptor, options);
  }

  /** True when the index leads to it, and all below it is there: what lies about may be in parts. */
  async hasManifest(descriptor: Descriptor, options: CallOptions = {}): Promise<boolean> {
    this.#reachable ??= this.#findReachable();
    const reachable = await this.#reachable.catch((error: unknown) => {
      this.#reachable = undefined;
      throw error;
    });
    return reachable.has(descriptor.digest) && (await this.#isComplete(descriptor, options));
  }

  hasBlob(descriptor: Descriptor, options: CallOptions = {}): Promise<boolean> {
    const key = keyOf(descriptor);
    const known = this.#whole.get(key);
    if (known !== undefined) return known;
    const looked = this.#look(descriptor, options);
    this.#whole.set(key, looked);
    const forget = (): void => {
      if (this.#whole.get(key) === looked) this.#whole.delete(key);
    };
    looked.then((whole) => whole || forget(), forget);
    return looked;
  }

  async putBlob(blob: Blob, options: PutBlobOptions = {}): Promise<'present' | 'sent'> {
    this.#checkOpen();
    if (await this.hasBlob(blob.descriptor, options)) return 'present';
    if (blob.descriptor.size < KEPT_FROM)
      await this.#write(blob.descriptor, incoming(blob, this.name, options));
    else await this.#fetch(blob, options);
    return 'sent';
  }

  async putManifest(
    descriptor: Descriptor,
    bytes: Uint8Array,
    { tags = [], top = false, ...options }: PutManifestOptions = {},
  ): Promise<void> {
    this.#checkOpen();
    const manifest = checkManifest(descriptor, bytes, this.name);
    if (!(await this.hasBlob(descriptor, options))) await this.#write(descriptor, streamOf(bytes));
    if (tags.length > 0 || top || manifest.subject !== undefined) {
      const artifactType = manifest.subject === undefined ? undefined : artifactTypeOf(manifest);
      await this.#list(entriesFor(descriptor, tags, { ...this.#options, artifactType }), options);
    }
    (await this.#reachable)?.add(descriptor.digest);
  }

  async finish(): Promise<void> {
    await this.#layout.blobs.sync();
    await this.#end();
  }

  /** Blobs that are whole stay: the next try finds them, and `layoutGc` takes them away. */
  async abandon(): Promise<void> {
    await this.#end();
  }

  async #end(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    await this.#workplace.close();
  }

  #checkOpen(): void {
    if (this.#ended) throw new OciError('INVALID_OPTION', `${this.name}: nothing can be put after the end`);
  }

  /** As it is on disk now: other processes may have changed it. */
  #source(): LayoutSource {
    return new LayoutSource(this.#layout);
  }

  async #findReachable(): Promise<Set<Digest>> {
    const source = this.#source();
    const reachable = new Set<Digest>();
    for await (const { descriptor } of walkManifests(source, await source.entries()))
      reachable.add(descriptor.digest);
    return reachable;
  }

  /** @param seen manifests that were looked at: indexes may list one again and again */
  async #isComplete(
    descriptor: Descriptor,
    options: CallOptions,
    seen = new Set<Digest>(),
  ): Promise<boolean> {
    if (seen.has(descriptor.digest)) return true;
    if (!(await this.hasBlob(descriptor, options))) return false;
    if (!isManifestType(descriptor.mediaType)) return true;
    seen.add(descriptor.digest);
    const manifest = parseManifest(
      await readManifest(this.#source(), descriptor, options),
      descriptor.mediaType,
    );
    for (const child of childrenOf(manifest)) {
      // oxlint-disable-next-line no-await-in-loop -- reading is bound by the disk
      if (!(await this.#isComplete(child, options, seen)) && !isNonDistributable(child.mediaType))
        return false;
    }
    return true;
  }

  /** Whether a blob lies there that is what its name says, and stays: a collection leaves what was touched. */
  async #look({ digest, size }: Descriptor, options: CallOptions): Promise<boolean> {
    const { blobs } = this.#layout;
    // A link is never trusted; what is written takes its place.
    const found = await blobs.size(digest).catch((error: unknown) => {
      if (isOciError(error, 'CONTENT_INVALID')) return undefined;
      throw error;
    });
    if (found !== size) return false;
    try {
      if (this.#options.verify) {
        for await (const _ of verified(blobs.read(digest, 0, size, options), digest, size, this.name));
      }
      return await blobs.touch(digest);
    } catch (error) {
      if (isOciError(error, 'DIGEST_MISMATCH') || systemCode(error) === 'ENOENT') return false;
      throw error;
    }
  }

  async #write(descriptor: Descriptor, bytes: ByteStream): Promise<void> {
    const path = this.#workplace.file();
    const file = await withRoom(open(path, 'wx', 0o644));
    try {
      await writeDurably(file, bytes);
      await this.#layout.blobs.publish(path, file, descriptor.digest);
    } catch (error) {
      await rm(path, { force: true });
      throw error;
    } finally {
      await file.close();
    }
    this.#whole.set(keyOf(descriptor), Promise.resolve(true));
  }

  /** A blob that is worth going on with, if this process ends before it is whole. */
  async #fetch(blob: Blob, { signal, onProgress }: PutBlobOptions): Promise<void> {
    const { digest } = blob.descriptor;
    const path = this.#workplace.file();
    const partial = await this.#workplace.kept(digest);
    await fetchToFile(blob, path, { partial, ...(signal && { signal }), ...(onProgress && { onProgress }) });
    const file = await openPlain(path);
    try {
      await this.#layout.blobs.publish(path, file, digest);
    } finally {
      await file.close();
    }
    await this.#workplace.tidy();
    this.#whole.set(keyOf(blob.descriptor), Promise.resolve(true));
  }

  async #list(entries: readonly Descriptor[], call: CallOptions): Promise<void> {
    const release = await this.#turn.take(call.signal);
    try {
      await this.#layout.blobs.sync();
      await withLock(lockOf(this.#layout.path), () => this.#addEntries(entries, call), call);
    } finally {
      release();
    }
  }

  async #addEntries(entries: readonly Descriptor[], call: CallOptions): Promise<void> {
    const old = parseIndexFile(await this.#layout.index(call), this.name);
    const next = entries.reduce(withEntry, old);
    if (next !== old) await this.#layout.replace('index.json', encodeIndexFile(next));
  }
}
