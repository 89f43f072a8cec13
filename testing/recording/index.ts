import { OciError } from '../../oci/index.js';
import type { Client } from '../../client/index.js';
import type { StartOptions } from '../options.js';
import { startBefore, type TestRegistry } from '../start.js';
import type { RecordingOptions } from './recording.js';

/** Options of a test registry, but for those that say what is in it. */
export type ReplayOptions = Omit<StartOptions, 'seed' | 'storage' | 'manifests'> & {
  /** The folder of the recording. */
  readonly folder: string;
};

/** What is recorded besides. */
export type RecordOptions = ReplayOptions & {
  /** The registry to ask: `docker.io`, `registry.example:5000`, `http://127.0.0.1:5000`. */
  readonly upstream: string;
  /** What to ask it with. Default: the credentials, certificates and mirrors that docker and podman have on this machine. */
  readonly client?: Pick<Client, 'transport'>;
};

/**
 * Starts a registry that takes what it is asked for from another one, and keeps it: manifests, blobs, lists of tags and of
 * referrers. What the folder has is not asked for again. The folder is an OCI layout whose index names, once the registry
 * is closed, all that came whole; `recording.json` beside it is what `replayRegistry` goes by. It takes no pushes.
 *
 * ```ts
 * await using registry = await recordingRegistry({ upstream: 'quay.io', folder: './fixtures/quay' });
 * await pull(`${registry.host}/prometheus/busybox:latest`);
 * ```
 * @throws OciError `INVALID_OPTION` for an upstream that is no host, a folder with something else or with the recording of
 *   another registry; what `startRegistry` throws
 */
export async function recordingRegistry(options: RecordOptions): Promise<TestRegistry> {
  const { upstream: address, client, ...rest } = options;
  const { openUpstream, parseUpstream } = await import('./upstream.js');
  parseUpstream(address);
  return await start(rest, { address, open: () => openUpstream(address, client) });
}

/**
 * Starts a registry that serves what `recordingRegistry` has kept, and asks nobody. What was not recorded is answered with
 * 404 and a message that says what to record.
 *
 * ```ts
 * await using registry = await replayRegistry({ folder: './fixtures/quay' });
 * ```
 * @throws OciError `INVALID_OPTION` for a folder without a recording, `CONTENT_INVALID` for one that cannot be understood;
 *   what `startRegistry` throws
 */
export async function replayRegistry(options: ReplayOptions): Promise<TestRegistry> {
  return await start(options);
}

async function start(
  { folder, ...options }: ReplayOptions,
  upstream?: RecordingOptions['upstream'],
): Promise<TestRegistry> {
  for (const name of ['seed', 'storage', 'manifests'])
    if (name in options)
      throw new OciError(
        'INVALID_OPTION',
        `${name} cannot be given: a recording says what is in the registry`,
      );
  const [{ Recording }, { fromRecording, withoutImproved }] = await Promise.all([
    import('./recording.js'),
    import('./answer.js'),
  ]);
  const { onRequest } = options;
  const recording = await Recording.open({ folder, ...(upstream === undefined ? {} : { upstream }) });
  return await startBefore(
    // An index may be pulled without all that it lists, a manifest without its layers.
    {
      ...options,
      manifests: { missing: 'off' },
      ...(onRequest === undefined ? {} : { onRequest: withoutImproved(onRequest) }),
    },
    {
      around: (ask, store) => fromRecording(ask, recording, store, onRequest),
      close: () => recording.close(),
    },
  );
}
