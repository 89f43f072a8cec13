import { once } from 'node:events';
import { Agent, createServer, request as ask, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Stands before a registry, passes everything on, and counts the bytes of blobs as they go by, in requests that fail too. */
export class Meter implements AsyncDisposable {
  /** Bytes that went to clients, by the digest of their blob. */
  readonly down = new Map<string, number>();
  readonly #sessions = new Map<string, number>();
  readonly #digests = new Map<string, string>();
  readonly #agent = new Agent({ keepAlive: true });
  readonly #server = createServer((request, response) => this.#pass(request, response));
  readonly #port: number;
  /** How far a blob or an upload has gone by, in bytes from its start. */
  readonly #furthest = new Map<string, number>();
  #again = 0;
  #moved = 0;
  #alarm: { readonly at: number; readonly ring: () => void } | undefined;

  private constructor(port: number) {
    this.#port = port;
  }

  /** @param url of the registry */
  static async before(url: string): Promise<Meter> {
    const meter = new Meter(Number(new URL(url).port));
    meter.#server.listen(0, '127.0.0.1');
    await once(meter.#server, 'listening');
    return meter;
  }

  /** As references name it. */
  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** All bytes of blobs that went by, either way. */
  get moved(): number {
    return this.#moved;
  }

  /** The most bytes that one request has moved which had gone by before, of the same blob or upload. */
  get again(): number {
    return this.#again;
  }

  /** Bytes that came to the registry, by digest; those of uploads that nobody has ended, by their path. */
  get up(): ReadonlyMap<string, number> {
    const sums = new Map<string, number>();
    for (const [path, bytes] of this.#sessions) {
      const name = this.#digests.get(path) ?? path;
      sums.set(name, (sums.get(name) ?? 0) + bytes);
    }
    return sums;
  }

  /** Calls this once, before any byte goes by that is behind so many. */
  at(bytes: number, ring: () => void): void {
    this.#alarm = { at: bytes, ring };
  }

  /** Counts from 0 again. */
  clear(): void {
    this.down.clear();
    this.#sessions.clear();
    this.#digests.clear();
    this.#furthest.clear();
    this.#again = 0;
    this.#moved = 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    this.#agent.destroy();
    await once(this.#server, 'close');
  }

  #pass(request: IncomingMessage, response: ServerResponse): void {
    const { method, url = '', headers } = request;
    const { pathname, searchParams } = new URL(url, 'http://registry');
    const digest = searchParams.get('digest');
    const upload = pathname.includes('/blobs/uploads/') ? pathname : undefined;
    // The one request of a small blob has no upload of its own.
    const session = upload?.endsWith('/') === true ? `${upload}${digest}` : upload;
    if (session !== undefined && digest !== null) this.#digests.set(session, digest);
    const onward = ask({
      agent: this.#agent,
      host: '127.0.0.1',
      port: this.#port,
      path: url,
      headers,
      ...(method !== undefined && { method }),
    });
    onward.on('response', (answer) => {
      const [, blob] = /\/blobs\/(sha256:\w+)$/.exec(pathname) ?? [];
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      if (blob !== undefined && method === 'GET')
        this.#count(answer, this.down, { name: blob, start: startOf(headers.range) });
      answer.on('error', () => response.destroy());
      answer.pipe(response);
    });
    onward.on('error', () => response.destroy());
    request.on('error', () => onward.destroy());
    response.on('close', () => {
      if (!response.writableFinished) onward.destroy();
    });
    if (session !== undefined)
      this.#count(request, this.#sessions, { name: session, start: startOf(headers['content-range']) });
    request.pipe(onward);
  }

  #count(
    stream: IncomingMessage,
    sums: Map<string, number>,
    { name, start }: { readonly name: string; readonly start: number },
  ): void {
    const before = this.#furthest.get(name) ?? 0;
    let at = start;
    stream.on('data', ({ length }: Buffer) => {
      at += length;
      sums.set(name, (sums.get(name) ?? 0) + length);
      this.#furthest.set(name, Math.max(this.#furthest.get(name) ?? 0, at));
      this.#again = Math.max(this.#again, Math.min(before, at) - start);
      this.#moved += length;
      if (this.#alarm === undefined || this.#moved < this.#alarm.at) return;
      const { ring } = this.#alarm;
      this.#alarm = undefined;
      ring();
    });
  }
}

/** Where `bytes=5-9` and `5-9` begin; 0 without a range. */
function startOf(range = ''): number {
  return Number(/^(?:bytes=)?(\d+)-/.exec(range)?.[1] ?? 0);
}
