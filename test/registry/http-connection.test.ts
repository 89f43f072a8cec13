import { mkdtemp, readdir, readlink, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hexOf, isOciError } from '../../oci/index.js';
import { listen, type RequestEntry } from '../../registry/index.js';
import type { NodeBindings } from '../../registry/call.js';
import { withLender } from '../../registry/lend.js';
import type { Lender } from '../../registry/storage/bytes.js';
import {
  deferred,
  eventually,
  open,
  patterned,
  pushBlob,
  startUpload,
  type Site,
  type Way,
} from './helpers.js';
import { connectRaw, exchange, head } from './raw.js';

const MIB = 1024 * 1024;
/** Open files can only be looked at there. */
const LINUX = process.platform === 'linux';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ocilot-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

/** Lets everything that can happen without outside help happen. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 300; turn++) await setImmediate();
}

describe('a client that goes away', () => {
  it('in the middle of an upload leaves what arrived, and no failure in the log', async () => {
    const entries: RequestEntry[] = [];
    const failed = deferred<void>();
    await using site = await open(
      {
        onRequest: (entry) => {
          entries.push(entry);
          if (entry.status >= 400) failed.resolve();
        },
      },
      'socket',
    );
    const session = await startUpload(site, 'app');
    const raw = await connectRaw(
      site.url,
      head(`PATCH ${session} HTTP/1.1`, 'Host: x', 'Content-Length: 1000'),
      'half',
    );
    await eventually(() => raw.socket.bytesWritten > 0 && raw.socket.writableLength === 0);
    raw.socket.destroy();
    await failed.promise;
    expect(entries.at(-1)).toMatchObject({ operation: 'upload.append', status: 400 });
    const { headers } = await site.ask('GET', session);
    expect(headers.get('range')).toBe('0-3');
  });

  it.runIf(LINUX)('in the middle of a download ends the reading', async () => {
    await using site = await open({ storage: { kind: 'auto', folder } }, 'socket');
    const { digest } = await pushBlob(site, 'app', patterned(16 * MIB));
    for (let count = 0; count < 20; count++) {
      using raw = await connectRaw(site.url, head(`GET /v2/app/blobs/${digest} HTTP/1.1`, 'Host: x'));
      await raw.until(/\r\n\r\n/);
    }
    await eventually(async () => (await openFiles()).length === 0);
  });

  it.runIf(LINUX)('with requests sent ahead ends those too', async () => {
    await using site = await open({ storage: { kind: 'auto', folder } }, 'socket');
    const { digest } = await pushBlob(site, 'app', patterned(16 * MIB));
    const get = head(`GET /v2/app/blobs/${digest} HTTP/1.1`, 'Host: x');
    const raw = await connectRaw(site.url, get.repeat(5));
    await raw.until(/\r\n\r\n/);
    raw.socket.destroy();
    await eventually(async () => (await openFiles()).length === 0);
    expect((await site.ask('GET', '/v2/')).status).toBe(200);
  });

  it('and comes back on another connection goes on where it was; the first is told', async () => {
    await using site = await open({}, 'socket');
    const session = await startUpload(site, 'app');
    const patch = head(`PATCH ${session} HTTP/1.1`, 'Host: x', 'Content-Length: 10');
    using stalled = await connectRaw(site.url, patch, 'abc');
    await settle();
    const next = await site.ask('PATCH', session, { body: 'def' });
    expect(await stalled.until(/"errors"/)).toMatch(/^HTTP\/1.1 409 [^]*BLOB_UPLOAD_INVALID/);
    expect([next.status, next.headers.get('range')]).toEqual([202, '0-5']);
    stalled.socket.write('x'.repeat(7));
    await stalled.ended();
    expect((await site.ask('GET', session)).headers.get('range')).toBe('0-5');
  });

  it('is cut off when it sends requests ahead without end', async () => {
    await using site = await open({}, 'socket');
    using raw = await connectRaw(site.url, head('GET /v2/ HTTP/1.1', 'Host: x').repeat(2000));
    await raw.ended();
    expect((await site.ask('GET', '/v2/')).status).toBe(200);
  });
});

describe('a lent chunk', () => {
  it('is given back when the connection ended a moment before it was written', async () => {
    const given = deferred<void>();
    const ended = deferred<void>();
    const handler = {
      fetch: async (_request: Request, env?: unknown) => {
        const socket = (env as NodeBindings).incoming?.socket;
        const lender: Lender = {
          async *lend() {
            try {
              yield { chunk: Buffer.from('first'), give: () => undefined };
              // From here until `close` the answer does not know yet that nobody takes it.
              socket?.destroy();
              yield { chunk: Buffer.from('lost'), give: given.resolve };
              await given.promise;
            } finally {
              ended.resolve();
            }
          },
        };
        return withLender(new Response(null), lender, () => undefined);
      },
    };
    await using server = await listen(handler, { port: 0, grace: 0 });
    using raw = await connectRaw(server.url, head('GET / HTTP/1.1', 'Host: x'));
    await raw.ended();
    await ended.promise;
  });
});

/** Files of the data folder that this process has open, but for those of LevelDB. */
async function openFiles(): Promise<string[]> {
  const links = await Promise.all(
    (await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')),
  );
  return links.filter((link) => link.startsWith(folder) && !link.includes('/db/') && !link.includes('owner'));
}

describe('a blob that cannot be read to its end', () => {
  /** Pushes a blob and cuts its file short behind the registry's back. */
  async function damaged(site: Site): Promise<string> {
    const { digest } = await pushBlob(site, 'app', patterned(8 * MIB));
    const files = await readdir(folder, { recursive: true, withFileTypes: true });
    const file = files.find((entry) => entry.isFile() && entry.name.startsWith(hexOf(digest)));
    await truncate(join(file?.parentPath ?? '', file?.name ?? ''), 5 * MIB);
    return `/v2/app/blobs/${digest}`;
  }
  let failures: unknown[] = [];
  const broken = async (way: Way): Promise<Site> => {
    failures = [];
    const storage = { kind: 'auto', folder } as const;
    return await open({ storage, onError: (error) => void failures.push(error) }, way);
  };

  it('ends the connection, and is told of', async () => {
    await using site = await broken('socket');
    const text = await exchange(site.url, head(`GET ${await damaged(site)} HTTP/1.1`, 'Host: x'));
    expect(text).toMatch(/^HTTP\/1.1 200 OK\r\n/);
    expect(text.length).toBeLessThan(8 * MIB);
    expect(failures.map((error) => isOciError(error, 'STORE_CORRUPT'))).toEqual([true]);
    expect((await site.ask('GET', '/v2/')).status).toBe(200);
  });

  it('fails the body of the answer, and is told of', async () => {
    await using site = await broken('fetch');
    const answer = await site.registry.fetch(new Request(site.url + (await damaged(site))));
    expect(answer.status).toBe(200);
    await expect(answer.arrayBuffer()).rejects.toSatisfy((error) => isOciError(error, 'STORE_CORRUPT'));
    expect(failures.map((error) => isOciError(error, 'STORE_CORRUPT'))).toEqual([true]);
  });
});

describe('backpressure', () => {
  it('holds a download back when the client does not read', async () => {
    let pulled = 0;
    const body = new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          pulled++;
          controller.enqueue(new Uint8Array(MIB));
        },
      },
      { highWaterMark: 0 },
    );
    const handler = {
      fetch: async () => new Response(body, { headers: { 'content-length': String(1024 * MIB) } }),
    };
    await using server = await listen(handler, { port: 0, grace: 0 });
    using raw = await connectRaw(server.url, head('GET / HTTP/1.1', 'Host: x'));
    raw.socket.pause();
    await settle();
    expect(pulled).toBeLessThan(64);
  });

  it('holds an upload back when nobody reads it', async () => {
    const done = deferred<Response>();
    await using server = await listen({ fetch: () => done.promise }, { port: 0, grace: 0, linger: 0 });
    using raw = await connectRaw(
      server.url,
      head('PUT / HTTP/1.1', 'Host: x', `Content-Length: ${1024 * MIB}`),
    );
    let taken = 0;
    const chunk = Buffer.alloc(MIB);
    const feed = (): void => {
      raw.socket.write(chunk, (error) => {
        if (error) return;
        taken++;
        if (taken < 1024) feed();
      });
    };
    feed();
    await settle();
    expect(taken).toBeLessThan(64);
    done.resolve(new Response(null, { status: 204 }));
  });
});

describe('the end of a server', () => {
  it('comes as soon as the last request is answered, keep-alive or not', async () => {
    const answer = deferred<Response>();
    const arrived = deferred<void>();
    const handler = {
      fetch: async () => {
        arrived.resolve();
        return await answer.promise;
      },
    };
    const server = await listen(handler, { port: 0, grace: 20_000 });
    using raw = await connectRaw(server.url, head('GET / HTTP/1.1', 'Host: x'));
    await arrived.promise;
    const closed = server.close();
    answer.resolve(new Response('last', { headers: { 'content-length': '4' } }));
    await closed;
    expect(await raw.ended()).toMatch(/last$/);
  });

  it('comes after the grace when a request does not end', async () => {
    const arrived = deferred<void>();
    const handler = {
      fetch: async () => {
        arrived.resolve();
        return await new Promise<Response>(() => undefined);
      },
    };
    const server = await listen(handler, { port: 0, grace: 10 });
    using raw = await connectRaw(server.url, head('GET / HTTP/1.1', 'Host: x'));
    await arrived.promise;
    await server.close();
    expect(await raw.ended()).toBe('');
  });
});
