import type { ImageContent, IndexContent } from './content.js';
import { describedImage, describedIndex, type ImageDescription, type IndexDescription } from './described.js';
import type { RandomSeed } from './seeded.js';

/** What random content depends on; equal options give equal digests everywhere. */
export interface RandomImageOptions extends Omit<ImageDescription, 'files' | 'random'> {
  /** Default 0. */
  readonly seed?: RandomSeed;
}

/** As for an image, for each of the platforms. */
export interface RandomIndexOptions extends Omit<IndexDescription, 'files' | 'random' | 'platforms'> {
  readonly seed?: RandomSeed;
  /** Default `linux/amd64` and `linux/arm64`. */
  readonly platforms?: IndexDescription['platforms'];
}

/**
 * An image of random layers, by default two of 1 KiB.
 * @throws OciError `INVALID_OPTION`
 */
export function randomImage(options: RandomImageOptions = {}): ImageContent {
  const { seed = 0, layers = 2, ...rest } = options;
  return describedImage({ ...rest, layers, random: seed });
}

/**
 * An index of random images.
 * @throws OciError `INVALID_OPTION`
 */
export function randomIndex(options: RandomIndexOptions = {}): IndexContent {
  const { seed = 0, layers = 2, platforms = ['linux/amd64', 'linux/arm64'], ...rest } = options;
  return describedIndex({ ...rest, layers, platforms, random: seed });
}
