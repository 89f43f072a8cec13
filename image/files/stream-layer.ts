import { open, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { Digester, OciError, type ByteStream, type CallOptions } from '../../oci/index.js';
import { abortable } from '../abortable.js';
import { ByteReader } from '../byte-reader.js';
import { MAGIC_LENGTH, decompress, detectCompression } from '../compression.js';
import { LAYER_TYPES, type LayerOptions } from '../layer.js';
import { withRoom, writeAll } from '../layout/files.js';
import { writeStream } from '../layout/write-stream.js';
import { digested, packTar, type Packed, type PackedFacts } from '../packing.js';
import { layerOf, type LayerView } from '../views/layer.js';
import { readFrom } from './nearby.js';
import { makeScratch, removeScratch } from './scratch.js';

/** A layer whose bytes lie in a temporary file. */
export interface SpooledLayer extends LayerView {
  /** Takes the file away. What is not closed goes when the process ends. */
  close(): Promise<void>;
}

/**
 * A layer from a stream that can be read once only: a pipe, or what another layer was turned into. It is written to a
 * temporary file while both its digests are made. A plain tar is packed as asked; what is packed already stays as it is.
 * @throws OciError `CONTENT_INVALID` for damaged compressed input, `STORE_FULL`, and what the stream throws
 */
export async function layerFromStream(
  stream: ByteStream,
  { family = 'oci', compression = 'gzip', signal }: LayerOptions = {},
): Promise<SpooledLayer> {
  const folder = await makeScratch();
  try {
    const path = join(folder, 'layer');
    const call: CallOptions = signal === undefined ? {} : { signal };
    const reader = new ByteReader(abortable(stream, call));
    try {
      const first = await reader.take(MAGIC_LENGTH);
      reader.unread(first);
      const found = detectCompression(first);
      const outer = new Digester();
      const source = reader.rest();
      const file = await withRoom(open(path, 'wx', 0o600));
      let facts: PackedFacts;
      try {
        facts =
          found === 'none'
            ? await writePlain(file, packTar(source, compression), outer)
            : await writePacked(file, digested(source, outer));
      } finally {
        await file.close();
      }
      const descriptor = {
        mediaType: LAYER_TYPES[family][found === 'none' ? compression : found],
        digest: outer.digest(),
        size: outer.size,
        ...(facts.annotations && { annotations: facts.annotations }),
      };
      let closed = false;
      const layer = layerOf(
        {
          descriptor,
          open: async (options) => {
            if (!closed) return readFrom(path, options);
            throw new OciError(
              'INVALID_OPTION',
              `layer ${descriptor.digest} was closed, and its file is gone`,
            );
          },
        },
        { diffId: facts.diffId },
      );
      const close = async (): Promise<void> => {
        closed = true;
        await removeScratch(folder);
      };
      return { ...layer, close };
    } finally {
      await reader.close();
    }
  } catch (error) {
    await removeScratch(folder);
    throw error;
  }
}

async function writePlain(file: FileHandle, packed: Packed, outer: Digester): Promise<PackedFacts> {
  await writeStream(file, digested(packed.stream, outer));
  return packed.facts();
}

/** Writes packed bytes as they are, while they are unpacked for their digest only. */
async function writePacked(file: FileHandle, source: ByteStream): Promise<PackedFacts> {
  const inner = new Digester();
  let position = 0;
  async function* written(): AsyncGenerator<Uint8Array> {
    for await (const chunk of source) {
      await writeAll(file, chunk, position);
      position += chunk.length;
      yield chunk;
    }
  }
  for await (const chunk of decompress(written(), { what: 'the layer' })) inner.update(chunk);
  return { diffId: inner.digest() };
}
