import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The built program. */
const PROGRAM = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));

/** What a process does last: it writes down the most memory that it had, as the system counts it. */
const LAST = `data:text/javascript,import { readFileSync, writeFileSync } from 'node:fs';
process.on('exit', () => writeFileSync(process.env.PEAK_FILE, readFileSync('/proc/self/status')));`;

/** Whether the system tells how much memory a process had. */
export const isMeasured = existsSync('/proc/self/status');

/** The program under watch. */
export interface Measured {
  readonly child: ChildProcess;
  /** What it has said so far. */
  readonly said: { out: string; err: string };
  readonly ended: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
  /** The most bytes that it had in memory, when it has ended or while it runs; undefined where nobody tells. */
  peak(): number | undefined;
}

/**
 * Starts the program.
 * @param peakFile where it notes its memory at its end
 */
export function startMeasured(
  args: readonly string[],
  { home, peakFile }: { readonly home: string; readonly peakFile: string },
): Measured {
  const watch = isMeasured ? ['--import', LAST] : [];
  const child = spawn(process.execPath, [...watch, PROGRAM, ...args], {
    env: { PATH: process.env['PATH'], HOME: home, PEAK_FILE: peakFile },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said = { out: '', err: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said.out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said.err += text));
  const ended = once(child, 'close').then(([code, signal]) => ({
    code: code as number | null,
    signal: signal as NodeJS.Signals | null,
  }));
  const isRunning = (): boolean => child.exitCode === null && child.signalCode === null;
  return {
    child,
    said,
    ended,
    peak: () => (isMeasured ? peakIn(isRunning() ? `/proc/${child.pid}/status` : peakFile) : undefined),
  };
}

function peakIn(path: string): number {
  const [, kilobytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(path, 'utf8')) ?? [];
  return Number(kilobytes) * 1024;
}
