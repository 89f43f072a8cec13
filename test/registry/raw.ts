import { connect, type Socket } from 'node:net';

/** A connection on which every byte is ours. */
export interface Raw {
  readonly socket: Socket;
  /** All that came so far. */
  received(): string;
  /** Waits until what came matches. */
  until(pattern: RegExp): Promise<string>;
  /** Waits until the server has ended the connection; whatever way it did. */
  ended(): Promise<string>;
  [Symbol.dispose](): void;
}

/** Connects to a server on this machine and sends the first bytes. */
export async function connectRaw(url: string, ...first: readonly (string | Uint8Array)[]): Promise<Raw> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), noDelay: true });
  const chunks: Buffer[] = [];
  const waiting = new Set<() => void>();
  const wake = (): void => {
    for (const look of waiting) look();
  };
  socket.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    wake();
  });
  // A reset is one of the ways a connection ends.
  socket.on('error', wake);
  socket.on('close', wake);
  socket.on('end', wake);
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  for (const bytes of first) socket.write(bytes);
  const received = (): string => Buffer.concat(chunks).toString('latin1');
  const wait = async (done: () => boolean): Promise<string> =>
    await new Promise((resolve, reject) => {
      const look = (): void => {
        const closed = socket.destroyed || socket.readableEnded;
        if (!done() && !closed) return;
        waiting.delete(look);
        if (done()) resolve(received());
        else reject(new Error(`the connection ended after: ${received().slice(0, 500)}`));
      };
      waiting.add(look);
      look();
    });
  return {
    socket,
    received,
    until: async (pattern) => await wait(() => pattern.test(received())),
    ended: async () => await wait(() => socket.destroyed || socket.readableEnded),
    [Symbol.dispose]: () => void socket.destroy(),
  };
}

/** Sends one request, as it is written, and waits for the end of the connection. */
export async function exchange(url: string, ...parts: readonly (string | Uint8Array)[]): Promise<string> {
  using raw = await connectRaw(url, ...parts);
  return await raw.ended();
}

/** Lines of a request head with their ends, and the empty line behind them. */
export const head = (...lines: readonly string[]): string => `${lines.join('\r\n')}\r\n\r\n`;
