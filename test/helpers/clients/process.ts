import { spawn } from 'node:child_process';
import { accessSync, constants, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { TestContext } from 'vitest';

/** True when a program is on the PATH. */
export function have(command: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Skips a test, with the reason, when one of the programs it needs is not here. */
export function needs(ctx: TestContext, ...commands: readonly string[]): void {
  for (const command of commands) if (!have(command)) ctx.skip(`${command} is not installed`);
}

/** CAP_SYS_ADMIN, which mounting takes (capabilities(7)). */
const SYS_ADMIN = 1n << 21n;

/** True for root that may mount; root of a plain container may not. */
export function mayMount(): boolean {
  try {
    const held = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
    return process.getuid?.() === 0 && held !== undefined && (BigInt(`0x${held}`) & SYS_ADMIN) !== 0n;
  } catch {
    return false;
  }
}

/** Skips a test of a program that makes mounts. */
export function needsMounts(ctx: TestContext, command: string): void {
  needs(ctx, command);
  if (!mayMount()) ctx.skip(`${command} needs root and the right to mount (CAP_SYS_ADMIN)`);
}

/** How a program is run. */
export interface RunOptions {
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  /** Written to the program's input, which is empty without it. */
  readonly input?: string | Uint8Array;
  /** Milliseconds until it is killed. Default two minutes. */
  readonly timeout?: number;
}

/** What a program did. */
export interface RunResult {
  /** Null when a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Command, exit code and everything it printed, for the message of an assertion. */
  readonly transcript: string;
}

/**
 * Runs a program to its end.
 * @throws Error when it cannot be started or does not end in time
 */
export async function run(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  const { env = process.env, cwd, input = '', timeout = 120_000 } = options;
  const child = spawn(command, args, { env, cwd, stdio: ['pipe', 'pipe', 'pipe'] });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
  // A program that ends without reading its input is no failure of the test.
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    child.kill('SIGKILL');
  }, timeout);
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    });
    const result = describeRun(command, args, code, stdout, stderr);
    if (late) throw new Error(`killed after ${timeout} ms\n${result.transcript}`);
    return result;
  } finally {
    clearTimeout(timer);
  }
}

function describeRun(
  command: string,
  args: readonly string[],
  code: number | null,
  out: readonly Buffer[],
  err: readonly Buffer[],
): RunResult {
  const stdout = Buffer.concat(out).toString('utf8');
  const stderr = Buffer.concat(err).toString('utf8');
  const transcript = `$ ${command} ${args.join(' ')}\nexit code ${code}\n--- stdout\n${stdout}\n--- stderr\n${stderr}`;
  return { code, stdout, stderr, transcript };
}

/**
 * Runs a program that has to succeed.
 * @throws Error with all its output when it does not
 */
export async function succeed(
  command: string,
  args: readonly string[],
  options?: RunOptions,
): Promise<RunResult> {
  const result = await run(command, args, options);
  if (result.code !== 0) throw new Error(`expected success\n${result.transcript}`);
  return result;
}

/**
 * Runs a program that has to fail, and say why.
 * @throws Error with all its output when it succeeds or says something else
 */
export async function fail(
  command: string,
  args: readonly string[],
  reason: RegExp,
  options?: RunOptions,
): Promise<RunResult> {
  const result = await run(command, args, options);
  if (result.code === 0 || !reason.test(result.stderr + result.stdout)) {
    throw new Error(`expected a failure that says ${reason}\n${result.transcript}`);
  }
  return result;
}
