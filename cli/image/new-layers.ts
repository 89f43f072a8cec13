import { stat } from 'node:fs/promises';
import { createReadStream, type Stats } from 'node:fs';
import {
  folderEntries,
  layerFromStream,
  windowsLayer,
  type FolderOptions,
  type SpooledLayer,
} from '../../image/files/index.js';
import { layerFromFile, type LayerOptions } from '../../image/layer.js';
import type { Packing } from '../../image/packing.js';
import { writeTar } from '../../image/tar/index.js';
import { sourceDateEpoch } from '../../image/time.js';
import { parseConfig, type ImageView } from '../../image/views/image.js';
import { isImageConfigType, type LayerView } from '../../image/views/index.js';
import { OciError, printable, type ByteStream } from '../../oci/index.js';
import type { Context } from '../context.js';
import { UsageError, systemCode } from '../exit.js';
import { checkTar, fileEntries, isPacked } from './layer-files.js';
import type { Media } from './media.js';

/** What `-f` names: a tar, what is to lie at a place in the image, or the standard input. */
export interface LayerInput {
  /** `-` is the standard input. */
  readonly path: string;
  /** Where a folder or a file lies in the image. */
  readonly at?: string;
}

/**
 * Reads `-f`: `layer.tar`, `-`, `DIR:/place`, `FILE:/place`. What is there by its whole name is meant by it.
 * @throws UsageError for what is not there
 */
export async function parseLayerInput(text: string): Promise<LayerInput> {
  if (text === '-' || (await statOf(text)) !== undefined) return { path: text };
  const [, path = '', at = ''] = /^(.+?):(\/.*)$/s.exec(text) ?? [];
  if (path !== '' && (await statOf(path)) !== undefined) return { path, at };
  throw new UsageError(`-f ${printable(text)}: there is no such file or folder`);
}

/**
 * The standard input can be read once.
 * @param image what the layers go to
 * @throws UsageError
 */
export function refuseTwice(image: string | undefined, inputs: readonly LayerInput[]): void {
  const uses = [image, ...inputs.map(({ path }) => path)].filter((path) => path === '-');
  if (uses.length > 1) throw new UsageError('- can be given once: the standard input can be read once');
}

/** Makes the layers of a command, each once, however many images they go to. */
export class NewLayers {
  readonly #context: Context;
  readonly #media: Media;
  readonly #compression: Packing;
  readonly #made = new Map<LayerInput, Promise<LayerView>>();
  readonly #forWindows = new Map<LayerInput, Promise<LayerView>>();
  readonly #inputs: readonly LayerInput[];

  /** @param compression of tars that are not packed yet */
  constructor(context: Context, media: Media, inputs: readonly LayerInput[], compression: Packing = 'gzip') {
    this.#context = context;
    this.#media = media;
    this.#inputs = inputs;
    this.#compression = compression;
  }

  /** The layers for an image: in the form of Windows where it is for that. */
  async for(image: ImageView): Promise<readonly LayerView[]> {
    const windows = await isWindows(image, this.#media.signal);
    const layers: LayerView[] = [];
    // One after another: each may take both processors and a temporary file.
    for (const input of this.#inputs) {
      // oxlint-disable-next-line no-await-in-loop
      layers.push(await (windows ? this.#windows(input) : this.#plain(input)));
    }
    return layers;
  }

  #plain(input: LayerInput): Promise<LayerView> {
    return remembered(this.#made, input, () => this.#make(input));
  }

  #windows(input: LayerInput): Promise<LayerView> {
    return remembered(this.#forWindows, input, async () =>
      this.#spooled(await windowsLayer(await this.#plain(input), this.#options())),
    );
  }

  async #make({ path, at }: LayerInput): Promise<LayerView> {
    if (path === '-') return await this.#stream(this.#media.places.input());
    const found = await statOf(path);
    if (found?.isDirectory() === true)
      return await this.#stream(writeTar(folderEntries(path, this.#folderOptions(at))));
    if (at !== undefined)
      return await this.#stream(writeTar(fileEntries(path, at, this.#mtime().getTime() / 1000)));
    if (found?.isFile() === true) {
      await checkTar(path, { signal: this.#media.signal });
      // Packed already: nothing is gained by a copy.
      if (await isPacked(path)) return await layerFromFile(path, this.#options());
    }
    return await this.#stream(createReadStream(path, { highWaterMark: 1 << 20 }));
  }

  async #stream(stream: ByteStream): Promise<LayerView> {
    return this.#spooled(await layerFromStream(stream, this.#options()));
  }

  #spooled(layer: SpooledLayer): LayerView {
    this.#media.after(() => layer.close());
    return layer;
  }

  #options(): LayerOptions {
    return { compression: this.#compression, signal: this.#media.signal };
  }

  #mtime(): Date {
    return sourceDateEpoch(this.#context.env) ?? new Date(0);
  }

  #folderOptions(at: string | undefined): FolderOptions {
    const { signal } = this.#media;
    return {
      signal,
      mtime: this.#mtime(),
      onNotice: (notice) => this.#context.err.write(`${printable(notice)}\n`),
      ...(at === undefined ? {} : { at }),
    };
  }
}

function remembered<T>(
  made: Map<LayerInput, Promise<T>>,
  key: LayerInput,
  make: () => Promise<T>,
): Promise<T> {
  const value = made.get(key) ?? make();
  made.set(key, value);
  return value;
}

async function isWindows(image: ImageView, signal: AbortSignal): Promise<boolean> {
  const { config } = await image.manifest({ signal });
  return (
    isImageConfigType(config.mediaType) &&
    parseConfig(await image.config({ signal }), config).os === 'windows'
  );
}

async function statOf(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ENAMETOOLONG'].includes(systemCode(error) ?? '')) return undefined;
    throw new OciError('INVALID_OPTION', `-f ${printable(path)}: ${(error as Error).message}`, {
      cause: error,
    });
  }
}
