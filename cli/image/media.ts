import { stat } from 'node:fs/promises';
import { copy, type CopyOptions, type CopyReport, type CopyRoot } from '../../image/copy/index.js';
import type { Sink, Source } from '../../image/media.js';
import { formatPlace, parsePlace, type Place } from '../../image/place.js';
import type { ImageView, View } from '../../image/views/index.js';
import type { RemoteRepository } from '../../client/index.js';
import {
  OciError,
  formatReference,
  isDigest,
  isIndexType,
  printable,
  type Descriptor,
  type Digest,
  type Reference,
} from '../../oci/index.js';
import type { Store } from '../../registry/index.js';
import { withClient, type Session } from '../client-session.js';
import type { Context } from '../context.js';
import { existingDataFolder } from '../data-folder.js';
import { UsageError, systemCode } from '../exit.js';
import { interruptible } from '../interrupt.js';
import { progressView, type ProgressFlags } from '../progress.js';
import { openData } from '../work.js';
import type { ImageFlags } from './options.js';

/** Content that a person named. */
export interface Found {
  readonly source: Source;
  readonly descriptor: Descriptor;
  /** As it was named, in full. */
  readonly name: string;
}

/** Where content goes that a person named. */
export interface Target {
  readonly place: Place;
  readonly sink: Sink;
  /** The names it gets there. */
  readonly tags: readonly string[];
}

/** How names of a place are written into archives. */
export interface TargetOptions {
  /** Replaces the names of the place. */
  readonly tags?: readonly string[];
}

/**
 * Does a command's work with the places it names. A client is loaded when one of them is in a registry, a store opened when
 * one is in a data folder; at the end, everything is closed, and what was half written is taken away.
 */
export async function withMedia<T>(
  context: Context,
  flags: ImageFlags & ProgressFlags,
  texts: readonly (string | undefined)[],
  work: (media: Media) => Promise<T>,
): Promise<T> {
  const places = texts.flatMap((text) => (text === undefined || text === '-' ? [] : [parsePlace(text)]));
  const remote = places.some(({ medium }) => medium === 'registry');
  const run = async (signal: AbortSignal, session?: Session): Promise<T> => {
    const media = new Media(context, flags, signal, session);
    try {
      return await work(media);
    } finally {
      await media.close();
    }
  };
  return remote
    ? await withClient(context, flags, (session) => run(session.signal, session))
    : await interruptible((signal) => run(signal));
}

/** The places of one command, opened on demand. */
export class Media {
  readonly signal: AbortSignal;
  readonly #context: Context;
  readonly #flags: ImageFlags & ProgressFlags;
  readonly #session: Session | undefined;
  readonly #sources = new Map<string, Promise<Source>>();
  readonly #stores = new Map<string, Promise<Store>>();
  readonly #unfinished = new Set<Sink>();

  constructor(
    context: Context,
    flags: ImageFlags & ProgressFlags,
    signal: AbortSignal,
    session: Session | undefined,
  ) {
    this.#context = context;
    this.#flags = flags;
    this.signal = signal;
    this.#session = session;
  }

  /** The client of the command. Throws UsageError when nothing in it is in a registry. */
  get session(): Session {
    if (this.#session === undefined) throw new UsageError('expected the name of something in a registry');
    return this.#session;
  }

  /** A place as a source. Opened once; `-` is an archive on the standard input. */
  source(text: string): Promise<Source> {
    const place = text === '-' ? undefined : parsePlace(text);
    const key = place === undefined ? '-' : keyOf(place);
    const known = this.#sources.get(key) ?? this.#openSource(place);
    this.#sources.set(key, known);
    return known;
  }

  /** A folder with an OCI layout, or an archive of any kind, by its path. */
  path(path: string): Promise<Source> {
    const key = `path:${path}`;
    const known = this.#sources.get(key) ?? this.#openPath(path);
    this.#sources.set(key, known);
    return known;
  }

  /**
   * What a person named.
   * @throws OciError `MANIFEST_UNKNOWN` when it is not there
   */
  async find(text: string): Promise<Found> {
    const source = await this.source(text);
    const name = text === '-' ? text : formatPlace(parsePlace(text));
    return await this.findIn(source, nameIn(text), name);
  }

  /** The same in a source that is open. @param reference empty: the only one there is */
  async findIn(source: Source, reference: string, name: string = source.name): Promise<Found> {
    const descriptor = await source.resolve(reference, { signal: this.signal });
    if (descriptor !== undefined) return { source, descriptor, name };
    throw new OciError('MANIFEST_UNKNOWN', `${printable(name)} is not there`, { detail: { name } });
  }

  /** It as an image or an index. */
  async view(text: string): Promise<View> {
    const { source, descriptor } = await this.find(text);
    const { openView } = await import('../../image/views/index.js');
    return await openView(source, descriptor);
  }

  /** It as one image: of an index, the one for `--platform`; linux/amd64 when nobody says, and the choice is told. */
  async image(text: string): Promise<ImageView> {
    const view = await this.view(text);
    return await this.imageOf(view, text);
  }

  /** The image that is meant by an image or an index. */
  async imageOf(view: View, name: string): Promise<ImageView> {
    const { DEFAULT_PLATFORM, selectPlatform } = await import('../../image/views/index.js');
    const platform = this.onePlatform();
    const image = await selectPlatform(view, platform ?? DEFAULT_PLATFORM, {
      signal: this.signal,
      what: printable(name),
    });
    if (view.kind === 'index' && platform === undefined)
      this.#context.err.write(
        `${printable(name)} is an index: took linux/amd64; --platform chooses another\n`,
      );
    return image;
  }

  /** The one `--platform`. Throws UsageError for several. */
  onePlatform(): NonNullable<ImageFlags['platform']>[number] | undefined {
    const [platform, ...others] = this.#flags.platform ?? [];
    if (others.length > 0) throw new UsageError('here only one --platform can be given');
    return platform;
  }

  /** What a name stands for, by `--platform`: without one, an index is an index. */
  async chosen(text: string): Promise<Found & { readonly chosen: Descriptor }> {
    const found = await this.find(text);
    const platform = this.onePlatform();
    if (platform === undefined || !isIndexType(found.descriptor.mediaType))
      return { ...found, chosen: found.descriptor };
    const { indexFrom, selectPlatform } = await import('../../image/views/index.js');
    const image = await selectPlatform(indexFrom(found.source, found.descriptor), platform, {
      signal: this.signal,
      what: printable(found.name),
    });
    return { ...found, chosen: image.descriptor };
  }

  /** A repository of a registry. Throws UsageError for a place of another kind. */
  repository(text: string): RemoteRepository {
    return this.session.repository(this.reference(text));
  }

  /** A reference to a registry, as a person named it. Throws UsageError for a place of another kind. */
  reference(text: string): Reference {
    const place = parsePlace(text);
    if (place.medium !== 'registry') throw new UsageError(`${printable(text)} is not in a registry`);
    return place.reference;
  }

  /** A place as a sink. `finish` ends the work of all that were opened. */
  async target(text: string, options: TargetOptions = {}): Promise<Target> {
    const place = parsePlace(text);
    const sink = await this.#openSink(place);
    this.#unfinished.add(sink);
    return { place, sink, tags: options.tags ?? tagsOf(place) };
  }

  /** An archive or a layout by its path, as a sink. */
  async own<S extends Sink>(sink: S): Promise<S> {
    this.#unfinished.add(sink);
    return sink;
  }

  /** Copies, with progress as the flags say. */
  async copy(
    source: Source,
    sink: Sink,
    roots: readonly CopyRoot[],
    options: CopyOptions = {},
  ): Promise<CopyReport> {
    const view = progressView(this.#context, this.#flags);
    const { allowNondistributableArtifacts: nonDistributable = false } = this.#flags;
    try {
      return await copy(source, sink, roots, {
        signal: this.signal,
        nonDistributable,
        onProgress: view.tell,
        ...options,
      });
    } finally {
      view.end();
    }
  }

  /** Ends the work of every sink: archives get their names. */
  async finish(): Promise<void> {
    for (const sink of this.#unfinished) {
      await sink.finish?.({ signal: this.signal });
      this.#unfinished.delete(sink);
    }
  }

  /** Closes everything; sinks that are not finished take away what they wrote. */
  async close(): Promise<void> {
    for (const sink of this.#unfinished) await sink.abandon?.();
    for (const source of await Promise.allSettled(this.#sources.values()))
      if (source.status === 'fulfilled') await source.value.close?.();
    for (const store of await Promise.allSettled(this.#stores.values()))
      if (store.status === 'fulfilled') await store.value.close();
  }

  async #openSource(place: Place | undefined): Promise<Source> {
    const call = { signal: this.signal };
    if (place === undefined) return (await import('../../image/archive/index.js')).openArchive('-', call);
    if (place.medium === 'registry') {
      const { remoteSource } = await import('../../client/index.js');
      return remoteSource(this.session.repository(place.reference));
    }
    if (place.medium === 'oci')
      return (await import('../../image/layout/index.js')).openLayout(place.path, call);
    if (place.medium === 'store') {
      const store = await this.#store(existingDataFolder(place.path, {}));
      return (await import('../../registry/store-media.js')).storeSource(store, place.repository);
    }
    const archives = await import('../../image/archive/index.js');
    if (place.medium === 'oci-archive') return archives.openLayoutArchive(place.path, call);
    if (place.medium === 'docker-archive') return archives.openDockerArchive(place.path, call);
    throw noDaemon(place);
  }

  async #openPath(path: string): Promise<Source> {
    const call = { signal: this.signal };
    if (path !== '-' && (await isFolder(path)))
      return (await import('../../image/layout/index.js')).openLayout(path, call);
    return (await import('../../image/archive/index.js')).openArchive(path, call);
  }

  async #openSink(place: Place): Promise<Sink> {
    const call = { signal: this.signal };
    if (place.medium === 'registry') {
      const { journalFolder, openJournal, remoteSink } = await import('../../client/index.js');
      const onNotice = (notice: string): void => this.#context.err.write(`${printable(notice)}\n`);
      return remoteSink(this.session.repository(place.reference), {
        journal: openJournal({ folder: journalFolder(this.#context.env), onNotice }),
        onNotice,
      });
    }
    if (place.medium === 'oci')
      return (await import('../../image/layout/index.js')).createLayout(place.path, call);
    if (place.medium === 'store') {
      const store = await this.#store(place.path);
      return (await import('../../registry/store-media.js')).storeSink(store, place.repository);
    }
    const archives = await import('../../image/archive/index.js');
    if (place.medium === 'oci-archive')
      return archives.createLayoutArchive(place.path, { dockerManifest: true, seal: true });
    if (place.medium === 'docker-archive') return archives.createDockerArchive(place.path);
    throw noDaemon(place);
  }

  #store(folder: string): Promise<Store> {
    const known = this.#stores.get(folder) ?? openData(folder);
    this.#stores.set(folder, known);
    return known;
  }
}

const noDaemon = (place: Place): OciError =>
  new OciError('UNSUPPORTED', `${printable(formatPlace(place))}: the daemon cannot be reached yet`);

/** What a source is opened for: all but the name in it. */
function keyOf(place: Place): string {
  if (place.medium === 'registry')
    return formatReference({ registry: place.reference.registry, repository: place.reference.repository });
  return formatPlace(place.medium === 'docker-daemon' ? place : { ...place, name: '' });
}

/** The name a place is asked for. */
export function nameIn(text: string): string {
  if (text === '-') return '';
  const place = parsePlace(text);
  if (place.medium !== 'registry') return place.name || (place.medium === 'store' ? 'latest' : '');
  return place.reference.digest ?? place.reference.tag ?? 'latest';
}

/** The names content gets at a place. */
function tagsOf(place: Place): readonly string[] {
  if (place.medium === 'registry')
    return place.reference.digest === undefined ? [place.reference.tag ?? 'latest'] : [];
  if (place.medium === 'store') return isDigest(place.name) ? [] : [place.name || 'latest'];
  return place.name === '' || isDigest(place.name) ? [] : [place.name];
}

/** How a command that pushes tells what it pushed: one line, `repository@digest`. */
export function pushedLine(place: Place, digest: Digest): string {
  if (place.medium === 'registry') {
    const { registry, repository } = place.reference;
    return `${formatReference({ registry, repository, digest })}\n`;
  }
  if (place.medium === 'docker-daemon') return `${formatPlace(place)}@${digest}\n`;
  return `${formatPlace({ ...place, name: digest })}\n`;
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false;
    throw error;
  }
}
