import {
  Digester,
  algorithmOf,
  baseMediaType,
  isNonDistributable,
  isOciError,
  quote,
  type ByteStream,
  type Digest,
} from '../../oci/index.js';
import { ByteReader } from '../byte-reader.js';
import { MAGIC_LENGTH, decompress, detectCompression, type Compression } from '../compression.js';
import { corrupt } from '../corrupt.js';
import { digested } from '../packing.js';
import { readTar } from '../tar/index.js';
import { isLayerType, type LayerView } from '../views/layer.js';
import { attempt, type Problem, type ValidateOptions } from './problem.js';

/**
 * What is wrong with a layer: its digest and size, what it unpacks to, its tar, and whether it is packed as its type
 * says. It is read once. A layer that may not be distributed need not be there.
 * @param diffId what the config says it unpacks to
 */
export async function layerProblems(
  layer: LayerView,
  diffId: Digest | undefined,
  options: ValidateOptions,
): Promise<Problem[]> {
  const problems: Problem[] = [];
  const note = (message: string): unknown => problems.push({ at, message });
  const at = `layer ${layer.descriptor.digest}`;
  await attempt(problems, at, checked(layer, diffId, note, options));
  return problems;
}

type Note = (message: string) => void;

async function checked(
  layer: LayerView,
  diffId: Digest | undefined,
  note: Note,
  options: ValidateOptions,
): Promise<void> {
  try {
    if (options.fast === true) await isThere(layer, options);
    else await readAll(layer, diffId, note, options);
  } catch (error) {
    const mayBeMissing = isNonDistributable(layer.descriptor.mediaType);
    if (!mayBeMissing || !isOciError(error, 'BLOB_UNKNOWN')) throw error;
  }
}

/** Asks for one byte: the least that every place can give. */
async function isThere(layer: LayerView, options: ValidateOptions): Promise<void> {
  if (layer.descriptor.size === 0) return;
  const reader = new ByteReader(await layer.open({ ...options, range: { start: 0, end: 0 } }));
  const first = await reader.take(1);
  await reader.close();
  if (first.length === 0) throw corrupt(`layer ${layer.descriptor.digest} is empty`);
}

async function readAll(
  layer: LayerView,
  diffId: Digest | undefined,
  note: Note,
  options: ValidateOptions,
): Promise<void> {
  const { digest, size, mediaType } = layer.descriptor;
  const outer = new Digester(algorithmOf(digest));
  const stored = digested(await layer.open(options), outer);
  if (isLayerType(mediaType)) await readTarOf(layer, stored, diffId, note, options);
  else for await (const _ of stored) options.signal?.throwIfAborted();
  if (outer.size !== size) note(`it has ${outer.size} bytes, but its descriptor says ${size}`);
  if (outer.digest() !== digest) note(`its digest is ${outer.digest()}`);
}

async function readTarOf(
  layer: LayerView,
  stored: ByteStream,
  diffId: Digest | undefined,
  note: Note,
  options: ValidateOptions,
): Promise<void> {
  const what = `layer ${layer.descriptor.digest}`;
  const reader = new ByteReader(stored);
  const first = await reader.take(MAGIC_LENGTH);
  reader.unread(first);
  const said = packingOf(layer.descriptor.mediaType);
  const found = detectCompression(first);
  if (said !== found) note(`its type ${quote(layer.descriptor.mediaType)} says ${said}, but it is ${found}`);
  const inner = new Digester(diffId === undefined ? 'sha256' : algorithmOf(diffId));
  const names = new Set<string>();
  const unpacked = digested(decompress(reader.rest(), { ...options, what }), inner);
  for await (const { header } of readTar(unpacked, { ...options, what })) {
    if (names.has(header.name)) note(`it has ${quote(header.name)} twice`);
    names.add(header.name);
  }
  if (diffId !== undefined && inner.digest() !== diffId)
    note(`it unpacks to ${inner.digest()}, but the config says ${diffId}`);
}

function packingOf(mediaType: string): Compression {
  const type = baseMediaType(mediaType);
  return type.endsWith('gzip') ? 'gzip' : type.endsWith('zstd') ? 'zstd' : 'none';
}
