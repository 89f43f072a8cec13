import {
  OciError,
  isDigest,
  parseManifest,
  streamOf,
  type Blob,
  type Descriptor,
  type Digest,
} from '../../oci/index.js';
import { createLayout, openLayout, type LayoutSource } from '../../image/layout/index.js';
import type { Sink } from '../../image/media.js';
import { blobOf, readManifest } from '../../image/read.js';
import { storeSink } from '../../registry/store-media.js';
import type { Store } from '../../registry/storage/store.js';
import type { RemoteRepository } from '../../client/index.js';
import { listWhole } from './list-whole.js';
import { Notes, type RepositoryNotes } from './notes.js';
import { parseUpstream, type Upstream } from './upstream.js';

/** What a recording is made with. Without `upstream` nothing is added to it. */
export interface RecordingOptions {
  readonly folder: string;
  readonly upstream?: { readonly address: string; readonly open: () => Promise<Upstream> };
}

/** Content that was asked of a registry once: an OCI layout, and `recording.json` with who asked for what. */
export class Recording {
  readonly folder: string;
  readonly #notes: Notes;
  readonly #source: LayoutSource;
  readonly #sink: Sink | undefined;
  readonly #upstream: Upstream | undefined;
  readonly #closing = new AbortController();
  /** What is under way: who asks for the same waits for the same. */
  readonly #busy = new Map<string, Promise<unknown>>();

  private constructor(parts: {
    folder: string;
    notes: Notes;
    source: LayoutSource;
    sink?: Sink | undefined;
    upstream?: Upstream | undefined;
  }) {
    this.folder = parts.folder;
    this.#notes = parts.notes;
    this.#source = parts.source;
    this.#sink = parts.sink;
    this.#upstream = parts.upstream;
  }

  /**
   * Opens the recording of a folder; with an upstream, makes it if there is none.
   * @throws OciError `INVALID_OPTION` for a folder without a recording, or with one of another registry; what reading it
   *   throws
   */
  static async open({ folder, upstream }: RecordingOptions): Promise<Recording> {
    const found = await Notes.read(folder);
    if (upstream === undefined) {
      if (found === undefined)
        throw new OciError(
          'INVALID_OPTION',
          `there is no recording in ${folder}: make one with recordingRegistry, or ocilot serve --record`,
        );
      return new Recording({ folder, notes: found, source: await openLayout(folder) });
    }
    const registryOf = (address: string): string => parseUpstream(address).registry;
    if (found !== undefined && registryOf(found.upstream) !== registryOf(upstream.address))
      throw new OciError(
        'INVALID_OPTION',
        `${folder} is a recording of ${found.upstream}, not of ${upstream.address}: name another folder`,
      );
    const asked = await upstream.open();
    let sink: Sink | undefined;
    try {
      sink = await createLayout(folder);
      const notes = found ?? Notes.empty(folder, upstream.address);
      await notes.save();
      return new Recording({ folder, notes, source: await openLayout(folder), sink, upstream: asked });
    } catch (error) {
      await sink?.abandon?.();
      await asked.close();
      throw error;
    }
  }

  /** What was or is recorded. */
  get upstream(): string {
    return this.#notes.upstream;
  }

  /**
   * Puts a manifest, by tag or digest, into a store as it was recorded, or as it is recorded now.
   * @returns false when it is not in the recording, and nobody is there to be asked
   * @throws OciError of the upstream, of the layout, of the store
   */
  async bringManifest(store: Store, repository: string, reference: string): Promise<boolean> {
    return await this.#once(`manifest ${repository} ${reference}`, async () => {
      const descriptor =
        this.#notes.repositories.get(repository)?.manifests.get(reference) ??
        (await this.#recordManifest(repository, reference));
      if (descriptor === undefined) return false;
      const bytes = await readManifest(this.#source, descriptor);
      await storeSink(store, repository).putManifest(descriptor, bytes, {
        tags: isDigest(reference) ? [] : [reference],
      });
      return true;
    });
  }

  /** The same for a blob. */
  async bringBlob(store: Store, repository: string, digest: Digest): Promise<boolean> {
    return await this.#once(`blob ${repository} ${digest}`, async () => {
      const size =
        this.#notes.repositories.get(repository)?.blobs.get(digest) ??
        (await this.#recordBlob(repository, digest));
      if (size === undefined) return false;
      await storeSink(store, repository).putBlob(blobOf(this.#source, blobDescriptor(digest, size)));
      return true;
    });
  }

  /**
   * All tags there were, in lexical order; undefined when nobody asked while it was recorded.
   * @throws OciError of the upstream
   */
  async tags(repository: string): Promise<readonly string[] | undefined> {
    return await this.#once(`tags ${repository}`, async () => {
      const recorded =
        this.#notes.repositories.get(repository)?.tags ??
        (await this.#record(repository, async (remote, signal) => {
          const tags: string[] = [];
          for await (const tag of remote.tags({ signal })) tags.push(tag);
          return (notes) => (notes.tags = tags);
        }));
      if (recorded === undefined) return undefined;
      // One that came up later was pulled all the same.
      const pulled = [...this.#notes.of(repository).manifests.keys()].filter((name) => !isDigest(name));
      return [...new Set([...recorded, ...pulled])].toSorted(byCodeUnit);
    });
  }

  /**
   * All that referred to a manifest; undefined when nobody asked while it was recorded.
   * @throws OciError of the upstream
   */
  async referrers(repository: string, subject: Digest): Promise<readonly Descriptor[] | undefined> {
    return await this.#once(
      `referrers ${repository} ${subject}`,
      async () =>
        this.#notes.repositories.get(repository)?.referrers.get(subject) ??
        (await this.#record(repository, async (remote, signal) => {
          const list: Descriptor[] = [];
          for await (const entry of remote.referrers(subject, { signal })) list.push(entry);
          return (notes) => {
            notes.referrers.set(subject, list);
            return list;
          };
        })),
    );
  }

  /** Gives up what is under way, lists in the layout what is whole by now, and lets go of the folder. */
  async close(): Promise<void> {
    this.#closing.abort(new OciError('ABORTED', 'the recording registry is closed'));
    await Promise.allSettled(this.#busy.values());
    try {
      if (this.#sink !== undefined) {
        await listWhole(this.#notes, this.#source, this.#sink);
        await this.#sink.finish?.();
      }
    } finally {
      await this.#sink?.abandon?.();
      await this.#source.close();
      await this.#upstream?.close();
    }
  }

  async #recordManifest(repository: string, reference: string): Promise<Descriptor | undefined> {
    return await this.#record(repository, async (remote, signal, sink) => {
      const { descriptor: told, bytes } = await remote.manifest(reference, { signal });
      // Some registries leave the type to the document.
      const { mediaType } = parseManifest(bytes, told.mediaType === '' ? undefined : told.mediaType);
      const descriptor: Descriptor = { mediaType, digest: told.digest, size: bytes.byteLength };
      const blob: Blob = { descriptor, open: () => Promise.resolve(streamOf(bytes)) };
      await sink.putBlob(blob, { signal });
      return ({ manifests }) => {
        manifests.set(reference, descriptor).set(descriptor.digest, descriptor);
        return descriptor;
      };
    });
  }

  async #recordBlob(repository: string, digest: Digest): Promise<number | undefined> {
    return await this.#record(repository, async (remote, signal, sink) => {
      const size = await remote.blobSize(digest, { signal });
      if (size === undefined)
        throw new OciError('BLOB_UNKNOWN', `${remote.name('blob', digest)} is not there`, {
          detail: { digest },
        });
      const { remoteSource } = await import('../../client/index.js');
      await sink.putBlob(blobOf(remoteSource(remote), blobDescriptor(digest, size)), { signal });
      return ({ blobs }) => {
        blobs.set(digest, size);
        return size;
      };
    });
  }

  /** Asks the upstream, and notes what came; undefined when there is none. */
  async #record<T>(
    repository: string,
    ask: (
      remote: RemoteRepository,
      signal: AbortSignal,
      sink: Sink,
    ) => Promise<(notes: RepositoryNotes) => T>,
  ): Promise<T | undefined> {
    if (this.#upstream === undefined || this.#sink === undefined) return undefined;
    const { signal } = this.#closing;
    signal.throwIfAborted();
    const note = await ask(this.#upstream.repository(repository), signal, this.#sink);
    const noted = note(this.#notes.of(repository));
    await this.#notes.save();
    return noted;
  }

  async #once<T>(what: string, work: () => Promise<T>): Promise<T> {
    const running = this.#busy.get(what) as Promise<T> | undefined;
    if (running !== undefined) return await running;
    const started = work();
    this.#busy.set(what, started);
    try {
      return await started;
    } finally {
      this.#busy.delete(what);
    }
  }
}

const blobDescriptor = (digest: Digest, size: number): Descriptor => ({
  mediaType: 'application/octet-stream',
  digest,
  size,
});

const byCodeUnit = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
