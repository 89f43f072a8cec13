import { setTimeout as delay } from 'node:timers/promises';
import { OciError, isOciError, type ErrorCode } from '../../oci/index.js';
import { toWebStream } from '../web-stream.js';

/** Work that takes its time. It reports how far it is, and gives up when the signal says so. */
export type Job = (report: (progress: object) => void, signal: AbortSignal) => Promise<object>;

/** One line that is heard of a job: how far it is, then once what came of it. */
export type JobLine =
  | { readonly progress: object }
  | { readonly result: object }
  | { readonly error: { readonly code: ErrorCode; readonly message: string } };

/** The type of a body with one JSON document a line. */
export const JOB_TYPE = 'application/x-ndjson';

/** Time between two lines of progress, in milliseconds. */
const PACE = 200;

/** How to run a job. */
export interface RunOptions {
  /** Told of a failure that nobody foresaw. */
  readonly onFailure?: (error: unknown) => void;
  readonly signal?: AbortSignal;
}

/** Runs a job and tells its lines. To stop listening stops the job. */
export async function* runJob(job: Job, { onFailure, signal }: RunOptions = {}): AsyncGenerator<JobLine> {
  const abort = new AbortController();
  let latest: object = {};
  let told: object | undefined;
  const done = job(
    (progress) => {
      latest = progress;
    },
    signal === undefined ? abort.signal : AbortSignal.any([abort.signal, signal]),
  ).then(
    (result): JobLine => ({ result }),
    (error: unknown): JobLine => {
      if (!isOciError(error)) onFailure?.(error);
      return { error: lineOf(error) };
    },
  );
  try {
    for (;;) {
      if (latest !== told) {
        told = latest;
        yield { progress: told };
      }
      const timer = new AbortController();
      const end = await Promise.race([
        done,
        delay(PACE, undefined, { signal: timer.signal }).catch(() => undefined),
      ]);
      timer.abort();
      if (end === undefined) continue;
      yield end;
      return;
    }
  } finally {
    abort.abort(new OciError('ABORTED', 'nobody waits for this any more'));
    await done;
  }
}

function lineOf(error: unknown): { code: ErrorCode; message: string } {
  if (isOciError(error)) return { code: error.code, message: error.message };
  return { code: 'UNKNOWN', message: error instanceof Error ? error.message : String(error) };
}

/** The lines of a job as an answer that goes out while the job runs. A job that fails says so in its last line. */
export function jobResponse(lines: AsyncIterable<JobLine>): Response {
  const body = toWebStream(encode(lines), () => undefined);
  return new Response(body, { status: 200, headers: { 'content-type': JOB_TYPE } });
}

async function* encode(lines: AsyncIterable<JobLine>): AsyncGenerator<Uint8Array> {
  for await (const line of lines) yield Buffer.from(`${JSON.stringify(line)}\n`);
}

/**
 * Listens to a job to its end.
 * @returns its result
 * @throws OciError with the code of its failure; `ABORTED` when it ended without a word
 */
export async function resultOf(
  lines: AsyncIterable<JobLine>,
  onProgress: (progress: object) => void = () => undefined,
): Promise<object> {
  for await (const line of lines) {
    if ('result' in line) return line.result;
    if ('error' in line) throw new OciError(line.error.code, line.error.message);
    onProgress(line.progress);
  }
  throw new OciError('ABORTED', 'the registry ended before the work did');
}
