import { createHash } from 'node:crypto';
import { mkdir, open, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { digestOf, noise } from '../lib/content.mjs';
import { digestOfFile, sentences, sharingImages } from '../images/content.mjs';
import { seed } from '../images/places.mjs';
import { pushManifest } from '../registry/protocol.mjs';

/** @typedef {import('../registry/servers.mjs').Server} Server */
/** @typedef {import('../images/content.mjs').Stored} Stored */

const MIB = 1024 * 1024;
const INDEX_TYPE = 'application/vnd.oci.image.index.v1+json';
const LOCK = ['apiVersion: imgpkg.carvel.dev/v1alpha1', 'kind: ImagesLock'];
/** Where the content of a bundle is, beside its list of images. */
export const INNER = 'content';

/**
 * A folder that is a bundle.
 * @typedef {object} Content
 * @property {string} folder
 * @property {string} inner the folder in it that is none
 * @property {ReadonlyMap<string, string>} files digests by names below `folder`
 */

/**
 * A bundle of files of 1 to 8 KiB, a hundred a folder, that look like what people write.
 * @param {string} folder
 * @param {number} count
 * @returns {Promise<Content>}
 */
export async function smallFiles(folder, count) {
  const words = Buffer.from(sentences(MIB));
  const places = noise('small files', 4 * count);
  /** @type {Map<string, string>} */
  const files = new Map();
  for (let index = 0; index < count; index++) {
    const name = `${INNER}/group-${Math.floor(index / 100)}/file-${index}.yml`;
    if (index % 100 === 0) await mkdir(join(folder, INNER, `group-${index / 100}`), { recursive: true });
    const start = places.readUInt16LE(4 * index) * 8;
    const size = 1024 + (places.readUInt16LE(4 * index + 2) % 7168);
    const bytes = Buffer.concat([Buffer.from(`${name}:\n`), words.subarray(start, start + size)]);
    await writeFile(join(folder, name), bytes);
    files.set(name, digestOf(bytes));
  }
  return await asBundle(folder, files, []);
}

/**
 * A bundle of a few big files.
 * @param {string} folder
 * @param {{ count: number, size: number, kind: 'noise' | 'text' }} what `size` is bytes a file, in whole MiB
 * @returns {Promise<Content>}
 */
export async function bigFiles(folder, { count, size, kind }) {
  await mkdir(join(folder, INNER), { recursive: true });
  const piece = kind === 'noise' ? noise('big files', MIB) : Buffer.from(sentences(MIB));
  /** @type {Map<string, string>} */
  const files = new Map();
  for (let index = 0; index < count; index++) {
    const name = `${INNER}/file-${index}`;
    const hash = createHash('sha256');
    const file = await open(join(folder, name), 'w');
    for (let at = 0; at < size; at += MIB) {
      piece.write(`${name} ${String(at).padStart(12)}\n`);
      hash.update(piece);
      await file.writeFile(piece);
    }
    await file.close();
    files.set(name, `sha256:${hash.digest('hex')}`);
  }
  return await asBundle(folder, files, []);
}

/**
 * @param {string} folder
 * @param {ReadonlyMap<string, string>} files
 * @param {readonly string[]} images
 * @returns {Promise<Content>}
 */
async function asBundle(folder, files, images) {
  const list =
    images.length === 0 ? ['images: []'] : ['images:', ...images.map((image) => `- image: ${image}`)];
  const text = `${[...LOCK, ...list].join('\n')}\n`;
  await mkdir(join(folder, '.imgpkg'), { recursive: true });
  await writeFile(join(folder, '.imgpkg', 'images.yml'), text);
  const all = new Map([...files, ['.imgpkg/images.yml', digestOf(text)]]);
  return { folder, inner: join(folder, INNER), files: all };
}

/**
 * A folder that is a bundle of one small file and some images.
 * @param {string} folder
 * @param {readonly string[]} images
 */
export async function bundleOf(folder, images) {
  const text = 'what the images are for\n';
  await mkdir(join(folder, INNER), { recursive: true });
  await writeFile(join(folder, INNER, 'notes.txt'), text);
  return await asBundle(folder, new Map([[`${INNER}/notes.txt`, digestOf(text)]]), images);
}

/**
 * Fails unless a folder has these files, with these bytes, and no others.
 * @param {string} folder
 * @param {ReadonlyMap<string, string>} files
 */
export async function expectFiles(folder, files) {
  let found = 0;
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath ?? entry.path, entry.name);
    const name = path.slice(folder.length + 1);
    if ((await digestOfFile(path)) !== files.get(name))
      throw new Error(`${name} has other bytes than before`);
    found++;
  }
  if (found !== files.size) throw new Error(`there are ${found} files, not ${files.size}`);
}

/**
 * An index, and all that is below it.
 * @typedef {object} IndexContent
 * @property {Stored} index
 * @property {readonly Stored[]} manifests
 * @property {readonly Stored[]} blobs
 */

/**
 * Fills a repository with images that share layers, and an index of them.
 * @param {Server} server
 * @param {string} repository
 * @param {string} folder where they are made first
 * @param {{ count: number, unit: number }} size
 * @returns {Promise<IndexContent>}
 */
export async function seedIndex(server, repository, folder, size) {
  const layout = await sharingImages(folder, size);
  await seed(server, repository, layout);
  const bytes = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: INDEX_TYPE,
      manifests: layout.images.map(({ digest, size: bytesOfIt }, number) => ({
        mediaType: 'application/vnd.oci.image.manifest.v1+json',
        digest,
        size: bytesOfIt,
        platform: { os: 'linux', architecture: 'amd64', variant: `v${number}` },
      })),
    }),
  );
  const digest = digestOf(bytes);
  const wire = server.connect();
  await pushManifest(wire, repository, 'all', { bytes, digest, mediaType: INDEX_TYPE });
  wire.close();
  const blobs = new Map(layout.images.flatMap((image) => image.blobs).map((blob) => [blob.digest, blob]));
  return {
    index: { digest, size: bytes.length },
    manifests: layout.images,
    blobs: [...blobs.values()],
  };
}
