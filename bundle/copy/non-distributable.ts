import {
  childrenOf,
  isManifestType,
  isNonDistributable,
  parseManifest,
  type CallOptions,
  type Descriptor,
} from '../../oci/index.js';
import type { CopyReport } from '../../image/copy/index.js';
import type { Source } from '../../image/media.js';
import { readManifest } from '../../image/read.js';
import type { CopySet } from './set.js';

/** Layers that a copy left out, by the reference of what has them. */
export async function leftOut(
  set: CopySet,
  source: Source,
  reports: readonly CopyReport[],
  options: CallOptions,
): Promise<ReadonlyMap<string, readonly Descriptor[]>> {
  const left = new Set<string>(reports.flatMap((report) => report.left.map(({ digest }) => digest)));
  const byReference = new Map<string, readonly Descriptor[]>();
  if (left.size === 0) return byReference;
  for (const { descriptor, reference } of set.items) {
    // oxlint-disable-next-line no-await-in-loop -- read before, and kept
    const layers = await restrictedLayers(source, descriptor, options);
    const missing = layers.filter(({ digest }) => left.has(digest));
    if (missing.length > 0) byReference.set(reference, missing);
  }
  return byReference;
}

/** True when something of a set has layers that may not be distributed. */
export async function hasRestricted(set: CopySet, source: Source, options: CallOptions): Promise<boolean> {
  for (const { descriptor } of set.items) {
    // oxlint-disable-next-line no-await-in-loop
    if ((await restrictedLayers(source, descriptor, options)).length > 0) return true;
  }
  return false;
}

async function restrictedLayers(
  source: Source,
  descriptor: Descriptor,
  options: CallOptions,
): Promise<Descriptor[]> {
  const manifest = parseManifest(await readManifest(source, descriptor, options), descriptor.mediaType);
  const below = childrenOf(manifest);
  const own = below.filter(({ mediaType }) => isNonDistributable(mediaType));
  const children = below.filter(({ mediaType }) => manifest.kind === 'index' && isManifestType(mediaType));
  const nested = await Promise.all(children.map((child) => restrictedLayers(source, child, options)));
  return [...own, ...nested.flat()];
}
