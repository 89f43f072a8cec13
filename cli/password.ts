import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import type { Context } from './context.js';
import { UsageError } from './exit.js';

/** Most that is read of a password, in bytes. */
const LIMIT = 64 * 1024;

/**
 * Reads a new password: all of standard input, or twice from a terminal that does not show it.
 * @throws UsageError when there is neither, or the two differ
 */
export async function readPassword(context: Context, fromInput: boolean): Promise<string> {
  if (fromInput) return await readInput(context);
  if (context.input.isTTY !== true)
    throw new UsageError('there is no terminal to ask for the password: pipe it in with --password-stdin');
  const password = await ask(context, 'Password: ');
  if ((await ask(context, 'Again: ')) !== password) throw new UsageError('the passwords differ');
  return password;
}

/** What is piped in, without the newline that `echo` adds. */
async function readInput({ input }: Context): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of input as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > LIMIT) throw new UsageError('the password on standard input is too long');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks)
    .toString()
    .replace(/\r?\n$/, '');
}

async function ask({ input, err }: Context, prompt: string): Promise<string> {
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input, output: silent, terminal: true });
  err.write(prompt);
  try {
    return await lines.question('');
  } finally {
    lines.close();
    err.write('\n');
  }
}
