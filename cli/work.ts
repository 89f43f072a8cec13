import { Option } from 'commander';
import { isOciError, OciError } from '../oci/index.js';
import { askServer } from '../registry/operations/control-client.js';
import { resultOf, runJob, type Job } from '../registry/operations/jobs.js';
import type { Store } from '../registry/storage/store.js';
import type { Context, Output } from './context.js';
import { existingDataFolder } from './data-folder.js';
import { watchSignals } from './serve/shutdown.js';

/** Flags of every command that works on a data folder. */
export interface WorkFlags {
  readonly data?: string;
  readonly output: 'json' | 'text';
}

/** Work on a data folder, for its server to do or for this process. */
export interface Work {
  /** Of the server's endpoint, below `/_ocilot/`. */
  readonly path: string;
  readonly query: Readonly<Record<string, string | boolean | undefined>>;
  /** The same work, done here. */
  readonly job: (store: Store) => Promise<Job>;
  /** How far it is, in a few words. */
  readonly progress?: (progress: object) => string;
}

/** `--data`. */
export const dataOption = (): Option =>
  new Option('--data <path>', 'data folder (default: OCILOT_DATA, else that of the user)');

/** `-o`. */
export const outputOption = (): Option =>
  new Option('-o, --output <format>', 'format of the report').choices(['json', 'text']).default('text');

/**
 * Has the server of the data folder do the work, or does it here when nobody serves the folder.
 * @throws OciError `INVALID_OPTION` for a folder that is none, `STORE_LOCKED`, `ABORTED` after a signal, or what the work
 *   fails with
 */
export async function runWork(work: Work, data: string | undefined, context: Context): Promise<object> {
  const folder = existingDataFolder(data, context.env);
  const ending = watchSignals();
  const abort = new AbortController();
  const { signal } = abort;
  void ending.asked.then(() => abort.abort(new OciError('ABORTED', 'interrupted')));
  const listener = progressListener(work, context.err);
  try {
    const lines = await askServer(folder, { path: work.path, query: work.query, signal });
    if (lines !== undefined) return await resultOf(lines, listener.tell);
    return await withStore(folder, async (store) =>
      resultOf(runJob(await work.job(store), { signal }), listener.tell),
    );
  } finally {
    listener.end();
    ending.dispose();
  }
}

async function withStore<T>(folder: string, use: (store: Store) => Promise<T>): Promise<T> {
  const store = await openData(folder);
  try {
    return await use(store);
  } finally {
    await store.close();
  }
}

/**
 * Opens a data folder that nobody serves, whatever kind it is.
 * @throws OciError `STORE_LOCKED`
 */
export async function openData(folder: string): Promise<Store> {
  const { openStore } = await import('../registry/storage/open.js');
  return await openStore({ kind: 'auto', folder }).catch((error: unknown) => {
    if (!isOciError(error, 'INVALID_OPTION')) throw error;
    return openStore({ kind: 'leveldb', folder });
  });
}

/** Least time between two lines of progress where they cannot replace each other, in milliseconds. */
const PACE = 10_000;

interface Listener {
  readonly tell: (progress: object) => void;
  readonly end: () => void;
}

/** Shows progress: one line that changes on a terminal, a line now and then elsewhere. */
function progressListener({ path, progress }: Work, err: Output): Listener {
  let shown = false;
  let last = performance.now();
  return {
    tell(state) {
      const text = progress?.(state) ?? '';
      if (text === '') return;
      if (err.isTerminal) err.write(`\r\u001B[K${path}: ${text}`);
      else if (performance.now() - last > PACE) {
        last = performance.now();
        err.write(`${path}: ${text}\n`);
      }
      shown = true;
    },
    end() {
      if (shown && err.isTerminal) err.write('\r\u001B[K');
    },
  };
}

/** Prints a report: as one JSON document, or as lines for a person. */
export function printReport(
  { out }: Context,
  output: WorkFlags['output'],
  report: object,
  lines: readonly string[],
): void {
  out.write(output === 'json' ? `${JSON.stringify(report)}\n` : lines.map((line) => `${line}\n`).join(''));
}
