import { once } from 'node:events';
import { open, realpath, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import type { Writable } from 'node:stream';
import { OciError, type CallOptions } from '../../oci/index.js';
import { freshName, ifThere, syncFolder, withRoom, writeAll } from '../layout/files.js';
import { PartsOutput, type SplitTarget } from './parts/output.js';

/** Where an archive is written to: a path, `-` for the standard output, a stream, or files of a size at most. */
export type ArchiveTarget = string | Writable | SplitTarget;

/** Takes the bytes of an archive in their order. */
export interface Output {
  readonly name: string;
  /** Throws OciError `STORE_FULL`, what the stream throws; the reason of the signal, when nobody reads on. */
  write(bytes: Uint8Array, options?: CallOptions): Promise<void>;
  /** Makes what was written durable and visible. */
  finish(options?: CallOptions): Promise<void>;
  /** Takes away what was written, where that can be done. */
  abandon(): Promise<void>;
}

/**
 * Opens an output. A file is written beside its name and gets it at the end, so that nobody sees half of it; a pipe or a
 * device is written to as it is.
 */
export async function openOutput(target: ArchiveTarget): Promise<Output> {
  if (typeof target !== 'string')
    return 'split' in target ? await PartsOutput.open(target) : new StreamOutput(target, 'the archive', true);
  if (target === '-') return new StreamOutput(process.stdout, 'the standard output', false);
  const found = await ifThere(stat(target));
  if (found !== undefined && !found.isFile()) return new FileOutput(await open(target, 'w'), target);
  // The file behind a link is what is meant.
  const path = (await ifThere(realpath(target))) ?? target;
  const temporary = freshName(dirname(path), `.${basename(path).slice(0, 100)}.`);
  return new FileOutput(await withRoom(open(temporary, 'wx', 0o644)), target, { temporary, path });
}

class FileOutput implements Output {
  readonly name: string;
  readonly #file: FileHandle;
  readonly #names: { readonly temporary: string; readonly path: string } | undefined;
  #position = 0;
  /** The piece that is on its way while the next one is made. */
  #behind: Promise<void> = Promise.resolve();

  constructor(file: FileHandle, name: string, names?: { readonly temporary: string; readonly path: string }) {
    this.#file = file;
    this.name = name;
    this.#names = names;
  }

  async write(bytes: Uint8Array): Promise<void> {
    await this.#behind;
    // A pipe has no positions.
    const position = this.#names === undefined ? null : this.#position;
    this.#behind = writeAll(this.#file, bytes, position);
    this.#behind.catch(() => undefined);
    this.#position += bytes.length;
  }

  async finish(): Promise<void> {
    await this.#behind;
    if (this.#names === undefined) {
      await this.#file.close();
      return;
    }
    await withRoom(this.#file.sync());
    await this.#file.close();
    await rename(this.#names.temporary, this.#names.path);
    await syncFolder(dirname(this.#names.path));
  }

  async abandon(): Promise<void> {
    await this.#behind.catch(() => undefined);
    await this.#file.close();
    if (this.#names !== undefined) await rm(this.#names.temporary, { force: true });
  }
}

class StreamOutput implements Output {
  readonly name: string;
  readonly #stream: Writable;
  readonly #end: boolean;
  #failure: { readonly error: Error } | undefined;

  /** @param end whether the stream is this output's own, to be ended with it */
  constructor(stream: Writable, name: string, end: boolean) {
    this.#stream = stream;
    this.name = name;
    this.#end = end;
    stream.on('error', (error) => {
      this.#failure ??= { error };
    });
  }

  async write(bytes: Uint8Array, { signal }: CallOptions = {}): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure.error;
    if (this.#stream.destroyed) throw this.#closedEarly();
    if (!this.#stream.write(bytes)) await this.#drained(signal);
  }

  async finish({ signal }: CallOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    const stop = new AbortController();
    await new Promise<void>((resolve, reject) => {
      signal?.addEventListener('abort', () => reject(signal.reason as Error), { signal: stop.signal });
      // Not every stream tells its callback that it has failed.
      const failed = (error?: Error | null): void => reject(error ?? this.#closedEarly());
      if (this.#failure !== undefined) failed(this.#failure.error);
      else if (this.#stream.destroyed) failed();
      this.#stream.once('error', failed);
      this.#stream.once('close', failed);
      const done = (error?: Error | null): void => {
        this.#stream.off('error', failed);
        this.#stream.off('close', failed);
        if (error) reject(error);
        else resolve();
      };
      if (this.#end) this.#stream.end(done);
      else this.#stream.write('', done);
    }).finally(() => stop.abort());
  }

  async abandon(): Promise<void> {
    if (this.#end) this.#stream.destroy();
  }

  #closedEarly(): OciError {
    return new OciError('ABORTED', `${this.name} was closed before its end`);
  }

  async #drained(given: AbortSignal | undefined): Promise<void> {
    const stop = new AbortController();
    const signal = given === undefined ? stop.signal : AbortSignal.any([given, stop.signal]);
    try {
      await Promise.race([once(this.#stream, 'drain', { signal }), once(this.#stream, 'close', { signal })]);
    } catch (error) {
      given?.throwIfAborted();
      throw error;
    } finally {
      stop.abort();
    }
  }
}
