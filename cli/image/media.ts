import { copy, type CopyOptions, type CopyReport, type CopyRoot } from '../../image/copy/index.js';
import type { Sink, Source } from '../../image/media.js';
import { parsePlace, type Place } from '../../image/place.js';
import type { ImageView, View } from '../../image/views/index.js';
import type { RemoteRepository } from '../../client/index.js';
import { OciError, isIndexType, printable, quote, type Descriptor, type Reference } from '../../oci/index.js';
import { withClient, type Session } from '../client-session.js';
import type { Context } from '../context.js';
import { UsageError } from '../exit.js';
import { interruptible } from '../interrupt.js';
import { progressView, type ProgressFlags } from '../progress.js';
import type { ImageFlags } from './options.js';
import { keyOf, nameIn, tagsOf } from './place-names.js';
import { Places } from './places.js';
import { annotatedAs } from './pull-names.js';

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

/** What `Media` works with. */
interface MediaOptions {
  readonly context: Context;
  readonly signal: AbortSignal;
  readonly flags: ImageFlags & ProgressFlags;
}

/**
 * Does a command's work with the places it names. A client is loaded when one of them is in a registry, a store opened when
 * one is in a data folder; at the end, everything is closed, and what was half written is taken away.
 * @param options.remote a client is needed all the same: for what is named in content
 */
export async function withMedia<T>(
  context: Context,
  flags: ImageFlags & ProgressFlags,
  texts: readonly (string | undefined)[],
  work: (media: Media) => Promise<T>,
  { remote: surely = false }: { readonly remote?: boolean } = {},
): Promise<T> {
  const places = texts.flatMap((text) => (text === undefined || text === '-' ? [] : [parsePlace(text)]));
  const remote = surely || places.some(({ medium }) => medium === 'registry');
  const run = async (signal: AbortSignal, session?: Session): Promise<T> => {
    const media = new Media(new Places({ context, signal, session }), { context, signal, flags });
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
  /** Opens what is not kept here: archives by their paths. */
  readonly places: Places;
  readonly #context: Context;
  readonly #flags: ImageFlags & ProgressFlags;
  readonly #sources = new Map<string, Promise<Source>>();
  readonly #unfinished = new Set<Sink>();
  readonly #after: (() => Promise<void>)[] = [];

  constructor(places: Places, { context, signal, flags }: MediaOptions) {
    this.places = places;
    this.#context = context;
    this.#flags = flags;
    this.signal = signal;
  }

  /** The client of the command. Throws UsageError when nothing in it is in a registry. */
  get session(): Session {
    return this.places.session;
  }

  /** A place as a source. Opened once; `-` is an archive on the standard input. */
  source(text: string): Promise<Source> {
    if (text === '-') return this.path(text);
    const place = parsePlace(text);
    return this.#opened(keyOf(place), () => this.places.source(place));
  }

  /** A folder with an OCI layout, or an archive of any kind, by its path; `-` is the standard input. */
  path(path: string): Promise<Source> {
    return this.#opened(`path:${path}`, () => this.places.path(path));
  }

  #opened(key: string, open: () => Promise<Source>): Promise<Source> {
    const source = this.#sources.get(key) ?? open();
    this.#sources.set(key, source);
    return source;
  }

  /**
   * What a person named.
   * @throws OciError `MANIFEST_UNKNOWN` when it is not there
   */
  async find(text: string): Promise<Found> {
    const source = await this.source(text);
    const name = text === '-' ? text : annotatedAs(text);
    return await this.findIn(source, nameIn(text), name);
  }

  /**
   * The same in a source that is open.
   * @param reference empty: the only one there is
   * @param name of it, or of the place it is looked for in
   */
  async findIn(source: Source, reference: string, name: string = source.name): Promise<Found> {
    const descriptor = await source.resolve(reference, { signal: this.signal });
    if (descriptor !== undefined) return { source, descriptor, name };
    const message = name.endsWith(reference)
      ? `${printable(name)} is not there`
      : `${printable(name)} holds nothing that is called ${quote(reference)}`;
    throw new OciError('MANIFEST_UNKNOWN', message, { detail: { name } });
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
  async target(text: string): Promise<Target> {
    const place = parsePlace(text);
    const sink = await this.places.sink(place);
    this.#unfinished.add(sink);
    return { place, sink, tags: tagsOf(place) };
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

  /** Has something done when the command ends, however it does: temporary files taken away. */
  after(work: () => Promise<void>): void {
    this.#after.push(work);
  }

  /** Closes everything; sinks that are not finished take away what they wrote. */
  async close(): Promise<void> {
    for (const sink of this.#unfinished) await sink.abandon?.();
    for (const source of await Promise.allSettled(this.#sources.values()))
      if (source.status === 'fulfilled') await source.value.close?.();
    await this.places.close();
    for (const work of this.#after) await work();
  }
}
