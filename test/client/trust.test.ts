import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  certificateFolders,
  createClient,
  hostCertificates,
  networkReason,
  undiciDriver,
  type UndiciOptions,
} from '../../client/index.js';
import { startRegistry, type TestRegistry } from '../../testing/index.js';
import { tempFolder } from '../helpers/temp.js';
import { get, textOf } from './fakes.js';
import { ask } from './site.js';

async function over(registry: TestRegistry, options: UndiciOptions): Promise<unknown> {
  const driver = undiciDriver(options);
  try {
    return await textOf(await driver.transport(get(`${registry.url}/v2/`))).catch(networkReason);
  } catch (error) {
    return networkReason(error) ?? error;
  } finally {
    await driver.close();
  }
}

async function folderOf(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await tempFolder();
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text);
  }
  return folder;
}

describe('authorities of the environment', () => {
  it('SSL_CERT_FILE, SSL_CERT_DIR and NODE_EXTRA_CA_CERTS are trusted besides', async () => {
    await using registry = await startRegistry({ tls: { auto: true } });
    const pem = registry.authority?.pem ?? '';
    const folder = await folderOf({ 'ca.pem': pem, 'empty/readme': 'not a certificate' });
    await symlink('nowhere', join(folder, 'broken'));
    const file = join(folder, 'ca.pem');
    expect(await over(registry, { environment: {} })).toBe('certificate');
    expect(await over(registry, { environment: { SSL_CERT_FILE: file } })).toBe('{}');
    const folders = `${join(folder, 'empty')}:${join(folder, 'none')}:${folder}`;
    expect(await over(registry, { environment: { SSL_CERT_DIR: folders } })).toBe('{}');
    expect(await over(registry, { environment: { SSL_CERT_DIR: join(folder, 'empty') } })).toBe(
      'certificate',
    );
    const both = { SSL_CERT_DIR: join(folder, 'empty'), NODE_EXTRA_CA_CERTS: file };
    expect(await over(registry, { environment: both, tls: { ca: pem } })).toBe('{}');
  });

  it.each(['SSL_CERT_FILE', 'NODE_EXTRA_CA_CERTS'])('%s must be a file of certificates', async (name) => {
    const folder = await folderOf({ 'ca.pem': 'no' });
    await using registry = await startRegistry({ tls: { auto: true } });
    const tls = { ca: registry.authority?.pem ?? '' };
    const missing = await over(registry, { environment: { [name]: join(folder, 'none') }, tls });
    expect(String(missing)).toContain(`${name} ${join(folder, 'none')} cannot be read`);
    const wrong = await over(registry, { environment: { [name]: join(folder, 'ca.pem') }, tls });
    expect(String(wrong)).toContain('holds no certificate');
  });
});

describe('certificates by host', () => {
  it('are taken from the first folder that knows the host', async () => {
    const folder = await folderOf({
      'a/r.example:5000/one.crt': 'ONE',
      'a/r.example:5000/two.crt': 'TWO',
      'a/r.example:5000/client.cert': 'CERT',
      'a/r.example:5000/client.key': 'KEY',
      'a/r.example:5000/notes.txt': 'x',
      'b/r.example:5000/three.crt': 'THREE',
      'b/plain.example:443/four.crt': 'FOUR',
      'b/bare/README': 'x',
    });
    const trust = hostCertificates([join(folder, 'none'), join(folder, 'a'), join(folder, 'b')]);
    expect(await trust('r.example:5000')).toEqual({ ca: ['ONE', 'TWO'], cert: 'CERT', key: 'KEY' });
    expect(await trust('plain.example')).toEqual({ ca: ['FOUR'] });
    expect([await trust('r.example'), await trust('bare')]).toEqual([{}, {}]);
    const given = hostCertificates([join(folder, 'a')], { ca: 'OURS', cert: 'C', key: 'K', insecure: true });
    expect(await given('r.example:5000')).toEqual({
      ca: ['ONE', 'TWO', 'OURS'],
      cert: 'C',
      key: 'K',
      insecure: true,
    });
    expect(await given('other')).toEqual({ ca: 'OURS', cert: 'C', key: 'K', insecure: true });
  });

  it.each([
    ['client.cert', /needs client\.key beside it/],
    ['client.key', /needs client\.cert beside it/],
    ['folder.crt/x', /folder\.crt cannot be read/],
  ])('refuse what is half there: %s', async (name, problem) => {
    const folder = await folderOf({ [`r.example/${name}`]: 'x' });
    await expect(hostCertificates([folder])('r.example')).rejects.toThrow(problem);
  });

  it('make a client trust a registry', async () => {
    await using registry = await startRegistry({ tls: { auto: true } });
    const files = { [`${registry.host}/ca.crt`]: registry.authority?.pem ?? '' };
    const tls = hostCertificates([await folderOf(files)]);
    await using client = createClient({ sockets: { tls, environment: {} } });
    const response = await client.transport(ask(registry, '/v2/'));
    expect(await textOf(response)).toBe('{}');
  });

  it('lie where podman and Docker look', () => {
    const system = ['/etc/containers/certs.d', '/etc/docker/certs.d'];
    expect(certificateFolders({ environment: {}, home: '/home/me' })).toEqual([
      '/home/me/.config/containers/certs.d',
      ...system,
    ]);
    expect(certificateFolders({ environment: { XDG_CONFIG_HOME: '/c' }, home: '/home/me' })[0]).toBe(
      '/c/containers/certs.d',
    );
  });
});
