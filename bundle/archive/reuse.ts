import { open, readdir, rm, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import {
  Digester,
  OciError,
  algorithmOf,
  isDigest,
  isOciError,
  type ByteRange,
  type ByteStream,
  type CallOptions,
  type Descriptor,
  type Digest,
} from '../../oci/index.js';
import { ifThere, readSlice, sliceOf } from '../../image/layout/files.js';
import type { Source } from '../../image/media.js';
import { nextHeader, paddingOf } from '../../image/tar/index.js';
import { ByteReader } from '../../image/byte-reader.js';

/** What earlier tries have left of an archive. */
export interface Reusable extends Source {
  /** Blobs that can be taken from it whole. */
  readonly blobs: number;
  /** Bytes that can be taken from it, those of blobs included that were cut. */
  readonly bytes: number;
  /** What is there of a blob that was cut: `size` bytes from its start, which nobody can check without the rest. */
  begun(digest: Digest): Beginning | undefined;
  /**
   * Lets go of the files.
   * @param done true: what was left half written is taken away
   */
  release(done: boolean): Promise<void>;
}

/** The first bytes of a blob. */
export interface Beginning {
  readonly size: number;
  read(options?: CallOptions): ByteStream;
  /** Throws them away, for the next try too: they are not what they should be. */
  drop(): Promise<void>;
}

interface Held {
  readonly file: FileHandle;
  readonly start: number;
  readonly size: number;
}

/** What was found. */
interface Found {
  readonly whole: Map<Digest, Held>;
  /** What a killed process was at: only in files that are nobody else's. */
  readonly cut: Map<Digest, Held>;
}

/** The end of the name of a file that is being written. */
const UNFINISHED = /^\.[0-9a-f]{16}$/;
/** Bytes read in search of a header. */
const WINDOW = 4096;

/**
 * Finds blobs in an archive that is to be written again: in the one that has the name, of either format, and in what a
 * process left that was killed, the beginning of the blob too that it was at. Each whole one is hashed before it counts, and
 * archives may be cut anywhere.
 */
export async function openReusable(target: string, options: CallOptions = {}): Promise<Reusable> {
  const unfinished = await unfinishedOf(target);
  const files: FileHandle[] = [];
  const { whole, cut }: Found = { whole: new Map(), cut: new Map() };
  try {
    for (const path of [target, ...unfinished]) {
      const isOurs = path !== target;
      // oxlint-disable-next-line no-await-in-loop
      const file = await ifThere(open(path, isOurs ? 'r+' : 'r'));
      if (file === undefined) continue;
      files.push(file);
      const found = { whole, cut: isOurs ? cut : new Map<Digest, Held>() };
      // oxlint-disable-next-line no-await-in-loop
      if ((await file.stat()).isFile()) await scan(file, found, options);
    }
    for (const digest of whole.keys()) cut.delete(digest);
  } catch (error) {
    await Promise.all(files.map((file) => file.close()));
    throw error;
  }
  const name = `what is there of ${target}`;
  const at = ({ digest }: Descriptor): Held => {
    const found = whole.get(digest);
    if (found !== undefined) return found;
    throw new OciError('BLOB_UNKNOWN', `${name} does not have blob ${digest}`);
  };
  return {
    name,
    blobs: whole.size,
    bytes: [...whole.values(), ...cut.values()].reduce((sum, { size }) => sum + size, 0),
    begun: (digest) => {
      const found = cut.get(digest);
      if (found === undefined) return undefined;
      const { file, start, size } = found;
      return {
        size,
        read: (call) => readSlice(file, start, size, call),
        drop: async () => {
          cut.delete(digest);
          await file.truncate(start);
        },
      };
    },
    resolve: async () => undefined,
    manifest: async ({ digest }) => {
      throw new OciError('MANIFEST_UNKNOWN', `${name} does not have manifest ${digest}`);
    },
    blob: async (
      descriptor,
      { range, ...call }: CallOptions & { readonly range?: ByteRange } = {},
    ): Promise<ByteStream> => {
      const { file, start, size } = at(descriptor);
      const slice = sliceOf(range, size);
      return readSlice(file, start + slice.start, slice.length, call);
    },
    release: async (done) => {
      await Promise.all(files.map((file) => file.close()));
      if (done) await Promise.all(unfinished.map((path) => rm(path, { force: true })));
    },
  };
}

async function unfinishedOf(target: string): Promise<string[]> {
  const folder = dirname(target);
  const start = `.${basename(target).slice(0, 100)}`;
  const names = (await ifThere(readdir(folder))) ?? [];
  return names
    .filter((name) => name.startsWith(start) && UNFINISHED.test(name.slice(start.length)))
    .map((name) => join(folder, name));
}

/** Notes the blobs of an archive, up to where it ends or makes no sense any more. */
async function scan(file: FileHandle, { whole, cut }: Found, options: CallOptions): Promise<void> {
  let position = 0;
  const headers = {
    async take(count: number): Promise<Uint8Array> {
      const reader = new ByteReader(readSlice(file, position, Math.max(count, WINDOW)));
      const bytes = await reader.take(count);
      await reader.close();
      position += bytes.length;
      return bytes;
    },
  };
  const { size: end } = await file.stat();
  for (;;) {
    options.signal?.throwIfAborted();
    let header: Awaited<ReturnType<typeof nextHeader>>;
    try {
      // oxlint-disable-next-line no-await-in-loop
      header = await nextHeader(headers, 'an unfinished archive');
    } catch (error) {
      if (isOciError(error)) return;
      throw error;
    }
    if (header === undefined) return;
    const digest = digestOfName(header.name);
    const start = position;
    position += header.size + paddingOf(header.size);
    if (start + header.size > end) {
      const size = end - start;
      if (digest !== undefined && size > (cut.get(digest)?.size ?? 0)) cut.set(digest, { file, start, size });
      return;
    }
    if (digest === undefined || whole.has(digest)) continue;
    const digester = new Digester(algorithmOf(digest));
    // oxlint-disable-next-line no-await-in-loop
    for await (const bytes of readSlice(file, start, header.size, options)) digester.update(bytes);
    if (digester.digest() === digest) whole.set(digest, { file, start, size: header.size });
  }
}

/** The digest that the name of an entry tells, in a layout and in imgpkg's tar. */
function digestOfName(name: string): Digest | undefined {
  const { algorithm, hex } =
    /^(?:\.\/)?(?:blobs\/)?(?<algorithm>sha256|sha512)[/-](?<hex>[0-9a-f]+)(?:\.tar\.gz)?$/.exec(name)
      ?.groups ?? {};
  const digest = `${algorithm}:${hex}`;
  return isDigest(digest) ? digest : undefined;
}
