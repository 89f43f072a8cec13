import { execFile } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { startRegistry } from '../../testing/index.js';

describe('what child processes get', () => {
  it('credentials where docker and podman look for them, removed on close', async () => {
    const registry = await startRegistry({ users: { bob: 'pä:ss', eve: 'x' } });
    const { dockerConfigDir: folder, env } = registry;
    expect(env).toEqual({ DOCKER_CONFIG: folder, REGISTRY_AUTH_FILE: join(folder, 'config.json') });
    expect(registry.dockerConfigDir).toBe(folder);
    expect(statSync(join(folder, 'config.json')).mode & 0o777).toBe(0o600);
    const { auths } = JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8')) as {
      auths: Record<string, { auth: string }>;
    };
    const auth = auths[registry.host]?.auth ?? '';
    expect(Buffer.from(auth, 'base64').toString()).toBe('bob:pä:ss');
    const headers = { authorization: `Basic ${auth}` };
    expect((await registry.fetch('/v2/', { headers })).status).toBe(200);
    await registry.close();
    expect(existsSync(folder)).toBe(false);
  });

  it('with TLS the certificate to trust, so that another process can connect', async () => {
    await using registry = await startRegistry({ tls: { auto: true } });
    const { dockerConfigDir: folder, env } = registry;
    expect(readFileSync(join(folder, 'ca.pem'), 'utf8')).toBe(registry.authority?.pem);
    expect(existsSync(join(folder, 'certs.d', registry.host, 'ca.crt'))).toBe(true);
    const script = `fetch('${registry.url}/v2/').then((answer) => console.log(answer.status))`;
    const run = promisify(execFile)(process.execPath, ['-e', script], {
      env: { PATH: process.env['PATH'], ...env },
    });
    expect((await run).stdout.trim()).toBe('200');
  });

  it('without users an empty list', async () => {
    await using registry = await startRegistry();
    expect(JSON.parse(readFileSync(join(registry.dockerConfigDir, 'config.json'), 'utf8'))).toEqual({
      auths: {},
    });
  });

  it('beyond loopback the URL names an address that can be asked', async () => {
    await using registry = await startRegistry({ host: '0.0.0.0' });
    expect(registry.url).toBe(`http://127.0.0.1:${registry.port}`);
    expect((await fetch(`${registry.url}/v2/`)).status).toBe(200);
  });

  it.each([
    [{ auth: 'bearer' } as const, 'nobody could log in'],
    [{ users: { a: 'b' }, access: { mode: 'none' } } as const, 'users and access are both given'],
  ])('%o contradicts itself', async (options, message) => {
    await expect(startRegistry(options)).rejects.toThrow(message);
  });
});
