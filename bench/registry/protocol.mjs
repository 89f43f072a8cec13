import { createHash } from 'node:crypto';
import { digestOf } from '../lib/content.mjs';

/** @typedef {import('../lib/wire.mjs').Wire} Wire */
/** @typedef {import('../lib/wire.mjs').Answer} Answer */
/** @typedef {import('../lib/content.mjs').Blob} Blob */

const OCTETS = { 'content-type': 'application/octet-stream' };
const MANIFEST_TYPE = 'application/vnd.oci.image.manifest.v1+json';

/**
 * @param {Answer} answer
 * @param {number} status
 * @param {string} what
 */
function expectStatus(answer, status, what) {
  if (answer.status !== status)
    throw new Error(`${what} was answered with ${answer.status}, expected ${status}`);
}

/**
 * Path and query of a `Location`, ready for more of a query.
 * @param {Answer} answer
 */
function locationOf(answer) {
  const location = answer.headers.get('location') ?? '';
  const path = location.startsWith('/') ? location : location.replace(/^https?:\/\/[^/]+/, '');
  return `${path}${path.includes('?') ? '&' : '?'}`;
}

/**
 * POST and one PUT with the whole blob.
 * @param {Wire} wire
 * @param {string} repository
 * @param {Blob} blob
 */
export async function pushWhole(wire, repository, blob) {
  const session = await wire.send({
    method: 'POST',
    path: `/v2/${repository}/blobs/uploads/`,
    headers: { 'content-length': 0 },
  });
  expectStatus(session, 202, 'POST of an upload');
  const put = await wire.send({
    method: 'PUT',
    path: `${locationOf(session)}digest=${blob.digest}`,
    headers: { ...OCTETS, 'content-length': blob.size },
    body: blob.pieces(),
  });
  expectStatus(put, 201, 'PUT of a blob');
}

/**
 * POST, one PATCH of unknown length as container tools send it, and an empty PUT.
 * @param {Wire} wire
 * @param {string} repository
 * @param {Blob} blob
 */
export async function pushStreamed(wire, repository, blob) {
  const session = await wire.send({
    method: 'POST',
    path: `/v2/${repository}/blobs/uploads/`,
    headers: { 'content-length': 0 },
  });
  expectStatus(session, 202, 'POST of an upload');
  const patch = await wire.send({
    method: 'PATCH',
    path: locationOf(session).slice(0, -1),
    headers: { ...OCTETS, 'transfer-encoding': 'chunked' },
    body: blob.chunks(),
  });
  expectStatus(patch, 202, 'PATCH of an upload');
  const put = await wire.send({
    method: 'PUT',
    path: `${locationOf(patch)}digest=${blob.digest}`,
    headers: { 'content-length': 0 },
  });
  expectStatus(put, 201, 'closing PUT of a blob');
}

/**
 * GET of a blob, bytes counted.
 * @param {Wire} wire
 * @param {string} repository
 * @param {Blob} blob
 */
export async function pull(wire, repository, blob) {
  const answer = await wire.send({ method: 'GET', path: `/v2/${repository}/blobs/${blob.digest}` });
  expectStatus(answer, 200, 'GET of a blob');
  if (answer.length !== blob.size)
    throw new Error(`GET of a blob gave ${answer.length} bytes, expected ${blob.size}`);
}

/**
 * GET of a blob, bytes hashed: what a broken server would fail, outside of any clock.
 * @param {Wire} wire
 * @param {string} repository
 * @param {Blob} blob
 */
export async function verify(wire, repository, blob) {
  const hash = createHash('sha256');
  const answer = await wire.send({
    method: 'GET',
    path: `/v2/${repository}/blobs/${blob.digest}`,
    onBody: (bytes) => void hash.update(bytes),
  });
  expectStatus(answer, 200, 'GET of a blob');
  const actual = `sha256:${hash.digest('hex')}`;
  if (actual !== blob.digest) throw new Error(`a blob came back as ${actual}, expected ${blob.digest}`);
}

/**
 * The manifest of an image whose blobs are given.
 * @param {Blob} config
 * @param {readonly Blob[]} layers
 */
export function manifestOf(config, layers) {
  const bytes = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MANIFEST_TYPE,
      config: {
        mediaType: 'application/vnd.oci.image.config.v1+json',
        digest: config.digest,
        size: config.size,
      },
      layers: layers.map(({ digest, size }) => ({
        mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
        digest,
        size,
      })),
    }),
  );
  return { bytes, digest: digestOf(bytes), mediaType: MANIFEST_TYPE };
}

/**
 * @param {Wire} wire
 * @param {string} repository
 * @param {string} tag
 * @param {ReturnType<typeof manifestOf>} manifest
 */
export async function pushManifest(wire, repository, tag, { bytes, mediaType }) {
  const put = await wire.send({
    method: 'PUT',
    path: `/v2/${repository}/manifests/${tag}`,
    headers: { 'content-type': mediaType, 'content-length': bytes.length },
    body: [bytes],
  });
  expectStatus(put, 201, 'PUT of a manifest');
}

/**
 * Fails unless a GET gives exactly these bytes.
 * @param {Wire} wire
 * @param {string} path
 * @param {Uint8Array} bytes
 * @param {Record<string, string>} [headers]
 */
export async function expectBytes(wire, path, bytes, headers = {}) {
  /** @type {Buffer[]} */
  const parts = [];
  const answer = await wire.send({
    method: 'GET',
    path,
    headers,
    onBody: (part) => void parts.push(Buffer.from(part)),
  });
  expectStatus(answer, 200, `GET ${path}`);
  if (!Buffer.concat(parts).equals(bytes)) throw new Error(`GET ${path} gave other bytes than were pushed`);
}

/**
 * Fails unless a HEAD tells this digest and size.
 * @param {Wire} wire
 * @param {string} path
 * @param {{ digest: string, size: number }} wanted
 * @param {Record<string, string>} [headers]
 */
export async function expectHead(wire, path, { digest, size }, headers = {}) {
  const answer = await wire.send({ method: 'HEAD', path, headers });
  expectStatus(answer, 200, `HEAD ${path}`);
  if (
    Number(answer.headers.get('content-length')) !== size ||
    answer.headers.get('docker-content-digest') !== digest
  ) {
    throw new Error(`HEAD ${path} told another size or digest than was pushed`);
  }
}
