import { OciError, quote, type CallOptions } from '../../oci/index.js';
import { openDockerArchive, createDockerArchive, type ArchiveSource } from '../archive/index.js';
import type { DockerNameOptions } from '../archive/index.js';
import type { Sink } from '../media.js';
import { daemonAddress, showAddress } from './address.js';
import { call, checkAnswer, contentOf, finishCall } from './call.js';

/** Options of everything that speaks to a daemon. */
export interface DaemonOptions extends CallOptions {
  /** Its address instead of `DOCKER_HOST`: `unix:///run/docker.sock`, `tcp://127.0.0.1:2375`. */
  readonly host?: string;
}

/** Names and ids of images, as a daemon takes them in a path. */
const NAME = /^[\w][\w.:@/-]{0,1000}$/;

/**
 * Reads an image of Docker or podman, which is saved to a temporary file first. Its manifest is the one the daemon keeps,
 * where it does (Docker 25 and later), else one that is made for it, as from any docker archive.
 * @param name a name or an id, as `docker save` takes it
 * @throws OciError `MANIFEST_UNKNOWN`, `NETWORK`, `INVALID_OPTION`, `UNSUPPORTED`, `STORE_FULL`, `UNKNOWN` for what the daemon says
 */
export async function openDaemonImage(name: string, options: DaemonOptions = {}): Promise<ArchiveSource> {
  const { host, ...signal } = options;
  if (!NAME.test(name) || name.split('/').some((part) => /^\.*$/.test(part)))
    throw new OciError('REFERENCE_INVALID', `${quote(name)} is not the name of an image in a daemon`);
  const address = daemonAddress(host);
  const place = showAddress(address);
  const { body, answer } = call(address, 'GET', `/images/${name}/get`, signal);
  body.end();
  const saved = await answer;
  await checkAnswer(saved, `image ${name} of ${place}`);
  const archive = await openDockerArchive(contentOf(saved, `image ${name} of ${place}`, signal), signal);
  return {
    name: `docker-daemon:${name}`,
    // The one image in it, whatever name the daemon knows it by.
    resolve: (reference, each) => archive.resolve(reference === name ? '' : reference, each),
    manifest: (descriptor, each) => archive.manifest(descriptor, each),
    blob: (descriptor, each) => archive.blob(descriptor, each),
    ...(archive.tags && { tags: (each) => archive.tags?.(each) ?? none() }),
    ...(archive.roots && { roots: (each) => archive.roots?.(each) ?? none() }),
    close: () => archive.close(),
  };
}

async function* none(): AsyncGenerator<never> {
  // Nothing.
}

/**
 * Loads images into Docker or podman: what is put goes to the daemon as a docker archive while it comes. They are there when
 * `finish` is done.
 * @throws OciError `NETWORK`, `INVALID_OPTION`, `UNSUPPORTED` also for an index or an artifact, `UNKNOWN` for what the daemon says
 */
export async function createDaemonSink(options: DaemonOptions & DockerNameOptions = {}): Promise<Sink> {
  const { host, repository, ...signal } = options;
  const address = daemonAddress(host);
  const name = `docker-daemon:${showAddress(address)}`;
  const { body, answer } = call(address, 'POST', '/images/load?quiet=1', {
    ...signal,
    type: 'application/x-tar',
  });
  let broken = false;
  for (const event of ['error', 'close'])
    body.once(event, () => {
      broken = true;
    });
  const archive = await createDockerArchive(body, repository === undefined ? {} : { repository });
  /** A daemon that refuses closes the line; what it said tells more. */
  const explained = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await work;
    } catch (error) {
      if (!broken) throw error;
      await finishCall(await answer, name);
      throw error;
    }
  };
  return {
    name,
    parallel: 1,
    hasManifest: (descriptor) => archive.hasManifest(descriptor),
    hasBlob: (descriptor) => archive.hasBlob(descriptor),
    resolve: (reference) => archive.resolve(reference),
    putBlob: (blob, put) => explained(archive.putBlob(blob, put)),
    putManifest: (descriptor, bytes, put) => archive.putManifest(descriptor, bytes, put),
    finish: async () => {
      await explained(Promise.resolve(archive.finish?.()));
      await finishCall(await answer, name);
    },
    abandon: async () => archive.abandon?.(),
  };
}
