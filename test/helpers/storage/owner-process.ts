import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { build } from 'esbuild';

/** Another process that wants a data folder, and keeps it until it is told to go. */
export interface OwnerProcess {
  readonly pid: number;
  /** `owner`, or the code of the error that it met. */
  readonly answer: string;
  /** Lets it release the folder and end. */
  leave(): Promise<void>;
  /** Ends it without a goodbye. */
  kill(): Promise<void>;
}

const SCRIPT = `
import { own } from './registry/storage/owner.js';
try {
  const owner = await own(process.argv[2] ?? '');
  console.log('owner');
  process.stdin.once('data', async () => {
    await owner.release(true);
    process.exit(0);
  });
} catch (error) {
  console.log(error.code ?? String(error));
}
`;

/** Builds the program of such processes into a folder. */
export async function buildOwner(folder: string): Promise<string> {
  const outfile = join(folder, 'owner.mjs');
  await build({
    stdin: { contents: SCRIPT, resolveDir: join(import.meta.dirname, '../../..') },
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    logLevel: 'error',
  });
  return outfile;
}

/** Starts one and waits for its answer. */
export async function startOwner(program: string, folder: string): Promise<OwnerProcess> {
  const child = spawn(process.execPath, [program, folder], { stdio: ['pipe', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  const lines = createInterface({ input: child.stdout });
  const [answer] = (await Promise.race([once(lines, 'line'), exited.then(() => ['nothing'])])) as [string];
  return {
    pid: child.pid ?? 0,
    answer,
    async leave() {
      child.stdin.end('go\n');
      await exited;
    },
    async kill() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}
