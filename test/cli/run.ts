import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

/** The built program. */
const CLI = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));

/** How a program ended. */
export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** How to start the program. */
export interface StartOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string | Uint8Array;
  /** True: its standard input stays open, and silent. Default false. */
  readonly silent?: boolean;
  readonly cwd?: string;
}

/** The program while it runs. */
export interface Running {
  readonly child: ChildProcess;
  /** What it has written so far. */
  readonly written: { out: string; err: string };
  readonly ended: Promise<Ended>;
  /** Resolves when the output has this; fails when the program ends without. */
  readonly said: (pattern: RegExp, where?: 'out' | 'err') => Promise<RegExpExecArray>;
}

/** Starts the program with an environment and a home of its own; both end with the test. */
export function start(args: readonly string[], options: StartOptions = {}): Running {
  const home = mkdtempSync(join(tmpdir(), 'ocilot-home-'));
  const child = spawn(process.execPath, [CLI, ...args], {
    env: { PATH: process.env['PATH'] ?? '', HOME: home, ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  onTestFinished(async () => {
    // Nobody writes there any more when it goes.
    if (child.kill('SIGKILL') && child.exitCode === null && child.signalCode === null)
      await once(child, 'exit');
    rmSync(home, { recursive: true, force: true });
  });
  const written = { out: '', err: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (written.out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (written.err += text));
  child.stdin.on('error', () => undefined);
  if (options.silent !== true) child.stdin.end(options.input);
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, ...written }));
  return {
    child,
    written,
    ended,
    said: async (pattern, where = 'out') => {
      for (;;) {
        const match = pattern.exec(written[where]);
        if (match !== null) return match;
        const stream = where === 'out' ? child.stdout : child.stderr;
        const more = once(stream, 'data');
        const state = await Promise.race([more, ended]);
        if ('code' in state && pattern.exec(written[where]) === null) {
          throw new Error(
            `ended with ${state.code} and never said ${String(pattern)}: ${state.err}${state.out}`,
          );
        }
      }
    },
  };
}

/** Runs the program to its end. */
export const run = (args: readonly string[], options: StartOptions = {}): Promise<Ended> =>
  start(args, options).ended;

/** A registry in a process of its own. */
export interface Served extends Running {
  readonly url: string;
  /** Asks it to end; gives how it did. */
  readonly stop: (signal?: NodeJS.Signals) => Promise<Ended>;
}

/** Serves a data folder, or memory without one, on a free port. */
export async function serve(args: readonly string[] = [], options: StartOptions = {}): Promise<Served> {
  const running = start(['serve', '--port', '0', ...args], options);
  const [url] = await running.said(/^https?:\S+(?=\n)/);
  return {
    ...running,
    url,
    async stop(signal = 'SIGTERM') {
      running.child.kill(signal);
      return await running.ended;
    },
  };
}
