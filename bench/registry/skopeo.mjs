import { mkdir, readFile, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { digestOf } from '../lib/content.mjs';
import { has } from '../lib/machine.mjs';
import { run } from '../lib/processes.mjs';
import { makeImage } from './images.mjs';
import { expectHead, verify } from './protocol.mjs';

const REPOSITORY = 'bench/images';
const PUSHED = 'images that skopeo pushed';

/** @typedef {import('./servers.mjs').Server} Server */
/** @typedef {import('./images.mjs').LayoutImage} LayoutImage */

/** By the folder they are in. @type {Map<string, Promise<LayoutImage[]>>} */
const made = new Map();

/**
 * The images, made once beside the folders of the servers, and one more to warm up with.
 * @param {Server} server
 * @param {number} count
 * @returns {Promise<LayoutImage[]>}
 */
async function imagesFor(server, count) {
  const folder = join(dirname(server.folder), 'images');
  const images =
    made.get(folder) ??
    (async () => {
      const list = [];
      for (let index = 0; index <= count; index++) {
        list.push(await makeImage(join(folder, `image-${index}`), `image-${index}`));
      }
      return list;
    })();
  made.set(folder, images);
  return await images;
}

/**
 * Copies with a skopeo process of its own; a changed digest is a failure.
 * @param {Server} server
 * @param {readonly string[]} args
 */
async function skopeo(server, args) {
  const common = ['--insecure-policy', 'copy', '--quiet', '--preserve-digests'];
  // What skopeo remembers of other registries is not for the home of whoever runs this.
  await run('skopeo', [...common, ...args], { XDG_DATA_HOME: join(dirname(server.folder), 'skopeo') });
}

/**
 * @param {Server} server
 * @param {LayoutImage} image
 */
const remote = (server, { name }) => `docker://${server.host}/${REPOSITORY}/${name}:${name}`;

/**
 * @param {Server} server
 * @param {LayoutImage} image
 */
const push = (server, image) =>
  skopeo(server, ['--dest-tls-verify=false', `oci:${image.folder}:${image.name}`, remote(server, image)]);

/** @param {Server} server */
const pulled = (server) => join(dirname(server.folder), `pulled-${server.contender.id}`);

/**
 * Pulls into a layout of its own and returns its folder.
 * @param {Server} server
 * @param {LayoutImage} image
 */
async function pullTo(server, image) {
  const folder = join(pulled(server), image.name);
  await mkdir(dirname(folder), { recursive: true });
  await skopeo(server, ['--src-tls-verify=false', remote(server, image), `oci:${folder}:${image.name}`]);
  return folder;
}

/**
 * Pushes every image, one skopeo after another, and fails unless the server has each with its digest.
 * @param {Server} server
 * @param {number} count
 * @returns {Promise<number>} seconds of skopeo alone
 */
async function pushAll(server, count) {
  const [warmUp, ...images] = await imagesFor(server, count);
  await push(server, warmUp);
  const started = performance.now();
  for (const image of images) await push(server, image);
  const seconds = (performance.now() - started) / 1000;
  const wire = server.connect();
  for (const image of images) {
    const repository = `${REPOSITORY}/${image.name}`;
    const headers = { accept: 'application/vnd.oci.image.manifest.v1+json' };
    await expectHead(wire, `/v2/${repository}/manifests/${image.name}`, image, headers);
    for (const blob of image.blobs) await verify(wire, repository, blob);
  }
  wire.close();
  server.state.set(PUSHED, images);
  return seconds;
}

/**
 * Pulls every image, one skopeo after another, and fails unless all of it has arrived.
 * @param {Server} server
 * @returns {Promise<number>} seconds of skopeo alone
 */
async function pullAll(server) {
  const images = /** @type {LayoutImage[]} */ (server.state.get(PUSHED));
  await pullTo(server, images[0]);
  let seconds = 0;
  for (const image of images) {
    await rm(pulled(server), { recursive: true, force: true });
    const started = performance.now();
    const folder = await pullTo(server, image);
    seconds += (performance.now() - started) / 1000;
    for (const { digest } of [image, ...image.blobs]) {
      const bytes = await readFile(join(folder, 'blobs', 'sha256', digest.slice('sha256:'.length)));
      if (digestOf(bytes) !== digest) throw new Error(`skopeo pulled other bytes than ${digest}`);
    }
  }
  return seconds;
}

/**
 * @param {{ quick: boolean }} options
 * @returns {import('./rows.js').ServedRow[]}
 */
export function skopeoRows({ quick }) {
  const count = quick ? 4 : 20;
  const common = {
    unit: 'images/s',
    better: /** @type {const} */ ('more'),
    target: 1,
    ...(has('skopeo') ? {} : { skip: 'skopeo is not installed' }),
  };
  return [
    {
      ...common,
      id: 'skopeo-push',
      fresh: true,
      label: `${count} images of 8 layers pushed by skopeo`,
      measure: async (server) => count / (await pushAll(server, count)),
    },
    {
      ...common,
      id: 'skopeo-pull',
      label: `${count} images of 8 layers pulled by skopeo`,
      prepare: async (server) => {
        await pushAll(server, count);
      },
      measure: async (server) => count / (await pullAll(server)),
    },
  ];
}
