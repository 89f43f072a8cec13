import { once } from 'node:events';
import { request } from 'node:https';
import { connect } from 'node:net';
import { Duplex } from 'node:stream';
import { text } from 'node:stream/consumers';
import { connect as connectTls } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { listen, type ListenOptions } from '../../registry/index.js';
import { open } from './helpers.js';
import { exchange, head } from './raw.js';

async function serve(options: ListenOptions = {}) {
  const refused: object[] = [];
  const site = await open({
    onRequest: (entry) => void (entry.operation === 'refused' && refused.push(entry)),
  });
  const server = await listen(site.registry, { port: 0, grace: 0, tls: { auto: true }, ...options });
  return {
    server,
    refused,
    plain: server.url.replace('https:', 'http:'),
    async [Symbol.asyncDispose]() {
      await server.close();
      await site[Symbol.asyncDispose]();
    },
  };
}

describe('an HTTPS server', () => {
  it('tells who speaks plain HTTP to it, in the log too', async () => {
    await using served = await serve();
    const answer = await exchange(served.plain, head('GET /v2/ HTTP/1.1', 'Host: x'));
    expect(answer).toMatch(/^HTTP\/1.1 400 Bad Request\r\n[^]*"UNSUPPORTED"[^]*use https:\/\//);
    expect(served.refused).toEqual([expect.objectContaining({ operation: 'refused', status: 400 })]);
  });

  it('takes a handshake in any pieces', async () => {
    await using served = await serve();
    const { port } = served.server;
    const front = connect({ host: '127.0.0.1', port, noDelay: true });
    await once(front, 'connect');
    const write = front.write.bind(front);
    // The first byte of everything comes alone.
    const slow = new Duplex({
      read: () => undefined,
      write: (chunk: Uint8Array, _encoding, done) => {
        write(chunk.subarray(0, 1));
        setImmediate(() => write(chunk.subarray(1), done));
      },
    });
    front.on('data', (chunk: Uint8Array) => void slow.push(chunk)).on('end', () => void slow.push(null));
    const secure = connectTls({ socket: slow, rejectUnauthorized: false });
    await once(secure, 'secureConnect');
    secure.write(head('GET /v2/ HTTP/1.1', 'Host: x', 'Connection: close'));
    expect(await text(secure)).toMatch(/^HTTP\/1.1 200 OK/);
  });

  it('takes requests as ever, and ends at once while somebody is silent', async () => {
    await using served = await serve();
    const { url, port, authority } = served.server;
    const silent = connect({ host: '127.0.0.1', port });
    await once(silent, 'connect');
    const status = await new Promise((resolve, reject) => {
      request(`${url}/v2/`, { ca: authority?.pem ?? '' }, (answer) => {
        answer.resume().on('end', () => resolve(answer.statusCode));
      })
        .on('error', reject)
        .end();
    });
    expect(status).toBe(200);
    const gone = once(silent, 'close');
    await served.server.close();
    await gone;
  });

  it('ends a connection that says nothing', async () => {
    await using served = await serve({ idleTimeout: 20 });
    const silent = connect({ host: '127.0.0.1', port: served.server.port });
    silent.resume();
    await once(silent, 'close');
  });
});
