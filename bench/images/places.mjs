import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expectHead, pushManifest, pushWhole, verify } from '../registry/protocol.mjs';
import { startServer } from '../registry/servers.mjs';
import { MANIFEST_TYPE, blobPath, digestOfFile, piecesOf, readJson } from './content.mjs';

/** @typedef {import('../registry/servers.mjs').Server} Server */
/** @typedef {import('./content.mjs').Layout} Layout */
/** @typedef {import('./content.mjs').Image} Image */

/**
 * A place that images are copied from or to.
 * @typedef {{ kind: 'registry', server: Server, repository: string } | { kind: 'layout', folder: string }} Place
 */

/**
 * Fills a repository of a server with the images of a layout.
 * @param {Server} server
 * @param {string} repository
 * @param {Layout} layout
 */
export async function seed(server, repository, { folder, images }) {
  const wire = server.connect();
  const blobs = new Map(images.flatMap((image) => image.blobs).map((blob) => [blob.digest, blob]));
  for (const { digest, size } of blobs.values()) {
    const pieces = () => piecesOf(blobPath(folder, digest));
    await pushWhole(wire, repository, { digest, size, pieces, chunks: pieces });
  }
  for (const { digest, tag } of images) {
    const bytes = Buffer.concat([...piecesOf(blobPath(folder, digest))]);
    await pushManifest(wire, repository, tag, { bytes, digest, mediaType: MANIFEST_TYPE });
  }
  wire.close();
}

/**
 * Fails unless a place has every image, each blob with the bytes that its digest names.
 * @param {Place} place
 * @param {readonly Image[]} images
 */
export async function expectImages(place, images) {
  const blobs = new Map(images.flatMap((image) => image.blobs).map((blob) => [blob.digest, blob]));
  if (place.kind === 'layout') {
    const { manifests } = await readJson(join(place.folder, 'index.json'));
    const listed = new Set(manifests.map((/** @type {{ digest: string }} */ { digest }) => digest));
    for (const { digest } of images)
      if (!listed.has(digest)) throw new Error(`the layout does not list ${digest}`);
    for (const { digest } of [...images, ...blobs.values()]) {
      const actual = await digestOfFile(blobPath(place.folder, digest));
      if (actual !== digest) throw new Error(`the layout has ${actual} where ${digest} should be`);
    }
    return;
  }
  const { server, repository } = place;
  const wire = server.connect();
  try {
    for (const image of images)
      await expectHead(wire, `/v2/${repository}/manifests/${image.tag}`, image, { accept: MANIFEST_TYPE });
    for (const { digest, size } of blobs.values())
      await verify(wire, repository, { digest, size, pieces: () => [], chunks: () => [] });
  } finally {
    wire.close();
  }
}

/**
 * The manifest of a tag, as it is served.
 * @param {Server} server
 * @param {string} repository
 * @param {string} tag
 */
export async function manifestAt(server, repository, tag) {
  const headers = { accept: `${MANIFEST_TYPE}, application/vnd.docker.distribution.manifest.v2+json` };
  const response = await fetch(`${server.url}/v2/${repository}/manifests/${tag}`, { headers });
  if (!response.ok) throw new Error(`${repository}:${tag} is not there: ${response.status}`);
  const bytes = Buffer.from(await response.arrayBuffer());
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  return { digest, manifest: JSON.parse(bytes.toString()) };
}

/**
 * A registry of its own, on an empty folder, while work is done.
 * @template T
 * @param {import('../registry/servers.mjs').Contender} contender
 * @param {string} folder
 * @param {(server: Server) => Promise<T>} work
 */
export async function withServer(contender, folder, work) {
  const server = await startServer(contender, folder);
  try {
    return await work(server);
  } finally {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  }
}
