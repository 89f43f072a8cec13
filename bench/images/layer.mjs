import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { extract } from 'tar-stream';
import { manifestAt } from './places.mjs';

/** @typedef {import('../registry/servers.mjs').Server} Server */

/**
 * The digest of the only layer of an image.
 * @param {Server} server
 * @param {string} repository
 * @param {string} tag
 * @returns {Promise<string>}
 */
export async function layerAt(server, repository, tag) {
  const { manifest } = await manifestAt(server, repository, tag);
  const [layer, ...others] = manifest.layers;
  if (layer === undefined || others.length > 0) throw new Error('the image does not have one layer');
  return layer.digest;
}

/**
 * The bytes of a blob.
 * @param {Server} server
 * @param {string} repository
 * @param {string} digest
 */
export async function blobAt(server, repository, digest) {
  const answer = await fetch(`${server.url}/v2/${repository}/blobs/${digest}`);
  if (!answer.ok || answer.body === null) throw new Error(`the layer is not there: ${answer.status}`);
  return Readable.fromWeb(answer.body);
}

/**
 * Fails unless a layer holds exactly these files, at its top or below `data`.
 * @param {Server} server
 * @param {string} repository
 * @param {string} digest
 * @param {ReadonlyMap<string, string>} files
 */
export async function expectLayer(server, repository, digest, files) {
  const archive = extract();
  const unpacked = pipeline(await blobAt(server, repository, digest), createGunzip(), archive);
  unpacked.catch(() => undefined);
  let found = 0;
  for await (const entry of archive) {
    const hash = createHash('sha256');
    for await (const chunk of entry) hash.update(chunk);
    if (entry.header.type !== 'file') continue;
    const name = entry.header.name.replace(/^\/?data\//, '');
    if (files.get(name) !== `sha256:${hash.digest('hex')}`)
      throw new Error(`the layer has other bytes in ${entry.header.name} than the folder`);
    found++;
  }
  await unpacked;
  if (found !== files.size) throw new Error(`the layer has ${found} files, the folder ${files.size}`);
}
