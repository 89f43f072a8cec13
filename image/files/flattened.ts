import { OciError, type ByteStream, type CallOptions } from '../../oci/index.js';
import { readTar, type TarEntry } from '../tar/index.js';
import type { ImageView } from '../views/image.js';
import type { LayerView } from '../views/layer.js';
import { nearby, type NearbyLayers, type NearbyOptions } from './nearby.js';
import { PlainPaths } from './plain.js';
import { planOf, type Emission } from './plan.js';
import { makeScratch, removeScratch } from './scratch.js';
import { Tree } from './tree.js';

/** Options for all that reads the files of an image. */
export interface FlattenedOptions extends NearbyOptions {
  /** The most bytes that all layers may unpack to, tar headers included. Default: no limit. */
  readonly limit?: number;
  /**
   * Lets an image of one layer be given while that is read, once, as most can be. Called when something comes that changes
   * what was given already: then all entries come again, from the first.
   */
  readonly restart?: () => Promise<void>;
}

/** An entry as it stands in the end, with the entry's own attributes; a file's body is to be read at once. */
export type FlattenedEntry = TarEntry & { readonly size: number };

/**
 * The files of an image as its layers leave them: each path once, none through a link, hard links behind what they link
 * to. In crane's order, the top layer first. Layers are read twice; those of a remote repository are fetched once, and kept in
 * a temporary folder in between.
 * @throws OciError `CONTENT_INVALID` for paths that lead outside and for hard links to nothing, `SIZE_LIMIT`, and what
 * reading the layers throws
 */
export async function* flattenedEntries(
  image: ImageView,
  options: FlattenedOptions = {},
): AsyncGenerator<FlattenedEntry> {
  const given = await image.layers(options);
  const remote = given.some(({ origin }) => origin !== undefined);
  const folder = remote ? await makeScratch() : undefined;
  let near: NearbyLayers | undefined;
  try {
    near = folder === undefined ? undefined : await nearby(given, folder, options);
    const layers = near?.layers ?? given;
    const [only, ...others] = layers;
    if (options.restart !== undefined && only !== undefined && others.length === 0) {
      if (yield* plainEntries(only, options)) return;
      await options.restart();
    }
    const plan = planOf(await treeOf(layers, options), layers.length);
    for (const [index, layer] of [...layers.entries()].toReversed()) {
      const emissions = plan[index];
      if (emissions !== undefined && emissions.size > 0) yield* entriesOf(layer, emissions, options);
    }
  } finally {
    await near?.close();
    if (folder !== undefined) await removeScratch(folder);
  }
}

async function treeOf(layers: readonly LayerView[], options: FlattenedOptions): Promise<Tree> {
  const tree = new Tree();
  const budget = budgetOf(options);
  for (const [index, layer] of layers.entries()) {
    const what = nameOf(layer);
    let at = 0;
    // oxlint-disable-next-line no-await-in-loop -- each lies on the one before
    const stream = limited(await layer.uncompressed(options), budget, what);
    // oxlint-disable-next-line no-await-in-loop
    for await (const { header } of readTar(stream, { ...options, what }))
      tree.add(header, { layer: index, at: at++ }, what);
  }
  return tree;
}

/** The entries of a layer as they come; false when one comes that is not plain. */
async function* plainEntries(
  layer: LayerView,
  options: FlattenedOptions,
): AsyncGenerator<FlattenedEntry, boolean> {
  const what = nameOf(layer);
  const paths = new PlainPaths();
  const stream = limited(await layer.uncompressed(options), budgetOf(options), what);
  for await (const { header, body } of readTar(stream, { ...options, what })) {
    const path = paths.add(header, what);
    if (path === undefined) return false;
    yield { ...header, name: path, ...(header.type === 'file' && { body }) };
  }
  return true;
}

/** Bytes that layers may unpack to, and how many of them are left. */
interface UnpackBudget {
  left: number;
  readonly limit: number;
}

const budgetOf = ({ limit = Infinity }: FlattenedOptions): UnpackBudget => ({ left: limit, limit });

async function* limited(stream: ByteStream, budget: UnpackBudget, what: string): AsyncGenerator<Uint8Array> {
  for await (const chunk of stream) {
    budget.left -= chunk.length;
    if (budget.left < 0) {
      throw new OciError('SIZE_LIMIT', `${what}: the image unpacks to more than ${budget.limit} bytes`, {
        detail: { limit: budget.limit },
      });
    }
    yield chunk;
  }
}

async function* entriesOf(
  layer: LayerView,
  emissions: ReadonlyMap<number, readonly Emission[]>,
  options: CallOptions,
): AsyncGenerator<FlattenedEntry> {
  let at = 0;
  for await (const { header, body } of readTar(await layer.uncompressed(options), {
    ...options,
    what: nameOf(layer),
  })) {
    for (const { path, linkTo } of emissions.get(at++) ?? []) {
      if (linkTo !== undefined) yield { ...header, name: path, type: 'link', linkname: linkTo, size: 0 };
      else yield { ...header, name: path, ...(header.type === 'file' && { body }) };
    }
  }
}

const nameOf = ({ descriptor }: LayerView): string => `layer ${descriptor.digest}`;
