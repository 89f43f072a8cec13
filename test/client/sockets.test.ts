import { createServer, request as httpRequest, type Server } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { createClient, networkReason, undiciDriver, type UndiciOptions } from '../../client/index.js';
import { startRegistry, type TestRegistry } from '../../testing/index.js';
import { bodyOf, get, textOf } from './fakes.js';
import { USERS, ask, clientOf } from './site.js';

const seed = { 'team/app': { v1: { layers: 1, layerSize: 300_000, random: 1 } } } as const;

/** Sends one request over sockets of its own, without layers. */
async function over(url: string, options: UndiciOptions = {}, signal?: AbortSignal): Promise<string> {
  const driver = undiciDriver(options);
  try {
    return await textOf(await driver.transport(get(url, signal === undefined ? {} : { signal })));
  } finally {
    await driver.close();
  }
}

const reasonOf = (error: unknown): unknown => networkReason(error) ?? error;
const failure = (promise: Promise<unknown>): Promise<unknown> => promise.then(() => 'no failure', reasonOf);
const blobUrl = (registry: TestRegistry, digest: string): string =>
  `${registry.url}/v2/team/app/blobs/${digest}`;

describe('the driver over sockets', () => {
  it('sends bodies of known and unknown length', async () => {
    await using registry = await startRegistry();
    const driver = undiciDriver();
    const { length, ...unknown } = bodyOf('hello');
    for (const body of [bodyOf('hello'), unknown]) {
      const url = `${registry.url}/v2/a/blobs/uploads/?digest=sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824`;
      const response = await driver.transport({ method: 'POST', url, headers: {}, body });
      await response.discard();
      expect(response.status).toBe(201);
    }
    expect([...registry.requests].map(({ headers }) => headers['content-length'])).toEqual([
      String(length),
      undefined,
    ]);
    await driver.close();
  });

  it.each([
    ['closed', { kind: 'truncate', after: 100_000 }],
    ['closed', { kind: 'reset', after: 100_000 }],
    ['timeout', { kind: 'stall', after: 100_000 }],
  ] as const)('notices that a body ends early: %s after %j', async (reason, fault) => {
    await using registry = await startRegistry({
      seed,
      faults: [{ match: { operation: 'blob.get' }, fault }],
    });
    const [digest = ''] = (await registry.seed(seed))['team/app'].v1.layers.map(
      (layer) => layer.descriptor.digest,
    );
    expect(await failure(over(blobUrl(registry, digest), { bodyTimeout: 100 }))).toBe(reason);
  });

  it.each([
    ['closed', { kind: 'reset' }],
    ['timeout', { kind: 'stall' }],
  ] as const)('notices that no answer comes: %s after %j', async (reason, fault) => {
    await using registry = await startRegistry({ faults: [{ fault }] });
    expect(await failure(over(`${registry.url}/v2/`, { headersTimeout: 100 }))).toBe(reason);
  });

  it('ends by the signal, before and within an answer', async () => {
    await using registry = await startRegistry({
      seed,
      faults: [{ fault: { kind: 'stall' }, times: 1 }, { fault: { kind: 'stall', after: 9 } }],
    });
    const [digest = ''] = (await registry.seed(seed))['team/app'].v1.layers.map(
      (layer) => layer.descriptor.digest,
    );
    const reason = new Error('enough');
    for (let n = 0; n < 2; n++) {
      const abort = new AbortController();
      const sent = over(blobUrl(registry, digest), {}, abort.signal);
      await registry.requests.waitFor({ operation: 'blob.get' });
      abort.abort(reason);
      await expect(sent).rejects.toBe(reason);
      registry.requests.clear();
    }
    await expect(over(`${registry.url}/v2/`, {}, AbortSignal.abort(reason))).rejects.toBe(reason);
  });

  it('throws what the body of a request failed with', async () => {
    await using registry = await startRegistry();
    const driver = undiciDriver();
    const problem = new Error('the file is gone');
    const body = {
      async *open(): AsyncGenerator<Uint8Array> {
        yield Buffer.from('x');
        throw problem;
      },
    };
    const url = `${registry.url}/v2/a/blobs/uploads/`;
    await expect(driver.transport({ method: 'POST', url, headers: {}, body })).rejects.toBe(problem);
    await driver.close();
  });

  it('says that nobody listens, and that it is closed', async () => {
    const registry = await startRegistry();
    const { url } = registry;
    await registry.close();
    expect(await failure(over(url))).toBe('refused');
    const driver = undiciDriver();
    await driver.close();
    await expect(driver.transport(get(url))).rejects.toThrow(expect.objectContaining({ code: 'ABORTED' }));
  });

  it('trusts whom it is told to', async () => {
    await using registry = await startRegistry({ tls: { auto: true } });
    const url = `${registry.url}/v2/`;
    expect(await failure(over(url))).toBe('certificate');
    expect(await over(url, { tls: { ca: registry.authority?.pem ?? '' } })).toBe('{}');
    expect(
      await over(url, { tls: (host) => (host === registry.host ? { insecure: true } : undefined) }),
    ).toBe('{}');
    await expect(over(url, { tls: { cert: 'only' } })).rejects.toThrow('both cert and key');
  });
});

describe('a client over sockets', () => {
  it('finds out whether a registry on loopback speaks HTTP or HTTPS, and remembers', async () => {
    await using plain = await startRegistry();
    await using secure = await startRegistry({ tls: { auto: true } });
    await using client = createClient({ sockets: { tls: { insecure: true } }, retry: { attempts: 1 } });
    for (const registry of [plain, secure, plain, secure]) {
      const response = await client.transport(ask(registry, '/v2/'));
      expect([response.status, response.url]).toEqual([200, `${registry.url}/v2/`]);
      await response.discard();
    }
    expect([plain.requests.count(), secure.requests.count()]).toEqual([2, 2]);
  });

  it('does not fall from HTTPS to HTTP over a certificate, nor wait long when nobody listens', async () => {
    await using secure = await startRegistry({ tls: { auto: true } });
    await using client = createClient({ sockets: {} });
    expect(await failure(client.transport(ask(secure, '/v2/')))).toBe('certificate');
    await secure.close();
    expect(await failure(client.transport(ask(secure, '/v2/')))).toBe('refused');
  });

  it('collects warnings, tells of requests without secrets, and authenticates', async () => {
    const lines: string[] = [];
    await using registry = await startRegistry({ users: USERS });
    const keychain = {
      resolve: () =>
        Promise.resolve({ kind: 'password', username: 'alice', password: 'wonderland' } as const),
    };
    await using client = clientOf(registry, {
      socket: true,
      keychain,
      onRequest: (entry) => lines.push(JSON.stringify(entry)),
    });
    const response = await client.transport(ask(registry, '/v2/?token=hush'));
    expect([response.status, await textOf(response)]).toEqual([200, '{}']);
    expect(lines).toHaveLength(2);
    expect(lines.join('\n')).not.toMatch(/hush|YWxpY2U|wonderland/);
    expect(lines[1]).toMatch(/Basic REDACTED/);
    expect(registry.requests.filter({})[1]?.headers['user-agent']).toBe('ocilot');
  });
});

/** A proxy that leads every host to 127.0.0.1, and notes what it was asked. */
async function startProxy(): Promise<{ url: string; asked: string[]; server: Server }> {
  const asked: string[] = [];
  const server = createServer((incoming, outgoing) => {
    asked.push(`${incoming.method} ${incoming.url} ${incoming.headers['proxy-authorization'] ?? ''}`);
    const { port, pathname } = new URL(incoming.url ?? '');
    const onward = httpRequest(
      { host: '127.0.0.1', port, path: pathname, headers: incoming.headers },
      (answer) => {
        outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(outgoing);
      },
    );
    incoming.pipe(onward);
  });
  server.on('connect', (incoming, socket) => {
    asked.push(`CONNECT ${incoming.url}`);
    const onward = connect(Number(incoming.url?.split(':')[1]), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      onward.pipe(socket).pipe(onward);
    });
    for (const side of [socket, onward]) side.on('error', () => onward.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `127.0.0.1:${(server.address() as AddressInfo).port}`, asked, server };
}

describe('a proxy', () => {
  it('is asked for hosts that are not excepted: HTTP by their whole URL, HTTPS through a tunnel', async () => {
    await using plain = await startRegistry();
    await using secure = await startRegistry({ tls: { auto: true, hosts: ['r.test'] } });
    const proxy = await startProxy();
    const environment = { HTTP_PROXY: `http://me:pw@${proxy.url}`, https_proxy: proxy.url };
    const tls = { ca: secure.authority?.pem ?? '' };
    expect(await over(`http://r.test:${plain.port}/v2/`, { environment })).toBe('{}');
    expect(await over(`https://r.test:${secure.port}/v2/`, { environment, tls })).toBe('{}');
    expect(await over(`${plain.url}/v2/`, { environment })).toBe('{}');
    expect(proxy.asked).toEqual([
      `GET http://r.test:${plain.port}/v2/ Basic bWU6cHc=`,
      `CONNECT r.test:${secure.port}`,
    ]);
    proxy.server.closeAllConnections();
    proxy.server.close();
  });
});
