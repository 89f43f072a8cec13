import { createCipheriv, createHash } from 'node:crypto';
import { OciError, type CallOptions, type Platform } from '../oci/index.js';
import { emptyImage, emptyIndex } from './empty.js';
import { createLayer, type LayerOptions } from './layer.js';
import { appendLayers, appendToIndex, editConfig, type Family } from './mutate/index.js';
import { writeTar } from './tar/index.js';
import type { ImageView, IndexView, LayerView } from './views/index.js';

/** Options of `randomImage`. */
export interface RandomImageOptions extends CallOptions {
  /** The same seed gives the same bytes on every machine. Default 0. */
  readonly seed?: number | string;
  /** Default 1. */
  readonly layers?: number;
  /** Bytes of the one file in each layer. Default 1024. */
  readonly size?: number;
  readonly platform?: Platform;
  readonly family?: Family;
  readonly compression?: LayerOptions['compression'];
}

/** Options of `randomIndex`. */
export interface RandomIndexOptions extends Omit<RandomImageOptions, 'platform'> {
  /** An image for each. Default: linux/amd64 and linux/arm64. */
  readonly platforms?: readonly Platform[];
}

const PIECE = 1 << 20;

/**
 * An image of bytes that look random and do not compress, made again from its seed each time it is read.
 * @throws OciError `INVALID_OPTION` for a number of layers or bytes that cannot be
 */
export async function randomImage(options: RandomImageOptions = {}): Promise<ImageView> {
  const { seed = 0, layers = 1, size = 1024, platform, family = 'oci', signal } = options;
  for (const [what, count] of Object.entries({ layers, size })) {
    if (!Number.isSafeInteger(count) || count < 0)
      throw new OciError('INVALID_OPTION', `${what} is ${count}, expected a whole number`);
  }
  const made: LayerView[] = [];
  for (let index = 0; index < layers; index++) {
    // oxlint-disable-next-line no-await-in-loop -- one after another: each has both processors to itself
    made.push(await randomLayer(`${seed}/${index}`, size, options));
  }
  const call: CallOptions = signal === undefined ? {} : { signal };
  const image = await appendLayers(emptyImage(family), made, call);
  return platform === undefined ? image : await editConfig(image, { platform }, call);
}

/** An index of such images, each of a seed of its own. */
export async function randomIndex(options: RandomIndexOptions = {}): Promise<IndexView> {
  const { seed = 0, family = 'oci', platforms = DEFAULT_PLATFORMS } = options;
  const images: ImageView[] = [];
  for (const [index, platform] of platforms.entries()) {
    // oxlint-disable-next-line no-await-in-loop
    images.push(await randomImage({ ...options, seed: `${seed}/${index}`, platform }));
  }
  return await appendToIndex(emptyIndex(family), images, options);
}

const DEFAULT_PLATFORMS: readonly Platform[] = [
  { os: 'linux', architecture: 'amd64' },
  { os: 'linux', architecture: 'arm64' },
];

function randomLayer(seed: string, size: number, options: RandomImageOptions): Promise<LayerView> {
  const { family = 'oci', compression = 'gzip', signal } = options;
  const name = `random-${createHash('sha256').update(seed).digest('hex').slice(0, 12)}`;
  return createLayer(
    () =>
      writeTar([{ name, type: 'file', mode: 0o644, size, ...(size > 0 && { body: keystream(seed, size) }) }]),
    { family, compression, ...(signal && { signal }) },
  );
}

/** What AES makes of zeros, with a key made of the seed: as fast as memory, and the same everywhere. */
function* keystream(seed: string, size: number): Generator<Uint8Array> {
  const key = createHash('sha256').update(seed).digest();
  const cipher = createCipheriv('aes-256-ctr', key, Buffer.alloc(16));
  const zeros = Buffer.alloc(Math.min(PIECE, size));
  for (let left = size; left > 0; left -= PIECE) yield cipher.update(zeros.subarray(0, left));
}
