import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { pieces } from '../../conformance/content.js';
import { socketWire } from '../../conformance/socket-wire.js';
import type { Wire } from '../../conformance/wire.js';
import { serve, textOf } from './test-server.js';

const open: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close();
});

async function start(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<Wire> {
  const server = await serve(answer);
  const wire = socketWire(server.url);
  open.push(
    () => server.close(),
    () => wire.close(),
  );
  return wire;
}

/** Answers with what came. */
function echo(request: IncomingMessage, response: ServerResponse): void {
  void textOf(request).then((body) => {
    const { method, url, headers } = request;
    response.end(JSON.stringify({ method, url, headers, body }));
  });
}

async function echoed(wire: Wire, request: Parameters<Wire>[0]) {
  const answer = await wire(request);
  return JSON.parse(Buffer.from(answer.body).toString('utf8')) as {
    readonly method: string;
    readonly url: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: string;
  };
}

describe('socketWire', () => {
  it('sends paths byte for byte', async () => {
    const wire = await start(echo);
    expect(wire.isSocket).toBe(true);
    expect((await echoed(wire, { method: 'GET', path: '/v2/a/../b/%2e%2e/c//d?x=%2F' })).url).toBe(
      '/v2/a/../b/%2e%2e/c//d?x=%2F',
    );
    expect((await echoed(wire, { method: 'GET', path: `${wire.origin}/v2/?a=b` })).url).toBe('/v2/?a=b');
  });

  it('sends bytes with their length, streams in chunks, and no body as length 0', async () => {
    const wire = await start(echo);
    const bytes = Buffer.from('some bytes');
    const whole = await echoed(wire, { method: 'PUT', path: '/', body: bytes });
    expect(whole).toMatchObject({ body: 'some bytes', headers: { 'content-length': '10' } });
    expect(whole.headers['transfer-encoding']).toBeUndefined();
    const stream = await echoed(wire, { method: 'PATCH', path: '/', body: pieces(bytes, 3) });
    expect(stream).toMatchObject({ body: 'some bytes', headers: { 'transfer-encoding': 'chunked' } });
    const known = { method: 'PATCH', path: '/', body: pieces(bytes, 3), headers: { 'content-length': '10' } };
    expect((await echoed(wire, known)).headers).toMatchObject({ 'content-length': '10' });
    expect((await echoed(wire, { method: 'POST', path: '/' })).headers['content-length']).toBe('0');
    expect((await echoed(wire, { method: 'GET', path: '/' })).headers['content-length']).toBeUndefined();
  });

  it('sends and gets several lines of one header', async () => {
    let raw: readonly string[] = [];
    const wire = await start((request, response) => {
      raw = request.rawHeaders;
      response.setHeader('oci-tag', ['one', 'two']);
      response.end();
    });
    const answer = await wire({ method: 'GET', path: '/', headers: { accept: ['a/b', 'c/d'] } });
    expect(raw.filter((entry) => entry === 'accept')).toHaveLength(2);
    expect(answer.headers.all('OCI-Tag')).toEqual(['one', 'two']);
  });

  it('takes an answer that comes before the whole body was sent', async () => {
    const wire = await start((request, response) => {
      request.once('data', () => {
        response.writeHead(413, { connection: 'close' });
        response.end('too much');
      });
    });
    const body = pieces(Buffer.alloc(8_000_000), 64_000);
    const answer = await wire({ method: 'PUT', path: '/', body });
    expect(answer.status).toBe(413);
    expect(Buffer.from(answer.body).toString()).toBe('too much');
  });

  it('keeps sockets open between requests', async () => {
    const sockets = new Set<Socket>();
    const wire = await start((request, response) => {
      sockets.add(request.socket);
      response.end();
    });
    for (let i = 0; i < 3; i++) await wire({ method: 'GET', path: '/' });
    expect(sockets.size).toBe(1);
  });

  it('reads again when the server closed the kept socket, and never writes again', async () => {
    const seen: string[] = [];
    const wire = await start((request, response) => {
      seen.push(request.method ?? '');
      // Every second request of a socket finds it closed.
      if (seen.length % 2 === 0 && request.headers.connection !== 'close') request.socket.destroy();
      else response.end();
    });
    await wire({ method: 'GET', path: '/' });
    expect((await wire({ method: 'GET', path: '/' })).status).toBe(200);
    expect(seen).toEqual(['GET', 'GET', 'GET']);
    await expect(wire({ method: 'PATCH', path: '/' })).rejects.toThrow();
    expect(seen).toHaveLength(4);
  });

  it('waits with the body when it is told to, and does not send it to who refuses', async () => {
    const server = await serve(echo);
    const wire = socketWire(server.url);
    open.push(
      () => server.close(),
      () => wire.close(),
    );
    const body = Buffer.from('some bytes');
    const headers = { expect: '100-continue' };
    expect((await echoed(wire, { method: 'PUT', path: '/', body, headers })).body).toBe('some bytes');
    let received = 0;
    server.http.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
      request.on('data', (chunk: Buffer) => {
        received += chunk.byteLength;
      });
      response.writeHead(413, { connection: 'close' });
      response.end();
    });
    expect((await wire({ method: 'PUT', path: '/', body, headers })).status).toBe(413);
    expect(received).toBe(0);
  });

  it('says which answer broke off', async () => {
    const wire = await start((_, response) => {
      response.writeHead(416, { 'content-length': '100' });
      response.write('short', () => response.destroy());
    });
    await expect(wire({ method: 'GET', path: '/' })).rejects.toThrow('answered 416, then broke off');
  });

  it('fails with the cause when a body fails, or nobody listens', async () => {
    const wire = await start(echo);
    const broken = {
      async *[Symbol.asyncIterator]() {
        yield Buffer.from('some');
        throw new Error('no more');
      },
    };
    await expect(wire({ method: 'PUT', path: '/', body: broken })).rejects.toThrow();
    await open.splice(0)[0]?.();
    await expect(wire({ method: 'GET', path: '/' })).rejects.toThrow('ECONNREFUSED');
    wire.close();
  });

  it('ends a request whose signal is aborted', async () => {
    const stop = new AbortController();
    const wire = await start(() => {
      stop.abort();
    });
    await expect(wire({ method: 'GET', path: '/', signal: stop.signal })).rejects.toThrow('abort');
  });
});
