import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';
import { onTestFinished } from 'vitest';

const root = join(import.meta.dirname, '../../..');

/** What a server process is told to be. */
export interface ServerOptions {
  readonly kind: 'auto' | 'leveldb';
  readonly folder: string;
  readonly lease: number;
  readonly inlineLimit: number;
  /** Milliseconds between two collections. */
  readonly collectEvery: number;
}

/** What a server process tells when it is asked. */
export interface ServerReport {
  readonly collections: number;
  readonly collected: number;
  /** Milliseconds. */
  readonly delay: { readonly mean: number; readonly p99: number; readonly max: number };
  /** What went wrong inside. */
  readonly errors: readonly string[];
}

/** A registry in a process of its own. */
export interface ServerProcess {
  readonly url: string;
  /** Ends it at once. */
  kill(): Promise<void>;
  report(): Promise<ServerReport>;
}

/** Builds the program of such processes for one test; returns its file. */
export async function buildServer(): Promise<string> {
  // Beside the packages that it loads.
  const folder = join(root, 'node_modules', '.cache', 'ocilot-tests');
  mkdirSync(folder, { recursive: true });
  const outfile = join(folder, `server-${process.pid}.mjs`);
  onTestFinished(() => rm(outfile, { force: true }));
  const { dependencies } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>;
  };
  await build({
    entryPoints: [join(import.meta.dirname, 'server-main.ts')],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    external: Object.keys(dependencies),
    define: { OCILOT_VERSION: '"test"' },
    banner: { js: "import{createRequire as __r}from'node:module';const require=__r(import.meta.url);" },
    logLevel: 'error',
  });
  return outfile;
}

/** Starts a server and waits until it listens. */
export async function startServer(program: string, options: ServerOptions): Promise<ServerProcess> {
  const child = spawn(process.execPath, [program, JSON.stringify(options)], {
    stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
  });
  const url = await answerOf(child);
  return {
    url,
    async kill() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    },
    async report() {
      child.send('report');
      return JSON.parse(await answerOf(child)) as ServerReport;
    },
  };
}

/** The next message of a process; it must not end first. */
async function answerOf(child: ChildProcess): Promise<string> {
  const stop = new AbortController();
  let text = '';
  const listen = (chunk: Buffer): void => {
    text = (text + chunk.toString()).slice(-2000);
  };
  child.stderr?.on('data', listen);
  const ended = once(child, 'close', { signal: stop.signal }).then(([code]) => {
    throw new Error(`the server ended with ${String(code)}: ${text}`);
  });
  ended.catch(() => undefined);
  const [message] = (await Promise.race([once(child, 'message', { signal: stop.signal }), ended])) as [
    string,
  ];
  stop.abort();
  child.stderr?.off('data', listen).resume();
  return message;
}
