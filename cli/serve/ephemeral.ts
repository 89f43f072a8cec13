import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { OciError, isRepository, quote } from '../../oci/index.js';
import {
  recordingRegistry,
  replayRegistry,
  startRegistry,
  type FaultRule,
  type StartOptions,
  type TestRegistry,
} from '../../testing/index.js';
import type { Context } from '../context.js';
import { createLogger, logRequest, type Logger } from './logger.js';
import { listenOptions, registryOptions, type PlacedConfig } from './options.js';
import { watchSignals } from './shutdown.js';
import { whyUnreadable } from '../values/unreadable.js';

/** A folder that is served, and the registry that is recorded into it. */
export interface RecordingOptions {
  readonly folder: string;
  /** None: what is there is replayed. */
  readonly upstream?: string;
}

/** What a registry for tests of other programs is told besides its settings. */
export interface EphemeralOptions {
  /** Layouts and archives to begin with, as `path` or `repository=path`. */
  readonly seed: readonly string[];
  /** A YAML or JSON file with a list of fault rules. */
  readonly faults?: string | undefined;
  /** Content of another registry instead. */
  readonly recording?: RecordingOptions | undefined;
  /** End when the process that started this one has ended. */
  readonly exitWithParent: boolean;
  /** Print nothing but the URL. */
  readonly urlOnly: boolean;
}

/** How often to look whether the parent is there still, in milliseconds. */
const LOOK = 200;

/**
 * Runs a registry in memory until a signal or the end of its parent; then it is gone at once.
 * @throws OciError `INVALID_OPTION` for settings, seeds or fault rules that cannot be
 */
export async function runEphemeral(
  config: PlacedConfig,
  options: EphemeralOptions,
  context: Context,
): Promise<void> {
  // The parent that is meant is the one of now.
  const parent = process.ppid;
  const ending = watchSignals();
  const log = createLogger(config.log, context);
  try {
    await using registry = await open(config, options, log);
    for (const seed of options.seed) await load(registry, seed);
    if (config.load.length > 0) {
      const { loadAll } = await import('./load.js');
      await loadAll(registry.registry.store, config.load, { log, ending });
    }
    context.out.write(`${registry.url}\n`);
    if (!options.urlOnly) context.out.write(`data: ${whereabouts(options)}\n`);
    const orphaned = options.exitWithParent ? parentGone(parent) : undefined;
    try {
      await Promise.race([ending.asked, ...(orphaned === undefined ? [] : [orphaned.gone])]);
    } finally {
      orphaned?.stop();
    }
  } finally {
    ending.dispose();
  }
}

function whereabouts({ recording }: EphemeralOptions): string {
  if (recording === undefined) return 'in memory, gone at the end';
  const { folder, upstream } = recording;
  return upstream === undefined ? `as recorded in ${folder}` : `of ${upstream}, recorded in ${folder}`;
}

async function open(
  config: PlacedConfig,
  { faults, recording }: EphemeralOptions,
  log: Logger,
): Promise<TestRegistry> {
  const onError = (error: unknown): void => log.error({ err: error }, 'the certificate cannot be renewed');
  const { grace: _, ...listening } = listenOptions(config, onError);
  const options = {
    ...registryOptions(config),
    ...listening,
    ...(faults === undefined ? {} : { faults: await readRules(faults) }),
    onRequest: (entry) => logRequest(log, entry),
    onError: (error, entry) => log.error({ err: error, ...entry }, 'failed'),
  } satisfies StartOptions;
  if (recording === undefined) return await startRegistry(options);
  // A recording says itself what is there and what may be missing.
  const { storage: _storage, manifests: _manifests, ...rest } = options;
  const { folder, upstream } = recording;
  return upstream === undefined
    ? await replayRegistry({ ...rest, folder })
    : await recordingRegistry({ ...rest, folder, upstream });
}

async function load(registry: TestRegistry, seed: string): Promise<void> {
  const at = seed.indexOf('=');
  const repository = seed.slice(0, Math.max(0, at));
  if (isRepository(repository)) await registry.load(seed.slice(at + 1), { repository });
  else await registry.load(seed);
}

async function readRules(path: string): Promise<readonly FaultRule[]> {
  const failed = (why: string, cause?: unknown): OciError =>
    new OciError('INVALID_OPTION', `--faults ${quote(path)}: ${why}`, { cause });
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw failed(`cannot be read: ${whyUnreadable(cause)}`, cause);
  });
  let rules: unknown;
  try {
    rules = parse(text);
  } catch (cause) {
    throw failed(`is no YAML: ${(cause as Error).message}`, cause);
  }
  // What is in the list is checked where rules are taken.
  if (!Array.isArray(rules)) throw failed('expected a list of fault rules');
  return rules as readonly FaultRule[];
}

/** Resolves when this process has another parent than at its start. */
function parentGone(parent: number): { readonly gone: Promise<void>; readonly stop: () => void } {
  let timer: NodeJS.Timeout | undefined;
  const gone = new Promise<void>((resolve) => {
    timer = setInterval(() => {
      if (process.ppid !== parent) resolve();
    }, LOOK);
  });
  return { gone, stop: () => clearInterval(timer) };
}
