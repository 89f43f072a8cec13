import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import { createRegistry, listen, type RegistryOptions, type Server } from '../../registry/index.js';
import { deferred, eventually } from './helpers.js';
import { connectRaw, exchange, head, type Raw } from './raw.js';

/** A registry on a socket that tells what it logged. */
async function serve(options: RegistryOptions = {}, linger = 100): Promise<Server & { failures: unknown[] }> {
  const failures: unknown[] = [];
  const registry = await createRegistry({ onError: (error) => void failures.push(error), ...options });
  const server = await listen(registry, { port: 0, grace: 0, linger });
  const close = async (): Promise<void> => {
    await server.close();
    await registry.close();
  };
  return { ...server, failures, close, [Symbol.asyncDispose]: close };
}

const MIB = 1024 * 1024;

/** Sends body bytes as fast as they are taken until the connection ends; returns how many were handed over. */
async function flood({ socket }: Raw, most: number): Promise<number> {
  const chunk = Buffer.alloc(256 * 1024);
  let sent = 0;
  while (sent < most && !socket.destroyed && socket.writable) {
    sent += chunk.byteLength;
    if (socket.write(chunk)) continue;
    await new Promise<void>((resolve) => {
      const go = (): void => {
        socket.off('drain', go);
        socket.off('close', go);
        resolve();
      };
      socket.on('drain', go);
      socket.on('close', go);
    });
  }
  return sent;
}

const HUGE = 10 * 1024 * MIB;

/** Requests whose answer does not depend on their body. */
const EARLY: readonly [what: string, line: string, status: number, options?: RegistryOptions][] = [
  ['a manifest too large', 'PUT /v2/app/manifests/v1', 413],
  ['an unknown upload', 'PATCH /v2/app/blobs/uploads/nothing', 404],
  ['a bad digest', 'POST /v2/app/blobs/uploads/?digest=sha256:x', 400],
  ['a bad name', 'PUT /v2/APP/manifests/v1', 400],
  ['no such path', 'PUT /v2/app/elsewhere', 404],
  ['no such method', 'PUT /v2/', 405],
  ['a path with dot segments', 'PUT /v2/app/../other/manifests/v1', 400],
  ['a registry that takes no writes', 'PUT /v2/app/manifests/v1', 403, { readOnly: true }],
  ['an answer with a body of its own', 'GET /v2/', 200],
];

describe('an answer before the body has come', () => {
  it.each(EARLY)('reaches a client that sends 10 GiB: %s', async (_, line, status, options = {}) => {
    await using server = await serve(options);
    using raw = await connectRaw(
      server.url,
      head(`${line} HTTP/1.1`, 'Host: x', `Content-Length: ${HUGE}`),
      Buffer.alloc(64 * 1024),
    );
    const sent = await flood(raw, HUGE);
    expect(sent).toBeLessThan(64 * MIB);
    const text = await raw.ended();
    expect(text).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(text).toMatch(/^connection: close\r$/im);
    expect(server.failures).toEqual([]);
  });

  it('is told by the body as it comes in: a chunked manifest above the limit', async () => {
    await using server = await serve({ manifestLimit: 1000 });
    using raw = await connectRaw(
      server.url,
      head('PUT /v2/app/manifests/v1 HTTP/1.1', 'Host: x', 'Transfer-Encoding: chunked'),
      `7d0\r\n${'x'.repeat(2000)}\r\n`,
    );
    const text = await raw.ended();
    expect(text).toMatch(/^HTTP\/1.1 413 /);
    expect(text).toContain('MANIFEST_INVALID');
  });

  it('is told by the body as it comes in: a chunked blob above a quota', async () => {
    await using server = await serve({ quotas: { app: 1000 } });
    using raw = await connectRaw(
      server.url,
      head(
        `POST /v2/app/blobs/uploads/?digest=sha256:${'0'.repeat(64)} HTTP/1.1`,
        'Host: x',
        'Transfer-Encoding: chunked',
      ),
      `7d0\r\n${'x'.repeat(2000)}\r\n`,
    );
    const text = await raw.ended();
    expect(text).toMatch(/^HTTP\/1.1 403 /);
    expect(text).toContain('DENIED');
  });

  it('is told by the body as it comes in: a form for a token above its limit', async () => {
    await using server = await serve({ access: { mode: 'bearer', users: { ann: 'secret' } } });
    using raw = await connectRaw(
      server.url,
      head(
        'POST /_ocilot/token HTTP/1.1',
        'Host: x',
        'Content-Type: application/x-www-form-urlencoded',
        'Content-Length: 10000000',
      ),
    );
    expect(await flood(raw, 10_000_000)).toBeGreaterThan(0);
    const text = await raw.ended();
    expect(server.failures).toEqual([]);
    expect(text).toMatch(/^HTTP\/1.1 413 /);
  });

  it('keeps the connection when the body was small and is there already', async () => {
    await using server = await serve();
    const text = await exchange(
      server.url,
      head('PUT /v2/APP/manifests/v1 HTTP/1.1', 'Host: x', 'Content-Length: 4') + 'body',
      head('GET /v2/ HTTP/1.1', 'Host: x', 'Connection: close'),
    );
    expect(text.match(/HTTP\/1.1 \d+/g)).toEqual(['HTTP/1.1 400', 'HTTP/1.1 200']);
  });

  it('comes behind a small body that is still on its way, and keeps the connection', async () => {
    await using server = await serve({}, 60_000);
    using raw = await connectRaw(
      server.url,
      head('PUT /v2/APP/manifests/v1 HTTP/1.1', 'Host: x', 'Content-Length: 4') + 'bo',
    );
    // Answered meanwhile, on another connection: the first request has been seen.
    await exchange(server.url, head('GET /v2/ HTTP/1.1', 'Host: x', 'Connection: close'));
    expect(raw.received()).toBe('');
    raw.socket.write('dy');
    await raw.until(/^HTTP\/1.1 400 [^]*\r\n\r\n\{.*\}$/);
    raw.socket.write(head('GET /v2/ HTTP/1.1', 'Host: x', 'Connection: close'));
    expect((await raw.ended()).match(/HTTP\/1.1 \d+/g)).toEqual(['HTTP/1.1 400', 'HTTP/1.1 200']);
  });

  it('does not wait for a small body that never comes', async () => {
    await using server = await serve();
    using raw = await connectRaw(
      server.url,
      head('PUT /v2/APP/manifests/v1 HTTP/1.1', 'Host: x', 'Content-Length: 4') + 'bo',
    );
    expect(await raw.ended()).toMatch(/^HTTP\/1.1 400 [^]*^connection: close\r$/im);
  });

  it('keeps the connection when only a part of the body was read, and all of it is there', async () => {
    const read = deferred<void>();
    const handler = {
      async fetch(_: Request, env?: unknown) {
        const { incoming } = env as { incoming?: IncomingMessage };
        for await (const chunk of incoming?.iterator({ destroyOnReturn: false }) ?? []) {
          expect(chunk).toHaveLength(5);
          break;
        }
        read.resolve();
        await eventually(() => incoming?.complete !== false);
        return new Response(null, { status: 204 });
      },
    };
    await using server = await listen(handler, { port: 0, grace: 0 });
    const length = 5 + 60_000;
    using raw = await connectRaw(
      server.url,
      head('PUT / HTTP/1.1', 'Host: x', `Content-Length: ${length}`),
      'first',
    );
    await read.promise;
    raw.socket.write('x'.repeat(60_000));
    await raw.until(/204 No Content[^]*\r\n\r\n$/);
    raw.socket.write(head('GET / HTTP/1.1', 'Host: x', 'Connection: close'));
    expect((await raw.ended()).match(/HTTP\/1.1 \d+/g)).toEqual(['HTTP/1.1 204', 'HTTP/1.1 204']);
  });

  it('takes in the rest of a body that is not large, for clients that read when they have sent', async () => {
    await using server = await serve();
    using raw = await connectRaw(
      server.url,
      head('PUT /v2/APP/manifests/v1 HTTP/1.1', 'Host: x', `Content-Length: ${4 * MIB}`),
    );
    const sent = await flood(raw, 4 * MIB);
    expect(sent).toBe(4 * MIB);
    expect(await raw.ended()).toMatch(/^HTTP\/1.1 400 /);
    expect(raw.socket.bytesWritten).toBeGreaterThan(4 * MIB);
  });
});

describe('Expect: 100-continue', () => {
  const expecting = (line: string): string =>
    head(`${line} HTTP/1.1`, 'Host: x', 'Content-Length: 2', 'Expect: 100-continue', 'Connection: close');

  it('is answered when the body is wanted', async () => {
    await using server = await serve();
    using raw = await connectRaw(
      server.url,
      expecting(
        'POST /v2/app/blobs/uploads/?digest=sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a',
      ),
    );
    await raw.until(/^HTTP\/1.1 100 Continue\r\n\r\n$/);
    raw.socket.write('{}');
    expect(await raw.ended()).toMatch(/^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 201 /);
  });

  it('is not answered when the body is not wanted', async () => {
    await using server = await serve();
    expect(await exchange(server.url, expecting('PUT /v2/app/blobs/uploads/nothing'))).toMatch(
      /^HTTP\/1.1 400 /,
    );
    expect(await exchange(server.url, expecting('PATCH /v2/app/blobs/uploads/nothing'))).toMatch(
      /^HTTP\/1.1 404 /,
    );
  });
});
