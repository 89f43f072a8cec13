import { digestOf } from '../lib/content.mjs';

/** Operations under way at once: the store writes what waits together, so that one sync serves them all. */
const IN_FLIGHT = 512;
const INDEX_TYPE = 'application/vnd.oci.image.index.v1+json';
const MANIFEST_TYPE = 'application/vnd.oci.image.manifest.v1+json';
const TAGS_OF_ONE = 10;
const LAYERS_OF_ONE = 100;

/** @typedef {any} Store what `createRegistry()` has as `store`; builds of any age are measured, so it has no type here */

/**
 * Runs work for 0 … count - 1, many at once. The first runs alone: it makes what the others find there.
 * @param {number} count
 * @param {(index: number) => Promise<unknown>} work
 */
async function flood(count, work) {
  let next = 1;
  if (count > 0) await work(0);
  await Promise.all(
    Array.from({ length: IN_FLIGHT }, async () => {
      while (next < count) await work(next++);
    }),
  );
}

/**
 * The smallest manifest there is: an index of nothing, told from others by a number. One with a config would lease it,
 * and so wait for every other that does.
 * @param {number} number
 * @param {object} [more]
 */
const indexOf = (number, more = {}) =>
  Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: INDEX_TYPE,
      manifests: [],
      annotations: { number: String(number) },
      ...more,
    }),
  );

/** @param {number} index */
const numbered = (index) => String(index).padStart(7, '0');

/**
 * Many tags in one repository, ten of them a manifest.
 * @param {Store} store
 * @param {string} repository
 * @param {number} count
 * @returns {Promise<string[]>} the tags as they are listed
 */
export async function seedTags(store, repository, count) {
  const names = Array.from({ length: count }, (_, index) => `v${numbered(index)}`);
  await flood(Math.ceil(count / TAGS_OF_ONE), (index) =>
    store.manifests.put(repository, {
      bytes: indexOf(index),
      tags: names.slice(index * TAGS_OF_ONE, (index + 1) * TAGS_OF_ONE),
    }),
  );
  return names;
}

/**
 * Many repositories with a manifest each.
 * @param {Store} store
 * @param {number} count
 * @returns {Promise<string[]>} the names as they are listed
 */
export async function seedRepositories(store, count) {
  const names = Array.from({ length: count }, (_, index) => `bench/r${numbered(index)}`);
  await flood(count, (index) => store.manifests.put(names[index], { bytes: indexOf(index) }));
  return names;
}

/**
 * Many manifests with the same subject.
 * @param {Store} store
 * @param {string} repository
 * @param {string} subject
 * @param {number} count
 * @returns {Promise<string[]>} the digests as they are listed
 */
export async function seedReferrers(store, repository, subject, count) {
  /** @type {string[]} */
  const digests = [];
  await flood(count, async (index) => {
    const bytes = indexOf(index, {
      artifactType: 'application/vnd.example.bench',
      subject: { mediaType: INDEX_TYPE, digest: subject, size: 2 },
    });
    digests.push((await store.manifests.put(repository, { bytes })).digest);
  });
  return digests.toSorted();
}

/**
 * Many small blobs that nothing points to.
 * @param {Store} store
 * @param {string} repository
 * @param {number} count
 * @returns {Promise<{ digest: string, size: number }[]>}
 */
export async function seedBlobs(store, repository, count) {
  const blobs = Array.from({ length: count }, (_, index) => {
    const bytes = Buffer.from(`small blob number ${index}`);
    return { bytes, size: bytes.length, digest: digestOf(bytes) };
  });
  await flood(count, (index) => store.uploads.put(repository, blobs[index].digest, [blobs[index].bytes]));
  return blobs;
}

/**
 * Makes manifests that point to the blobs, a hundred each.
 * @param {Store} store
 * @param {string} repository
 * @param {readonly { digest: string, size: number }[]} blobs
 */
export async function refer(store, repository, blobs) {
  const mediaType = 'application/vnd.oci.image.layer.v1.tar';
  const described = blobs.map(({ digest, size }) => ({ mediaType, digest, size }));
  await flood(Math.ceil(blobs.length / LAYERS_OF_ONE), (index) => {
    const layers = described.slice(index * LAYERS_OF_ONE, (index + 1) * LAYERS_OF_ONE);
    const config = { ...layers[0], mediaType: 'application/vnd.oci.image.config.v1+json' };
    const manifest = { schemaVersion: 2, mediaType: MANIFEST_TYPE, config, layers };
    return store.manifests.put(repository, { bytes: Buffer.from(JSON.stringify(manifest)) });
  });
}

/**
 * A manifest to read, under a tag.
 * @param {Store} store
 * @param {string} repository
 * @param {string} tag
 */
export async function seedManifest(store, repository, tag) {
  await store.manifests.put(repository, { bytes: indexOf(-1), tags: [tag] });
}
