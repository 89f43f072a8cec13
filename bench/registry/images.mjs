import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { digestOf, noise } from '../lib/content.mjs';

const LAYERS = 8;
const SMALLEST = 256 * 1024;
const LARGEST = 2 * 1024 * 1024;
const TYPE = 'application/vnd.oci.image';

/**
 * An image as an OCI layout.
 * @typedef {object} LayoutImage
 * @property {string} folder
 * @property {string} name
 * @property {string} digest of its manifest
 * @property {number} size of its manifest
 * @property {readonly { digest: string, size: number }[]} blobs config and layers
 */

/**
 * A gzipped tar with one file of noise.
 * @param {string} seed
 */
async function layerOf(seed) {
  const size = SMALLEST + (noise(`${seed} size`, 4).readUInt32LE() % (LARGEST - SMALLEST));
  const archive = pack();
  archive.entry({ name: seed.replaceAll(' ', '-'), mtime: new Date(0), mode: 0o644 }, noise(seed, size));
  archive.finalize();
  const parts = [];
  for await (const part of archive) parts.push(part);
  const tar = Buffer.concat(parts);
  return { bytes: gzipSync(tar, { level: 1 }), diffId: digestOf(tar) };
}

/**
 * Makes an image of eight layers of 256 KiB to 2 MiB that it shares with no other.
 * @param {string} folder
 * @param {string} name
 * @returns {Promise<LayoutImage>}
 */
export async function makeImage(folder, name) {
  const store = join(folder, 'blobs', 'sha256');
  await mkdir(store, { recursive: true });
  /** @param {Uint8Array} bytes */
  const put = async (bytes) => {
    const digest = digestOf(bytes);
    await writeFile(join(store, digest.slice('sha256:'.length)), bytes);
    return { digest, size: bytes.length };
  };
  const layers = [];
  for (let index = 0; index < LAYERS; index++) layers.push(await layerOf(`${name} layer ${index}`));
  const described = [];
  for (const { bytes } of layers)
    described.push({ mediaType: `${TYPE}.layer.v1.tar+gzip`, ...(await put(bytes)) });
  const config = {
    mediaType: `${TYPE}.config.v1+json`,
    ...(await put(
      json({
        architecture: 'amd64',
        os: 'linux',
        config: {},
        rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
      }),
    )),
  };
  const mediaType = `${TYPE}.manifest.v1+json`;
  const manifest = await put(json({ schemaVersion: 2, mediaType, config, layers: described }));
  const annotations = { 'org.opencontainers.image.ref.name': name };
  await writeFile(
    join(folder, 'index.json'),
    json({ schemaVersion: 2, manifests: [{ mediaType, ...manifest, annotations }] }),
  );
  await writeFile(join(folder, 'oci-layout'), json({ imageLayoutVersion: '1.0.0' }));
  return { folder, name, ...manifest, blobs: [config, ...described] };
}

/** @param {unknown} value */
const json = (value) => Buffer.from(JSON.stringify(value));
