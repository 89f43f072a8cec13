import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Writable } from 'node:stream';
import type { ArchiveInput, ArchiveTarget } from '../../image/archive/index.js';
import type { Sink, Source } from '../../image/media.js';
import type { Place } from '../../image/place.js';
import { OciError, printable, type ByteStream } from '../../oci/index.js';
import type { Store } from '../../registry/index.js';
import type { Session } from '../client-session.js';
import type { Context } from '../context.js';
import { existingDataFolder } from '../data-folder.js';
import { UsageError, systemCode } from '../exit.js';
import { openData } from '../work.js';

/** What places are opened with. */
export interface PlacesOptions {
  readonly context: Context;
  readonly signal: AbortSignal;
  /** Undefined when nothing is in a registry. */
  readonly session: Session | undefined;
}

/** Opens places as sources and sinks; what each needs is loaded when the first of its kind comes. */
export class Places {
  readonly #options: PlacesOptions;
  readonly #stores = new Map<string, Promise<Store>>();

  constructor(options: PlacesOptions) {
    this.#options = options;
  }

  /** The client of the command. Throws UsageError when nothing in it is in a registry. */
  get session(): Session {
    const { session } = this.#options;
    if (session === undefined) throw new UsageError('expected the name of something in a registry');
    return session;
  }

  async source(place: Place): Promise<Source> {
    const { signal } = this.#options;
    const call = { signal };
    switch (place.medium) {
      case 'registry': {
        const { remoteSource } = await import('../../client/index.js');
        const { retry } = this.session;
        const onNotice = (notice: string): void => this.#tell(notice);
        return remoteSource(this.session.repository(place.reference), { retry, onNotice });
      }
      case 'oci':
        return (await import('../../image/layout/index.js')).openLayout(place.path, call);
      case 'store': {
        const store = await this.#store(existingDataFolder(place.path, {}));
        return (await import('../../registry/store-media.js')).storeSource(store, place.repository);
      }
      case 'oci-archive':
        return (await import('../../image/archive/index.js')).openLayoutArchive(place.path, call);
      case 'docker-archive':
        return (await import('../../image/archive/index.js')).openDockerArchive(place.path, call);
      case 'docker-daemon':
      default:
        return (await import('../../image/daemon/index.js')).openDaemonImage(place.name, this.#daemon());
    }
  }

  /** A folder with an OCI layout, or an archive of any kind; `-` is one on the standard input. */
  async path(path: string): Promise<Source> {
    const call = { signal: this.#options.signal };
    if (path !== '-' && (await isFolder(path)))
      return (await import('../../image/layout/index.js')).openLayout(path, call);
    const { openArchive } = await import('../../image/archive/index.js');
    return openArchive(path === '-' ? this.input() : path, call);
  }

  async sink(place: Place): Promise<Sink> {
    const { context, signal } = this.#options;
    const call = { signal };
    switch (place.medium) {
      case 'registry': {
        const { journalFolder, openJournal, remoteSink } = await import('../../client/index.js');
        const onNotice = (notice: string): void => this.#tell(notice);
        return remoteSink(this.session.repository(place.reference), {
          journal: openJournal({ folder: journalFolder(context.env), onNotice }),
          onNotice,
          retry: this.session.retry,
        });
      }
      case 'oci':
        return (await import('../../image/layout/index.js')).createLayout(place.path, call);
      case 'store': {
        const store = await this.#store(place.path);
        return (await import('../../registry/store-media.js')).storeSink(store, place.repository);
      }
      case 'oci-archive':
        return await this.layoutArchive(place.path);
      case 'docker-archive':
        return (await import('../../image/archive/index.js')).createDockerArchive(this.output(place.path));
      case 'docker-daemon':
      default:
        return (await import('../../image/daemon/index.js')).createDaemonSink(this.#daemon());
    }
  }

  /** An OCI layout in a tar that Docker reads too; `-` is the standard output. */
  async layoutArchive(path: string): Promise<Sink> {
    const { createLayoutArchive } = await import('../../image/archive/index.js');
    return await createLayoutArchive(this.output(path), { dockerManifest: true, seal: true });
  }

  /** The standard input. Throws UsageError when it is a terminal. */
  input(): ByteStream & ArchiveInput {
    const { input } = this.#options.context;
    if (input.isTTY === true)
      throw new UsageError('- is the standard input, which is a terminal: pipe something into it');
    return input;
  }

  /** Where an archive is written to: a path, or for `-` the standard output. Throws UsageError when that is a terminal. */
  output(path: string): ArchiveTarget {
    return path === '-' ? standardOutput(this.#options.context) : path;
  }

  /** Closes the data folders. */
  async close(): Promise<void> {
    for (const store of await Promise.allSettled(this.#stores.values()))
      if (store.status === 'fulfilled') await store.value.close();
  }

  #store(path: string): Promise<Store> {
    const folder = resolve(path);
    const known = this.#stores.get(folder) ?? openData(folder);
    this.#stores.set(folder, known);
    return known;
  }

  #tell(notice: string): void {
    this.#options.context.err.write(`${printable(notice)}\n`);
  }

  #daemon(): { readonly signal: AbortSignal; readonly host?: string } {
    const { context, signal } = this.#options;
    const host = context.env['DOCKER_HOST'];
    return { signal, ...(host === undefined || host === '' ? {} : { host }) };
  }
}

/**
 * The standard output as a stream that may be ended.
 * @throws UsageError when it is a terminal
 */
export function standardOutput({ out }: Context): Writable {
  refuseTerminal({ out });
  return new Writable({
    write(chunk: Uint8Array, _encoding, done): void {
      out
        .writeBytes(chunk)
        .then(
          (open) =>
            done(open ? null : new OciError('ABORTED', 'the standard output was closed before its end')),
          done,
        );
    },
  });
}

/** Bytes of an image on a terminal help nobody. Throws UsageError. */
export function refuseTerminal({ out }: Pick<Context, 'out'>): void {
  if (out.isTerminal) throw new UsageError('the standard output is a terminal: redirect it, or name a file');
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false;
    throw error;
  }
}
