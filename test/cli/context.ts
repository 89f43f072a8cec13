import { Readable } from 'node:stream';
import type { Context, Output } from '../../cli/context.js';

/** A context that keeps what is written to it. */
export interface FakeContext extends Context {
  readonly written: { out: string; err: string };
  /** What was written to the output as bytes, so far. */
  readonly bytes: Buffer;
}

/** What differs from an empty environment, no terminal and no input. */
export interface FakeOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Whether output and input are terminals. */
  readonly terminal?: boolean;
  readonly input?: string | Uint8Array;
}

/** A context for commands that run inside a test. */
export function fakeContext({ env = {}, terminal = false, input = '' }: FakeOptions = {}): FakeContext {
  const written = { out: '', err: '' };
  const pieces: Uint8Array[] = [];
  const outputTo = (add: (text: string) => void): Output => ({
    isTerminal: terminal,
    write: add,
    writeBytes: async (bytes) => {
      pieces.push(Uint8Array.from(bytes));
      return true;
    },
  });
  return {
    env,
    out: outputTo((text) => (written.out += text)),
    err: outputTo((text) => (written.err += text)),
    input: Object.assign(Readable.from([Buffer.from(input)]), { isTTY: terminal }),
    exitCode: 0,
    written,
    get bytes() {
      return Buffer.concat(pieces);
    },
  };
}
