import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Home } from './home.js';
import type { Teardown } from './teardown.js';

export interface DaemonOptions {
  /** Finds the line that says that it serves. */
  readonly ready: RegExp;
  /** Changes to the environment of its home. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/**
 * Starts a server and waits for the line of its log that says that it serves. It ends with the suite.
 * @returns what the expression found
 * @throws Error with its log when it ends before
 */
export async function startDaemon(
  home: Home,
  teardown: Teardown,
  command: string,
  args: readonly string[],
  options: DaemonOptions,
): Promise<RegExpExecArray> {
  const child = spawn(command, args, {
    env: { ...home.env, ...options.env },
    cwd: home.folder,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const ended = new Promise<void>((resolve) => {
    child.once('close', () => resolve());
  });
  teardown.add(async () => {
    child.kill('SIGTERM');
    await ended;
  });
  const said: string[] = [];
  return await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`${command} ended with ${code}:\n${said.join('\n')}`)));
    createInterface(child.stderr).on('line', (line) => {
      said.push(line);
      const match = options.ready.exec(line);
      if (match !== null) resolve(match);
    });
  });
}
