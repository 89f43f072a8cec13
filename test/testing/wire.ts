import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

/** How the other side ended a connection: in good order (FIN), or with a reset (RST). */
export type End = 'fin' | 'rst';

/** One connection, byte by byte. */
export interface Wire {
  readonly socket: Socket;
  write(bytes: string | Uint8Array): void;
  /** Waits for the head of an answer and so many bytes of its body at least. */
  body(bytes: number): Promise<Answer>;
  /** Waits for the end of the connection. */
  end(): Promise<Answer & { readonly end: End }>;
  close(): Promise<void>;
}

/** What has come of an answer. */
export interface Answer {
  /** Without a head: 0. */
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
}

/** Opens a connection, over TLS for an `https` URL. */
export async function openWire(url: string): Promise<Wire> {
  const { protocol, hostname, port } = new URL(url);
  const target = { host: hostname, port: Number(port), allowHalfOpen: true };
  const secure = protocol === 'https:';
  const raw = connect(target);
  const socket = secure ? connectTls({ socket: raw, rejectUnauthorized: false }) : raw;
  let bytes = Buffer.alloc(0);
  let end: End | undefined;
  const changed = new Set<() => void>();
  const tell = (): void => {
    for (const listener of changed) listener();
  };
  socket.on('data', (chunk: Buffer) => {
    bytes = Buffer.concat([bytes, chunk]);
    tell();
  });
  // libuv may show a reset as an end. Only the system knows: it takes bytes for a peer that sent FIN, none after RST.
  socket.on('end', () => {
    raw.write('x', (error) => {
      end ??= error ? 'rst' : 'fin';
      socket.destroy();
    });
  });
  socket.on(
    'error',
    (error: NodeJS.ErrnoException) => (end ??= error.code === 'ECONNRESET' ? 'rst' : undefined),
  );
  const closed = new Promise<void>((resolve) => {
    socket.on('close', () => {
      resolve();
      tell();
    });
  });
  const until = async (done: () => boolean): Promise<void> =>
    await new Promise<void>((resolve) => {
      const look = (): void => {
        if (!done() && !socket.destroyed) return;
        changed.delete(look);
        resolve();
      };
      changed.add(look);
      look();
    });
  await new Promise<void>((resolve, reject) => {
    socket.once(secure ? 'secureConnect' : 'connect', resolve);
    socket.once('error', reject);
  });
  return {
    socket,
    write: (data) => void socket.write(data),
    async body(count) {
      await until(() => bytes.includes('\r\n\r\n') && answerOf(bytes).body.byteLength >= count);
      return answerOf(bytes);
    },
    async end() {
      await closed;
      return { ...answerOf(bytes), end: end ?? 'fin' };
    },
    async close() {
      socket.destroy();
      await closed;
    },
  };
}

/** A request without a body, as it goes over the wire. */
export function requestHead(
  method: string,
  path: string,
  headers: Record<string, string | number> = {},
): string {
  const lines = Object.entries({ host: 'test', ...headers }).map(([name, value]) => `${name}: ${value}`);
  return `${method} ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`;
}

/** Sends one request and waits until the other side ends the connection. */
export async function exchange(
  url: string,
  ...parts: readonly (string | Uint8Array)[]
): Promise<Answer & { readonly end: End }> {
  const wire = await openWire(url);
  for (const part of parts) wire.write(part);
  return await wire.end();
}

function answerOf(bytes: Buffer): Answer {
  const split = bytes.indexOf('\r\n\r\n');
  if (split < 0) return { status: 0, headers: new Map(), body: Buffer.alloc(0) };
  const [line = '', ...fields] = bytes.subarray(0, split).toString('latin1').split('\r\n');
  const headers = new Map(
    fields.map((field) => {
      const colon = field.indexOf(':');
      return [field.slice(0, colon).toLowerCase(), field.slice(colon + 1).trim()] as const;
    }),
  );
  return { status: Number(line.split(' ')[1]), headers, body: bytes.subarray(split + 4) };
}
