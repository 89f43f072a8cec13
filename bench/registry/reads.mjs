import { freshBlob } from '../lib/content.mjs';
import { headsPerSecond } from '../lib/heads.mjs';
import { has } from '../lib/machine.mjs';
import { requestsPerSecond } from '../lib/wrk.mjs';
import { expectBytes, expectHead, manifestOf, pushManifest, pushWhole } from './protocol.mjs';

const REPOSITORY = 'bench/reads';
const TAG = 'v1';
const IMAGE = 'image that is read';
const CONNECTIONS = 16;

/** @typedef {import('./servers.mjs').Server} Server */
/** @typedef {import('./rows.js').ServedRow} ServedRow */
/** @typedef {{ manifest: ReturnType<typeof manifestOf>, layer: import('../lib/content.mjs').Blob }} Image */

/**
 * Pushes the image once a server.
 * @param {Server} server
 */
async function prepare(server) {
  if (server.state.has(IMAGE)) return;
  const wire = server.connect();
  const config = freshBlob(2000);
  const layers = Array.from({ length: 8 }, () => freshBlob(4096));
  for (const blob of [config, ...layers]) await pushWhole(wire, REPOSITORY, blob);
  const manifest = manifestOf(config, layers);
  await pushManifest(wire, REPOSITORY, TAG, manifest);
  wire.close();
  server.state.set(IMAGE, { manifest, layer: layers[0] });
}

/**
 * A row that asks for one path again and again; what comes is checked once before.
 * @param {object} row
 * @param {string} row.id
 * @param {string} row.label
 * @param {number} row.target
 * @param {boolean} [row.head]
 * @param {(image: Image) => string} row.path
 * @param {(image: Image) => { bytes: Uint8Array } | { digest: string, size: number }} row.expected
 * @param {{ quick: boolean }} options
 * @returns {ServedRow}
 */
function readRow({ id, label, target, head = false, path, expected }, { quick }) {
  return {
    id,
    label,
    unit: 'requests/s',
    better: 'more',
    target,
    ...(head || has('wrk') ? {} : { skip: 'wrk is not installed' }),
    prepare,
    measure: async (server) => {
      const image = /** @type {Image} */ (server.state.get(IMAGE));
      const headers = { accept: image.manifest.mediaType };
      const wanted = expected(image);
      const wire = server.connect();
      if ('bytes' in wanted) await expectBytes(wire, path(image), wanted.bytes, headers);
      else await expectHead(wire, path(image), wanted, headers);
      wire.close();
      const load = head ? headsPerSecond : requestsPerSecond;
      return await load(server.url + path(image), {
        connections: CONNECTIONS,
        seconds: quick ? 1 : 3,
        headers,
      });
    },
  };
}

/**
 * @param {{ quick: boolean }} options
 * @returns {ServedRow[]}
 */
export function readRows(options) {
  const manifests = `/v2/${REPOSITORY}/manifests`;
  const blobs = `/v2/${REPOSITORY}/blobs`;
  return [
    readRow(
      {
        id: 'ping',
        label: `GET /v2/, ${CONNECTIONS} connections`,
        target: 5,
        path: () => '/v2/',
        expected: () => ({ bytes: Buffer.from('{}') }),
      },
      options,
    ),
    readRow(
      {
        id: 'manifest-tag',
        label: 'GET of a manifest by tag',
        target: 5,
        path: () => `${manifests}/${TAG}`,
        expected: ({ manifest }) => ({ bytes: manifest.bytes }),
      },
      options,
    ),
    readRow(
      {
        id: 'manifest-digest',
        label: 'GET of a manifest by digest',
        target: 5,
        path: ({ manifest }) => `${manifests}/${manifest.digest}`,
        expected: ({ manifest }) => ({ bytes: manifest.bytes }),
      },
      options,
    ),
    readRow(
      {
        id: 'manifest-head',
        label: 'HEAD of a manifest by tag',
        target: 5,
        head: true,
        path: () => `${manifests}/${TAG}`,
        expected: ({ manifest }) => ({ digest: manifest.digest, size: manifest.bytes.length }),
      },
      options,
    ),
    readRow(
      {
        id: 'blob-head',
        label: 'HEAD of a blob',
        target: 5,
        head: true,
        path: ({ layer }) => `${blobs}/${layer.digest}`,
        expected: ({ layer }) => layer,
      },
      options,
    ),
    readRow(
      {
        id: 'blob-small',
        label: 'GET of a blob of 4 KiB',
        target: 5,
        path: ({ layer }) => `${blobs}/${layer.digest}`,
        expected: ({ layer }) => ({ bytes: Buffer.concat([...layer.pieces()]) }),
      },
      options,
    ),
  ];
}
