import { createInterface, type Interface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { OciError } from '../oci/index.js';
import type { Context } from './context.js';
import { UsageError } from './exit.js';

/** Most that is read of what is piped in, in bytes. */
const LIMIT = 64 * 1024;

/**
 * Reads a new password: all of standard input, or twice from a terminal that does not show it.
 * @throws UsageError when there is neither, or the two differ
 */
export async function readPassword(context: Context, fromInput: boolean): Promise<string> {
  if (fromInput) return await readPiped(context, 'password');
  requireTerminal(context, 'the password: pipe it in with --password-stdin');
  const password = await ask(context, 'Password: ');
  if ((await ask(context, 'Again: ')) !== password) throw new UsageError('the passwords differ');
  return password;
}

/**
 * Reads a password that somebody has already: all of standard input, or once from a terminal that does not show it.
 * @throws UsageError when there is neither
 */
export async function readKnownPassword(context: Context, fromInput: boolean): Promise<string> {
  if (fromInput) return await readPiped(context, 'password');
  requireTerminal(context, 'the password: pipe it in with --password-stdin');
  return await ask(context, 'Password: ');
}

/**
 * Asks for the name of a user, on a terminal.
 * @throws UsageError when there is none
 */
export async function readUsername(context: Context): Promise<string> {
  requireTerminal(context, 'the user: name it with --username');
  const { input, err } = context;
  err.write('Username: ');
  // The terminal itself shows what is typed.
  return (await answer(createInterface({ input, terminal: false }), 'user')).trim();
}

/**
 * The line that is typed next.
 * @throws OciError `ABORTED` for Ctrl-C, UsageError for Ctrl-D
 */
async function answer(lines: Interface, what: string): Promise<string> {
  const left = new Promise<never>((_, reject) => {
    lines.once('SIGINT', () => reject(new OciError('ABORTED', 'interrupted')));
    lines.once('close', () => reject(new UsageError(`no ${what} was given`)));
  });
  try {
    return await Promise.race([lines.question(''), left]);
  } finally {
    lines.close();
  }
}

function requireTerminal({ input }: Context, what: string): void {
  if (input.isTTY !== true) throw new UsageError(`there is no terminal to ask for ${what}`);
}

/**
 * What is piped in, without the newline that `echo` adds.
 * @param what it is, for messages
 * @throws UsageError for more than 64 KiB
 */
export async function readPiped({ input }: Context, what: string): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of input as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > LIMIT) throw new UsageError(`the ${what} on standard input is too long`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks)
    .toString()
    .replace(/\r?\n$/, '');
}

async function ask({ input, err }: Context, prompt: string): Promise<string> {
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  err.write(prompt);
  try {
    return await answer(createInterface({ input, output: silent, terminal: true }), 'password');
  } finally {
    err.write('\n');
  }
}
