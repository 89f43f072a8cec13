import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { listen, type RequestEntry } from '../../registry/index.js';
import { Stalls } from '../../registry/stalls.js';
import { deferred, imageOf, open, pushManifest, startUpload } from './helpers.js';
import { connectRaw, head } from './raw.js';

const MIB = 1024 * 1024;

describe('Stalls', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] }));
  afterEach(() => void vi.useRealTimers());

  /** A request whose body is on its way. */
  function sender(headers: Record<string, string> = { 'content-length': '10' }) {
    const socket = { bytesRead: 0, writable: true, end: vi.fn(), destroySoon: vi.fn() };
    return { socket, complete: false, readableLength: 0, headers };
  }

  it('ends a client that says nothing for the time, with an answer if there is none', () => {
    const stalls = new Stalls(1000, () => true);
    const [silent, answered] = [sender(), sender({ 'transfer-encoding': 'chunked' })];
    stalls.watch(silent, { headersSent: false });
    stalls.watch(answered, { headersSent: true });
    vi.advanceTimersByTime(999);
    expect(silent.socket.destroySoon).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(silent.socket.end).toHaveBeenCalledWith(expect.stringMatching(/^HTTP\/1.1 408 /));
    expect(answered.socket.end).not.toHaveBeenCalled();
    for (const { socket } of [silent, answered]) expect(socket.destroySoon).toHaveBeenCalled();
  });

  it.each<[string, (incoming: ReturnType<typeof sender>) => void]>([
    ['sends a byte now and then', ({ socket }) => void socket.bytesRead++],
    ['waits for us to read', (incoming) => void (incoming.readableLength = 5)],
    ['has sent all of it', (incoming) => void (incoming.complete = true)],
  ])('lets one live that %s', (_, act) => {
    const stalls = new Stalls(1000, () => true);
    const incoming = sender();
    stalls.watch(incoming, { headersSent: false });
    for (let time = 0; time < 100_000; time += 900) {
      act(incoming);
      vi.advanceTimersByTime(900);
    }
    expect(incoming.socket.destroySoon).not.toHaveBeenCalled();
  });

  it('lets one live that waits for the word to go on', () => {
    const stalls = new Stalls(1000, () => false);
    const incoming = sender();
    stalls.watch(incoming, { headersSent: false });
    vi.advanceTimersByTime(100_000);
    expect(incoming.socket.destroySoon).not.toHaveBeenCalled();
  });

  it('has no timer but while a body is on its way', () => {
    const stalls = new Stalls(1000, () => true);
    stalls.watch({ ...sender(), headers: {} }, { headersSent: false });
    stalls.watch(sender({ 'content-length': '0' }), { headersSent: false });
    new Stalls(0, () => true).watch(sender(), { headersSent: false });
    expect(vi.getTimerCount()).toBe(0);
    const unwatch = [sender(), sender()].map((incoming) => stalls.watch(incoming, { headersSent: false }));
    expect(vi.getTimerCount()).toBe(1);
    for (const stop of unwatch) stop();
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('a client that stalls', () => {
  /** A registry on a socket with little patience. */
  async function impatient() {
    const entries: RequestEntry[] = [];
    const ended = deferred<void>();
    const site = await open({
      onRequest: (entry) => {
        entries.push(entry);
        if (entry.status >= 400) ended.resolve();
      },
    });
    const server = await listen(site.registry, { port: 0, grace: 0, idleTimeout: 20 });
    return {
      site,
      url: server.url,
      entries,
      ended: ended.promise,
      async [Symbol.asyncDispose]() {
        await server.close();
        await site[Symbol.asyncDispose]();
      },
    };
  }

  it('in the head of a request is answered with 408', async () => {
    await using server = await impatient();
    using raw = await connectRaw(server.url, 'GET /v2/ HTTP/1.1\r\nHost');
    expect(await raw.ended()).toMatch(/^HTTP\/1.1 408 /);
  });

  it('in a manifest is answered with 408, and is in the log', async () => {
    await using server = await impatient();
    const { mediaType } = imageOf();
    using raw = await connectRaw(
      server.url,
      head(
        'PUT /v2/app/manifests/1 HTTP/1.1',
        'Host: x',
        `Content-Type: ${mediaType}`,
        'Content-Length: 100',
      ),
      '{"schemaVersion":',
    );
    expect(await raw.ended()).toMatch(/^HTTP\/1.1 408 [^]*nothing of the request came for 0.02 s/);
    await server.ended;
    expect(server.entries.at(-1)).toMatchObject({ operation: 'manifest.put', status: 400, received: 17 });
  });

  it('in an upload keeps what it sent', async () => {
    await using server = await impatient();
    const session = await startUpload(server.site, 'app');
    using raw = await connectRaw(
      server.url,
      head(`PATCH ${session} HTTP/1.1`, 'Host: x', 'Content-Length: 100'),
      'half',
    );
    expect(await raw.ended()).toMatch(/^HTTP\/1.1 408 /);
    await server.ended;
    expect((await server.site.ask('GET', session)).headers.get('range')).toBe('0-3');
  });
});

describe('manifests that come at the same time', () => {
  it('share 64 MiB: the next waits until one has gone', async () => {
    await using site = await open({}, 'socket');
    await pushManifest(site, 'app', 'first');
    const request = (size: number): string =>
      head(
        'PUT /v2/app/manifests/next HTTP/1.1',
        'Host: x',
        `Content-Type: ${imageOf().mediaType}`,
        `Content-Length: ${size}`,
      );
    const stalled = await Promise.all(
      Array.from({ length: 8 }, async () => await connectRaw(site.url, request(8 * MIB), '{')),
    );
    const document = imageOf({ annotations: { a: 'b' } });
    let settled = false;
    // Other requests do not wait, and by the end of these the stalled ones have come in.
    const others = async (): Promise<void> => {
      for (let count = 0; count < 50; count++)
        expect((await site.ask('GET', '/v2/app/manifests/first')).status).toBe(200);
    };
    await others();
    const next = site
      .ask('PUT', '/v2/app/manifests/next', {
        headers: { 'content-type': document.mediaType },
        body: document.bytes,
      })
      .finally(() => (settled = true));
    await others();
    expect(settled).toBe(false);
    stalled[3]?.socket.destroy();
    expect((await next).status).toBe(201);
    for (const raw of stalled) raw[Symbol.dispose]();
  });

  it('come whole in any number of pieces, with a length or without', async () => {
    await using site = await open({}, 'socket');
    const document = imageOf({ annotations: { text: 'x'.repeat(200_000) } });
    await pushManifest(site, 'app', 'whole', document);
    const pieces = async function* (): AsyncGenerator<Uint8Array> {
      for (let at = 0; at < document.bytes.byteLength; at += 777) yield document.bytes.subarray(at, at + 777);
    };
    const answer = await site.ask('PUT', '/v2/app/manifests/pieces', {
      headers: { 'content-type': document.mediaType },
      body: ReadableStream.from(pieces()),
    });
    expect([answer.status, answer.headers.get('docker-content-digest')]).toEqual([201, document.digest]);
    expect((await site.ask('GET', '/v2/app/manifests/pieces')).bytes.equals(document.bytes)).toBe(true);
  });
});
