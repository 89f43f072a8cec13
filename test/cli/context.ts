import { Readable } from 'node:stream';
import type { Context, Output } from '../../cli/context.js';

/** A context that keeps what is written to it. */
export interface FakeContext extends Context {
  readonly written: { out: string; err: string; bytes: Buffer };
}

/** What differs from an empty environment, no terminal and no input. */
export interface FakeOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly terminal?: boolean;
  readonly input?: string;
}

/** A context for commands that run inside a test. */
export function fakeContext({ env = {}, terminal = false, input = '' }: FakeOptions = {}): FakeContext {
  const written = { out: '', err: '', bytes: Buffer.alloc(0) };
  const outputTo = (add: (text: string) => void): Output => ({
    isTerminal: terminal,
    write: add,
    writeBytes: async (bytes) => {
      written.bytes = Buffer.concat([written.bytes, bytes]);
      return true;
    },
  });
  return {
    env,
    out: outputTo((text) => (written.out += text)),
    err: outputTo((text) => (written.err += text)),
    input: Readable.from([Buffer.from(input)]),
    exitCode: 0,
    written,
  };
}
