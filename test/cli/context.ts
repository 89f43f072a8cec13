import { Readable } from 'node:stream';
import type { Context } from '../../cli/context.js';

/** A context that keeps what is written to it. */
export interface FakeContext extends Context {
  readonly written: { out: string; err: string };
}

/** What differs from an empty environment, no terminal and no input. */
export interface FakeOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly terminal?: boolean;
  readonly input?: string;
}

/** A context for commands that run inside a test. */
export function fakeContext({ env = {}, terminal = false, input = '' }: FakeOptions = {}): FakeContext {
  const written = { out: '', err: '' };
  return {
    env,
    out: { isTerminal: terminal, write: (text) => void (written.out += text) },
    err: { isTerminal: terminal, write: (text) => void (written.err += text) },
    input: Readable.from([Buffer.from(input)]),
    exitCode: 0,
    written,
  };
}
