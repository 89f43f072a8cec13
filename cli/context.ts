import type { Readable } from 'node:stream';
import { isatty } from 'node:tty';

/** A place to write text to. */
export interface Output {
  readonly isTerminal: boolean;
  write(text: string): void;
  /** Resolves when there is room for more; false: nobody reads any longer. */
  writeBytes(bytes: Uint8Array): Promise<boolean>;
}

/** What a command sees of its process. */
export interface Context {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Results. */
  readonly out: Output;
  /** Everything else. */
  readonly err: Output;
  readonly input: Readable & { readonly isTTY?: boolean };
  /** What the process ends with when nothing is thrown; a command may set it. */
  exitCode: number;
}

/** The context of this process. */
export function processContext(): Context {
  return {
    env: process.env,
    out: outputOf(process.stdout),
    err: outputOf(process.stderr),
    input: process.stdin,
    exitCode: 0,
  };
}

function outputOf(stream: NodeJS.WriteStream & { readonly fd: number }): Output {
  // Whoever read the output has seen enough, as in `ocilot help | head`.
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
  return {
    isTerminal: isatty(stream.fd),
    write: (text) => void stream.write(text),
    writeBytes: async (bytes) => {
      if (stream.destroyed || stream.write(bytes)) return !stream.destroyed;
      await new Promise<void>((resolve) => {
        const settled = (): void => {
          stream.off('drain', settled).off('close', settled);
          resolve();
        };
        stream.on('drain', settled).on('close', settled);
      });
      return !stream.destroyed;
    },
  };
}

/**
 * Writes a stream to an output, as fast as it is read there. When nobody reads any longer, the rest is left.
 * @throws what the stream throws
 */
export async function pipeTo(output: Output, stream: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const chunk of stream) if (!(await output.writeBytes(chunk))) return;
}
