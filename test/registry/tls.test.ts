import { X509Certificate } from 'node:crypto';
import { mkdir, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { hostname } from 'node:os';
import { connect, type PeerCertificate } from 'node:tls';
import { describe, expect, it, vi } from 'vitest';
import { createRegistry, listen, type Server, type TlsOptions } from '../../registry/index.js';
import { LocalAuthority } from '../../registry/tls-authority.js';
import { basic, USERS } from './access/site.js';
import { tempFolder, type TempFolder } from './access/temp.js';

const DAY = 24 * 60 * 60 * 1000;

interface Served extends AsyncDisposable {
  readonly server: Server;
}

async function serve(tls: TlsOptions, host = '127.0.0.1'): Promise<Served> {
  const registry = await createRegistry({ access: { mode: 'bearer', users: USERS } });
  const server = await listen(registry, { host, port: 0, grace: 0, tls }).catch(async (error: unknown) => {
    await registry.close();
    throw error;
  });
  return {
    server,
    async [Symbol.asyncDispose]() {
      await server.close();
      await registry.close();
    },
  };
}

interface Reply {
  readonly status: number;
  readonly challenge: string | undefined;
}

/** Asks over TLS, trusting one authority. */
async function ask(url: string, ca: string, headers: Record<string, string> = {}): Promise<Reply> {
  return await new Promise((resolve, reject) => {
    const sent = request(url, { ca, headers, agent: false }, (answer) => {
      answer.resume();
      const { statusCode: status = 0 } = answer;
      answer.on('end', () => resolve({ status, challenge: answer.headers['www-authenticate'] }));
    });
    sent.on('error', reject);
    sent.end();
  });
}

/** The serial number of the certificate that a new connection gets. */
async function serialOf({ port }: Server): Promise<string> {
  return await new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false }, () => {
      const peer: PeerCertificate = socket.getPeerCertificate();
      socket.destroy();
      resolve(peer.serialNumber);
    });
    socket.on('error', reject);
  });
}

/** A certificate of another authority for each call, as files. */
async function writePair(folder: TempFolder, only?: 'cert' | 'key'): Promise<{ serial: string; ca: string }> {
  const authority = new LocalAuthority({ host: '127.0.0.1', now: Date.now });
  const pair = await authority.load();
  const { serialNumber } = new X509Certificate(pair.cert);
  const [cert = '', key = ''] = pair.cert.split(/(?=-----BEGIN PRIVATE KEY)/);
  if (only !== 'key') await writeFile(folder.at('cert.pem'), cert);
  if (only !== 'cert') await writeFile(folder.at('key.pem'), key || pair.key);
  return { serial: serialNumber, ca: authority.public.pem };
}

const filesIn = (folder: TempFolder): { cert: string; key: string } => ({
  cert: folder.at('cert.pem'),
  key: folder.at('key.pem'),
});

describe('TLS from files', () => {
  it('serves HTTPS, and says so in its address and its challenges', async () => {
    await using folder = await tempFolder();
    const { ca } = await writePair(folder);
    await using served = await serve(filesIn(folder));
    const { url, port, authority } = served.server;
    expect(url).toBe(`https://127.0.0.1:${port}`);
    expect(authority).toBeUndefined();
    const refused = await ask(`${url}/v2/`, ca);
    expect(refused.status).toBe(401);
    expect(refused.challenge).toContain(`realm="${url}/_ocilot/token",service="127.0.0.1:${port}"`);
    expect((await ask(`${url}/v2/`, ca, basic('alice'))).status).toBe(200);
  });

  it('takes a new pair when the files change, and keeps the old one while they do not fit', async () => {
    await using folder = await tempFolder();
    const first = await writePair(folder);
    const errors: unknown[] = [];
    const onError = (error: unknown): void => void errors.push(error);
    await using served = await serve({ ...filesIn(folder), every: 5, onError });
    expect(await serialOf(served.server)).toBe(first.serial);
    await writePair(folder, 'cert');
    await vi.waitFor(() => expect(errors).toMatchObject([{ code: 'INVALID_OPTION' }]));
    expect(String(errors[0])).toMatch(/cannot be used together/);
    expect(await serialOf(served.server)).toBe(first.serial);
    await rm(folder.at('key.pem'));
    await vi.waitFor(() => expect(errors).toHaveLength(2));
    expect(await serialOf(served.server)).toBe(first.serial);
    const second = await writePair(folder);
    await vi.waitFor(async () => expect(await serialOf(served.server)).toBe(second.serial));
  });

  it.each<[string, (folder: TempFolder) => Promise<unknown>, RegExp]>([
    ['no certificate', (folder) => rm(folder.at('cert.pem')), /TLS certificate .*cert\.pem cannot be read/],
    ['no key', (folder) => rm(folder.at('key.pem')), /TLS key .*key\.pem cannot be read/],
    ['a key of another certificate', (folder) => writePair(folder, 'key'), /cannot be used together/],
    ['what is no certificate', (folder) => writeFile(folder.at('cert.pem'), 'x'), /cannot be used together/],
  ])('does not start with %s', async (_, spoil, message) => {
    await using folder = await tempFolder();
    await writePair(folder);
    await spoil(folder);
    await expect(serve(filesIn(folder))).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      message: expect.stringMatching(message) as string,
    });
  });

  it('does not look for changes at no interval', async () => {
    await using folder = await tempFolder();
    await writePair(folder);
    await expect(serve({ ...filesIn(folder), every: 0 })).rejects.toThrow(/every is 0/);
  });
});

describe('TLS of its own making', () => {
  it('is trusted by those who trust its authority, under every name', async () => {
    await using served = await serve({
      auto: true,
      hosts: ['Registry.Test', '10.1.2.3', '[fd00::1]', '*.apps.test'],
    });
    const { url, port, authority } = served.server;
    expect(authority?.path).toBeUndefined();
    const ca = authority?.pem ?? '';
    expect((await ask(`${url}/v2/`, ca)).status).toBe(401);
    expect((await ask(`https://localhost:${port}/v2/`, ca)).status).toBe(401);
    await expect(ask(`${url}/v2/`, (await makeAuthority()).ca)).rejects.toThrow(/certificate/);
  });

  it('names what it was told, and can sign for no other authority', async () => {
    const hosts = ['Registry.Test', '10.1.2.3', '[fd00::1]', '*.apps.test', 'localhost'];
    const authority = new LocalAuthority({ hosts, host: '192.168.1.5', now: Date.now });
    const certificate = new X509Certificate((await authority.load()).cert);
    for (const name of ['localhost', 'registry.test', 'web.apps.test', hostname().toLowerCase()])
      expect(certificate.checkHost(name), name).toBeDefined();
    for (const address of ['127.0.0.1', '::1', '10.1.2.3', 'fd00::1', '192.168.1.5'])
      expect(certificate.checkIP(address), address).toBeDefined();
    expect(certificate.checkHost('other.test')).toBeUndefined();
    expect(certificate.ca).toBe(false);
    const issuer = new X509Certificate(authority.public.pem);
    expect(issuer.ca).toBe(true);
    expect(certificate.verify(issuer.publicKey)).toBe(true);
  });

  it('keeps authority and certificate in its folder, the keys for its owner only', async () => {
    await using folder = await tempFolder();
    const place = folder.at('data/tls');
    const start = async (hosts?: string[]): Promise<{ serial: string; pem?: string; path?: string }> => {
      await using served = await serve({ auto: true, folder: place, ...(hosts && { hosts }) });
      return { serial: await serialOf(served.server), ...served.server.authority };
    };
    const first = await start();
    expect(first.path).toBe(`${place}/ca.pem`);
    expect(await readFile(`${place}/ca.pem`, 'utf8')).toBe(first.pem);
    expect((await readdir(place)).toSorted()).toEqual(['ca-key.pem', 'ca.pem', 'server.pem']);
    for (const name of ['ca-key.pem', 'server.pem'])
      expect((await stat(`${place}/${name}`)).mode & 0o777).toBe(0o600);
    expect(await start()).toEqual(first);
    const wider = await start(['registry.test']);
    expect(wider.pem).toBe(first.pem);
    expect(wider.serial).not.toBe(first.serial);
    expect(await start()).toEqual(wider);
  });

  it('renews the certificate before it ends, by the same authority', async () => {
    let time = Date.UTC(2030, 0, 1);
    await using served = await serve({ auto: true, every: 5, now: () => time });
    const first = await serialOf(served.server);
    time += 366 * DAY;
    expect(await serialOf(served.server)).toBe(first);
    time += 2 * DAY;
    await vi.waitFor(async () => expect(await serialOf(served.server)).not.toBe(first));
  });

  it('makes a new authority only when the old one is about to end', async () => {
    await using folder = await tempFolder();
    let time = Date.UTC(2030, 0, 1);
    const load = async (): Promise<{ pem: string; ends: number }> => {
      const authority = new LocalAuthority({ folder: folder.path, host: '::1', now: () => time });
      const { cert } = await authority.load();
      return { pem: authority.public.pem, ends: Date.parse(new X509Certificate(cert).validTo) };
    };
    const { pem } = await load();
    time += 3500 * DAY;
    const late = await load();
    expect(late.pem).toBe(pem);
    expect(late.ends).toBe(Date.parse(new X509Certificate(pem).validTo));
    time += 130 * DAY;
    expect((await load()).pem).not.toBe(pem);
  });

  it('replaces a certificate that was damaged, and never an authority', async () => {
    await using folder = await tempFolder();
    const load = async (): Promise<string> => {
      const authority = new LocalAuthority({ folder: folder.path, host: '::1', now: Date.now });
      await authority.load();
      return authority.public.pem;
    };
    const pem = await load();
    await writeFile(folder.at('server.pem'), 'damaged');
    expect(await load()).toBe(pem);
    await rm(folder.at('ca-key.pem'));
    await expect(load()).rejects.toThrow(/put them back, or delete both/);
    await writeFile(folder.at('ca-key.pem'), 'damaged');
    await expect(load()).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    expect(await readFile(folder.at('ca.pem'), 'utf8')).toBe(pem);
  });

  it('says so when the folder cannot be used', async () => {
    await using folder = await tempFolder();
    await writeFile(folder.at('file'), '');
    await expect(serve({ auto: true, folder: folder.at('file/tls') })).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      message: expect.stringContaining('cannot be used') as string,
    });
    await mkdir(folder.at('tls/ca.pem'), { recursive: true });
    await expect(serve({ auto: true, folder: folder.at('tls') })).rejects.toThrow(/cannot be used/);
  });

  it.each(['', 'a b', 'host:443', 'https://host', 'a..b', '-a', '*', '*.*.a', 'a/b', 'ä.test', '1.2.3.4/24'])(
    'refuses %j as a host',
    async (host) => {
      await expect(serve({ auto: true, hosts: [host] })).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    },
  );

  it('leaves Reflect as it was', async () => {
    await makeAuthority();
    expect('getMetadata' in Reflect).toBe(false);
  });
});

/** An authority that signed nothing here. */
async function makeAuthority(): Promise<{ ca: string }> {
  const authority = new LocalAuthority({ host: '127.0.0.1', now: Date.now });
  await authority.load();
  return { ca: authority.public.pem };
}
