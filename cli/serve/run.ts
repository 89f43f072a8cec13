import { setTimeout as delay } from 'node:timers/promises';
import {
  createRegistry,
  listen,
  listenControl,
  type Registry,
  type RegistryOptions,
  type Server,
} from '../../registry/index.js';
import { requirePort } from '../../registry/node.js';
import type { Context } from '../context.js';
import { EXIT } from '../exit.js';
import { VERSION } from '../version.js';
import { clientHints, isLoopback, localUrl, type Reached } from './hints.js';
import { createLogger, logRequest, type Logger } from './logger.js';
import { listenOptions, registryOptions, type PlacedConfig } from './options.js';
import { watchSignals, type Ending } from './shutdown.js';

/** What to print at the start. */
export interface Announcement {
  /** Nothing but the URL. */
  readonly urlOnly: boolean;
  /** How to point other programs here. */
  readonly hints: boolean;
  /** An archive or a layout folder that is served instead of a data folder. */
  readonly from?: string | undefined;
}

/** How long the store may take to close when a second signal came, in milliseconds. */
const LAST_MOMENT = 1000;

/**
 * Runs a registry until a signal ends it. After the first signal transfers may end within the grace.
 * @returns true when a second signal cut that short: connections may be open still
 */
export async function runServer(
  config: PlacedConfig,
  announcement: Announcement,
  context: Context,
): Promise<{ readonly hurried: boolean }> {
  const ending = watchSignals();
  const log = createLogger(config.log, context);
  const crash = (error: unknown): never => {
    log.fatal({ err: error }, 'crashed');
    process.exit(EXIT.failure);
  };
  process.once('uncaughtException', crash);
  let hurried = false;
  const hurry = ending.hurried.then(() => {
    hurried = true;
  });
  try {
    warnOfExposure(config, log);
    await requirePort(config);
    const registry = await open(config, announcement.from, log);
    try {
      await load(registry, config, { log, ending });
      await serve(registry, config, {
        log,
        ending,
        hurry,
        lies: dataOf(config, announcement.from),
        announce: announcer(config, announcement, context),
      });
    } finally {
      await Promise.race([registry.close(), hurry.then(() => delay(LAST_MOMENT))]);
    }
    log.info('stopped');
    return { hurried };
  } finally {
    ending.dispose();
    process.off('uncaughtException', crash);
  }
}

/** Opens the data folder, or what is served instead. */
async function open(config: PlacedConfig, from: string | undefined, log: Logger): Promise<Registry> {
  const options: RegistryOptions = {
    ...registryOptions(config),
    onRequest: (entry) => logRequest(log, entry),
    onError: (error, entry) => log.error({ err: error, ...entry }, 'failed'),
  };
  if (from === undefined) return await createRegistry(options);
  const { openFrom } = await import('./from.js');
  return await openFrom(from, options);
}

/** Takes over what is to be loaded. */
async function load(
  registry: Registry,
  { load: paths }: PlacedConfig,
  { log, ending }: { readonly log: Logger; readonly ending: Ending },
): Promise<void> {
  if (paths.length === 0) return;
  const { loadAll } = await import('./load.js');
  await loadAll(registry.store, paths, { log, ending });
}

interface Running {
  readonly log: Logger;
  readonly ending: Ending;
  /** Resolves when nobody wants to wait any more. */
  readonly hurry: Promise<void>;
  readonly lies: Lies;
  readonly announce: (server: Server) => void;
}

/** Where content lies. */
interface Lies {
  /** The data folder, if there is one. */
  readonly folder?: string;
  /** For the log. */
  readonly short: string;
  /** For a person. */
  readonly text: string;
}

function dataOf({ blobs, data }: PlacedConfig, from: string | undefined): Lies {
  if (from !== undefined) return { short: from, text: `${from}, read-only` };
  if (blobs === 'memory') return { short: 'memory', text: 'in memory, gone at the end' };
  return { folder: data, short: data, text: data };
}

/** Listens, for clients and for commands on this machine, until a signal comes. */
async function serve(registry: Registry, config: PlacedConfig, running: Running): Promise<void> {
  const { log, ending, hurry, announce } = running;
  const onError = (error: unknown): void => log.error({ err: error }, 'the certificate cannot be renewed');
  const server = await listen(registry, listenOptions(config, onError));
  const { lies } = running;
  const control = lies.folder === undefined ? undefined : await listenControl(registry, lies.folder);
  log.info(
    {
      url: server.url,
      data: lies.short,
      version: VERSION,
      pid: process.pid,
    },
    'listening',
  );
  announce(server);
  await ending.asked;
  registry.drain();
  log.info({ grace: config.grace }, 'stopping: no new connections, transfers may end');
  await Promise.race([Promise.all([server.close(), control?.close()]), hurry]);
}

function announcer(
  config: PlacedConfig,
  { urlOnly, hints, from }: Announcement,
  { out }: Pick<Context, 'out'>,
): (server: Server) => void {
  return ({ url, host, port, authority }) => {
    const reached: Reached = { url, host, port, publicUrl: config.publicUrl, authority: authority?.path };
    out.write(`${localUrl(reached)}\n`);
    if (urlOnly) return;
    out.write(`data: ${dataOf(config, from).text}\n`);
    if (hints) out.write(`\n${clientHints(reached)}`);
  };
}

/** Says what a person may not have meant when others can reach the registry. */
function warnOfExposure({ host, access, tls, publicUrl, trustProxy }: PlacedConfig, log: Logger): void {
  if (isLoopback(host)) return;
  if (access.mode === 'none') {
    log.warn(
      `everybody who can reach ${host} may pull, push and delete: set access.mode, or listen on 127.0.0.1`,
    );
  } else if (!tls.auto && tls.cert === undefined && !trustProxy && !publicUrl?.startsWith('https:')) {
    log.warn('passwords travel in plain text: set tls.auto, or tls.cert and tls.key');
  }
}
