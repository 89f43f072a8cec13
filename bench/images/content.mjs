import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, openSync, readSync, closeSync } from 'node:fs';
import { mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { pack } from 'tar-stream';
import { digestOf, noise } from '../lib/content.mjs';

const MIB = 1024 * 1024;
const TYPE = 'application/vnd.oci.image';
export const MANIFEST_TYPE = `${TYPE}.manifest.v1+json`;

/**
 * @typedef {object} Stored
 * @property {string} digest
 * @property {number} size
 *
 * An image in a layout.
 * @typedef {Stored & { tag: string, blobs: readonly Stored[] }} Image
 *
 * A layout and the images that its index lists by their tags.
 * @typedef {object} Layout
 * @property {string} folder
 * @property {readonly Image[]} images
 */

/**
 * Images as a registry of one team holds them: three layers below all of them, one below each five, and two of their own.
 * @param {string} folder
 * @param {{ count: number, unit: number }} size images, and bytes that the layers are multiples of
 * @returns {Promise<Layout>}
 */
export async function sharingImages(folder, { count, unit }) {
  const store = await Store.at(folder);
  /** @type {Image[]} */
  const images = [];
  const base = [];
  for (let index = 0; index < 3; index++) base.push(await store.layer(`base ${index}`, 8 * unit));
  let group = base;
  for (let index = 0; index < count; index++) {
    if (index % 5 === 0) group = [...base, await store.layer(`group ${index / 5}`, 6 * unit)];
    const own = [
      await store.layer(`image ${index} first`, unit + 1000 * index),
      await store.layer(`image ${index} second`, unit / 4),
    ];
    images.push(await store.image(`v${index}`, [...group, ...own]));
  }
  await store.close(images);
  return { folder, images };
}

/**
 * One image of one layer of so many bytes.
 * @param {string} folder
 * @param {number} size
 * @returns {Promise<Layout>}
 */
export async function bigImage(folder, size) {
  const store = await Store.at(folder);
  const images = [await store.image('big', [await store.layer('big', size)])];
  await store.close(images);
  return { folder, images };
}

/**
 * The bytes of a file in pieces.
 * @param {string} path
 */
export function* piecesOf(path) {
  const file = openSync(path, 'r');
  try {
    for (;;) {
      const piece = Buffer.allocUnsafeSlow(MIB);
      const count = readSync(file, piece);
      if (count === 0) return;
      yield piece.subarray(0, count);
    }
  } finally {
    closeSync(file);
  }
}

/**
 * @param {string} folder of a layout
 * @param {string} digest
 */
export const blobPath = (folder, digest) => join(folder, 'blobs', 'sha256', digest.slice('sha256:'.length));

/** Writes a layout. */
class Store {
  #folder;

  /** @param {string} folder */
  constructor(folder) {
    this.#folder = folder;
  }

  /** @param {string} folder */
  static async at(folder) {
    await mkdir(join(folder, 'blobs', 'sha256'), { recursive: true });
    return new Store(folder);
  }

  /**
   * A gzipped tar with one file of noise. The gzip is one of stored blocks: quick to make, and as good as any to move.
   * @param {string} name
   * @param {number} size of the file
   */
  async layer(name, size) {
    const path = join(this.#folder, 'layer');
    const plain = createHash('sha256');
    const archive = pack();
    const entry = archive.entry({ name: name.replaceAll(' ', '-'), size, mtime: new Date(0) });
    const filled = fill(entry, name, size).then(() => archive.finalize());
    const hashed = async function* () {
      for await (const chunk of archive) {
        plain.update(chunk);
        yield chunk;
      }
    };
    await Promise.all([
      filled,
      pipeline(hashed(), createGzip({ level: 0, chunkSize: MIB }), createWriteStream(path)),
    ]);
    const hash = createHash('sha256');
    for (const piece of piecesOf(path)) hash.update(piece);
    const digest = `sha256:${hash.digest('hex')}`;
    const { size: packed } = await stat(path);
    await rename(path, blobPath(this.#folder, digest));
    return { digest, size: packed, diffId: `sha256:${plain.digest('hex')}` };
  }

  /**
   * @param {string} tag
   * @param {readonly (Stored & { diffId: string })[]} layers
   * @returns {Promise<Image>}
   */
  async image(tag, layers) {
    const config = await this.#put({
      architecture: 'amd64',
      os: 'linux',
      config: { Labels: { tag } },
      rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
    });
    const blobs = layers.map(({ digest, size }) => ({ digest, size }));
    const manifest = await this.#put({
      schemaVersion: 2,
      mediaType: MANIFEST_TYPE,
      config: { mediaType: `${TYPE}.config.v1+json`, ...config },
      layers: blobs.map((blob) => ({ mediaType: `${TYPE}.layer.v1.tar+gzip`, ...blob })),
    });
    return { ...manifest, tag, blobs: [config, ...blobs] };
  }

  /** @param {readonly Image[]} images */
  async close(images) {
    const manifests = images.map(({ tag, digest, size }) => ({
      mediaType: MANIFEST_TYPE,
      digest,
      size,
      annotations: { 'org.opencontainers.image.ref.name': tag },
    }));
    await writeFile(join(this.#folder, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests }));
    await writeFile(join(this.#folder, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
  }

  /** @param {unknown} value */
  async #put(value) {
    const bytes = Buffer.from(JSON.stringify(value));
    const digest = digestOf(bytes);
    await writeFile(blobPath(this.#folder, digest), bytes);
    return { digest, size: bytes.length };
  }
}

/**
 * Writes noise, the same for each MiB: nobody looks so far back.
 * @param {import('node:stream').Writable} stream
 * @param {string} seed
 * @param {number} size
 */
async function fill(stream, seed, size) {
  const piece = noise(seed, Math.min(size, MIB));
  for (let left = size; left > 0; left -= piece.length) {
    if (!stream.write(left < piece.length ? piece.subarray(0, left) : piece))
      await new Promise((resolve) => {
        stream.once('drain', resolve);
      });
  }
  stream.end();
}

/**
 * A folder of files of 1 MiB, half of them noise and half of them words, with the digest of each by its name.
 * @param {string} folder
 * @param {number} count
 * @returns {Promise<{ folder: string, files: ReadonlyMap<string, string> }>}
 */
export async function folderOfFiles(folder, count) {
  const random = noise('a folder', MIB);
  const words = Buffer.from(sentences(MIB));
  /** @type {Map<string, string>} */
  const files = new Map();
  for (let index = 0; index < count; index++) {
    const name = `part-${Math.floor(index / 64)}/file-${index}`;
    if (index % 64 === 0) await mkdir(join(folder, `part-${index / 64}`), { recursive: true });
    const bytes = Buffer.from(index % 2 === 0 ? random : words);
    bytes.write(`${name}\n`);
    await writeFile(join(folder, name), bytes);
    files.set(name, digestOf(bytes));
  }
  return { folder, files };
}

/** @param {number} size */
export function sentences(size) {
  const list = 'a registry keeps what people push and gives it to whoever may pull it by tag or digest'.split(
    ' ',
  );
  const choices = noise('sentences', size / 2);
  let text = '';
  for (let index = 0; text.length < size; index++) {
    const choice = choices[index % choices.length] ?? 0;
    text += `${list[choice % list.length]}${choice % 7 === 0 ? `-${choice}` : ''} `;
  }
  return text.slice(0, size);
}

/**
 * The digest of a file.
 * @param {string} path
 */
export async function digestOfFile(path) {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: MIB })) hash.update(chunk);
  return `sha256:${hash.digest('hex')}`;
}

/** @param {string} path */
export const readJson = async (path) => JSON.parse(await readFile(path, 'utf8'));
