import { spawn } from 'node:child_process';
import { OciError, isOciError, type CallOptions } from '../../oci/index.js';

/** How a program is run. */
export interface ProgramOptions extends CallOptions {
  /** Its environment; `PATH` is where it is looked for. Default `process.env`. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** What it reads. Default nothing. */
  readonly input?: string;
  /** Milliseconds after which it is ended. Default 60 s: it may have to ask a person. */
  readonly timeout?: number;
  /** Most that it may print on either stream, in bytes. Default 64 KiB. */
  readonly limit?: number;
}

/** How a program ended, and what it printed. */
export interface ProgramEnd {
  /** Null when it was ended by a signal. */
  readonly code: number | null;
  readonly output: string;
  readonly errors: string;
}

/** Most that a program may print on either stream, in bytes. */
export const PROGRAM_OUTPUT_LIMIT = 64 * 1024;

/** True when a program failed because there is none of that name. */
export function isMissingProgram(error: unknown): boolean {
  return isOciError(error) && (error.cause as NodeJS.ErrnoException | undefined)?.code === 'ENOENT';
}

/**
 * Runs a program without a shell, to its end. One that prints too much, takes too long, or is aborted is killed, and
 * nobody waits for what it started.
 * @throws OciError `UNKNOWN` when it cannot be started, prints too much or takes too long; the reason of the signal
 */
export async function runProgram(
  command: string,
  args: readonly string[],
  {
    signal,
    environment = process.env,
    input = '',
    timeout = 60_000,
    limit = PROGRAM_OUTPUT_LIMIT,
  }: ProgramOptions = {},
): Promise<ProgramEnd> {
  signal?.throwIfAborted();
  const child = spawn(command, args, { env: environment, stdio: 'pipe', windowsHide: true });
  // A program may end without reading what it was given.
  child.stdin.on('error', () => undefined).end(input);
  return await new Promise<ProgramEnd>((resolve, reject) => {
    const end = (settle: () => void): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
      settle();
    };
    const fail = (error: Error): void => {
      child.kill('SIGKILL');
      // What it started may hold these open.
      child.stdout.destroy();
      child.stderr.destroy();
      end(() => reject(error));
    };
    // The reason of a signal is whatever its owner chose, and passes through unchanged.
    const abort = (): void => fail(signal?.reason as Error);
    const timer = setTimeout(
      () => fail(new OciError('UNKNOWN', `no answer within ${timeout / 1000} s`)),
      timeout,
    );
    signal?.addEventListener('abort', abort, { once: true });
    const tooMuch = (): void => fail(new OciError('UNKNOWN', `it printed more than ${limit / 1024} KiB`));
    const output = take(child.stdout, limit, tooMuch);
    const errors = take(child.stderr, limit, tooMuch);
    child.on('error', (error: NodeJS.ErrnoException) =>
      fail(
        new OciError('UNKNOWN', error.code === 'ENOENT' ? 'it is not on the PATH' : error.message, {
          cause: error,
        }),
      ),
    );
    child.once('close', (code) => end(() => resolve({ code, output: output(), errors: errors() })));
  });
}

/** Collects what a program prints, up to the limit. */
function take(stream: NodeJS.ReadableStream, limit: number, tooMuch: () => void): () => string {
  const chunks: Buffer[] = [];
  let size = 0;
  stream.on('error', () => undefined);
  stream.on('data', (chunk: Buffer) => {
    size += chunk.byteLength;
    if (size <= limit) chunks.push(chunk);
    else tooMuch();
  });
  return () => Buffer.concat(chunks).toString('utf8');
}
