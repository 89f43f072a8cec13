import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { withImgpkgOptions, type ClientFlags } from '../../cli/client-options.js';
import { keychainOptions, withClient, type Session } from '../../cli/client-session.js';
import { registryMap } from '../../cli/registry-map.js';
import { startRegistry } from '../../testing/index.js';
import { tempFolder } from '../helpers/temp.js';
import { fakeContext, type FakeContext, type FakeOptions } from './context.js';

/** What a command line leaves of all the options. */
function flagsOf(args: readonly string[]): ClientFlags {
  const command = withImgpkgOptions(new Command())
    .exitOverride()
    .configureOutput({ outputError: () => undefined });
  return command.parse(args, { from: 'user' }).opts<ClientFlags>();
}

async function session<T>(
  args: readonly string[],
  work: (session: Session) => Promise<T>,
  options: FakeOptions = {},
): Promise<{ result: T; context: FakeContext }> {
  const context = fakeContext({ ...options, env: { HOME: await tempFolder(), ...options.env } });
  return { result: await withClient(context, flagsOf(args), work), context };
}

const ping = async ({ client }: Session, host: string): Promise<number> => {
  const request = { method: 'GET', url: `https://${host}/v2/`, headers: {}, context: { registry: host } };
  const response = await client.transport(request);
  await response.discard();
  return response.status;
};

describe('options of a client', () => {
  it("take ours and imgpkg's spellings", () => {
    expect(
      flagsOf(
        (
          '--ca-file a --ca-file b --registry-ca-cert-path c --retry 2 -v --registry-verify-certs=false ' +
          '--registry-insecure --registry-anon=true --registry-response-header-timeout 1m30s ' +
          '--registry-retry-count 0 --registry-map a.io=b.io --registry-map c.io=d.io'
        ).split(' '),
      ),
    ).toEqual({
      caFile: ['a', 'b'],
      registryCaCertPath: ['c'],
      retry: 2,
      registryVerifyCerts: false,
      registryInsecure: true,
      registryAnon: true,
      verbose: true,
      registryResponseHeaderTimeout: 90_000,
      registryRetryCount: 1,
      registryMap: ['a.io=b.io', 'c.io=d.io'],
    });
  });

  it.each([
    [['--retry', '0'], 'from 1 to 100'],
    [['--registry-verify-certs', 'perhaps'], 'true or false'],
    [['--registry-response-header-timeout', 'soon'], 'a time with its unit'],
  ])('refuse %j', (args, why) => expect(() => flagsOf(args)).toThrow(why));
});

describe('given credentials', () => {
  const given = (args: readonly string[], env: Record<string, string> = {}): unknown =>
    keychainOptions(flagsOf(args), fakeContext({ env })).given;

  it('come from flags, else from the variables', () => {
    const env = { IMGPKG_USERNAME: 'env', IMGPKG_PASSWORD: 'pw', IMGPKG_TOKEN: 'token', IMGPKG_ANON: 'true' };
    expect(given(['--registry-username', 'flag'], env)).toEqual({
      kind: 'password',
      username: 'flag',
      password: 'pw',
    });
    expect(given([], { ...env, IMGPKG_USERNAME: '', IMGPKG_PASSWORD: '' })).toEqual({
      kind: 'token',
      token: 'token',
    });
    expect(given([], { IMGPKG_ANON: 'true' })).toBe('none');
    expect(given(['--registry-anon=false'], { IMGPKG_ANON: 'true' })).toBeUndefined();
    expect(given([], { IMGPKG_ANON: 'yes' })).toBeUndefined();
    expect(() => given(['--registry-username', 'me'])).toThrow('need each other');
  });
});

describe('withClient', () => {
  const seed = { 'mirror/team/app': { v1: { files: {} } } };

  it('sends what flags give, and shows requests without secrets', async () => {
    await using registry = await startRegistry({ users: { alice: 'wonderland' } });
    const flags = ['--registry-username', 'alice', '--registry-password', 'wonderland'];
    const { result, context } = await session([...flags, '--debug'], (open) => ping(open, registry.host));
    expect(result).toBe(200);
    expect(context.written.err).toContain(`1 > GET http://${registry.host}/v2/\n`);
    expect(context.written.err).toContain('2 >   authorization: Basic REDACTED\n');
    expect(context.written.err).toMatch(/2 < 200 after \d+ ms\n/);
    expect(context.written.err).not.toMatch(/wonderland|YWxpY2U6/);
    expect([...registry.requests][0]?.headers['user-agent']).toMatch(/^ocilot\/\d/);
    expect((await session(['--registry-anon'], (open) => ping(open, registry.host))).result).toBe(401);
  });

  it('reads the file of --authfile only', async () => {
    await using registry = await startRegistry({ users: { alice: 'wonderland' } });
    const file = join(await tempFolder(), 'auth.json');
    const entry = { username: 'alice', password: 'wonderland' };
    await writeFile(file, JSON.stringify({ auths: { [registry.host]: entry } }));
    expect((await session(['--authfile', file], (open) => ping(open, registry.host))).result).toBe(200);
    const missing = session(['--authfile', `${file}.gone`], (open) => ping(open, registry.host));
    await expect(missing).rejects.toThrow(`there is no file ${file}.gone`);
  });

  it('believes certificates as it is told', async () => {
    await using registry = await startRegistry({ tls: { auto: true, hosts: ['localhost'] } });
    const host = `localhost:${registry.port}`;
    const file = join(await tempFolder(), 'ca.pem');
    await writeFile(file, registry.authority?.pem ?? '');
    const how = async (...args: string[]): Promise<unknown> =>
      await session([...args, '--retry', '1'], async ({ client }) => {
        const url = `https://${host}/v2/`;
        const response = await client.transport({ method: 'GET', url, headers: {} });
        await response.discard();
        return response.status;
      }).then(
        ({ result }) => result,
        (error: unknown) => error,
      );
    expect(await how('--ca-file', file)).toBe(200);
    expect(await how('--registry-ca-cert-path', file)).toBe(200);
    expect(await how('--insecure')).toBe(200);
    expect(await how('--registry-verify-certs=false')).toBe(200);
    expect(await how('--plain-http')).toMatchObject({ code: 'NETWORK' });
  });

  it('takes the certificates of a host and the headers of Docker where machines keep them', async () => {
    await using registry = await startRegistry({ tls: { auto: true, hosts: ['localhost'] } });
    const host = `localhost:${registry.port}`;
    const home = await tempFolder();
    const folder = join(home, '.config/containers/certs.d', host);
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'ca.crt'), registry.authority?.pem ?? '');
    await mkdir(join(home, '.docker'));
    await writeFile(join(home, '.docker/config.json'), '{"HttpHeaders":{"X-Team":"us"}}');
    const env = { HOME: home };
    expect((await session([], (open) => ping(open, host), { env })).result).toBe(200);
    expect((await session(['--registry-anon'], (open) => ping(open, host), { env })).result).toBe(200);
    expect([...registry.requests].map(({ headers }) => headers['x-team'])).toEqual(['us', undefined]);
  });

  it('goes where --registry-map leads', async () => {
    await using registry = await startRegistry({ seed });
    const { result } = await session(['--registry-map', `gcr.io=${registry.host}/mirror/`], (open) =>
      open.repository({ registry: 'gcr.io', repository: 'team/app' }).resolve('v1'),
    );
    expect(result?.digest).toMatch(/^sha256:/);
  });

  it('tells of each retry', async () => {
    const fault = { kind: 'status', status: 503, retryAfter: 0 } as const;
    await using registry = await startRegistry({ faults: [{ times: 1, fault }] });
    const { result, context } = await session(['--retry', '2'], (open) => ping(open, registry.host));
    expect(result).toBe(200);
    expect(context.written.err).toBe(`GET to ${registry.host} answered 503; again in 0 s (attempt 1)\n`);
  });

  it('shows what registries warn of, once and last, even when the work fails', async () => {
    const fault = { kind: 'status', status: 200, headers: { warning: '299 - "soon over"' } } as const;
    await using registry = await startRegistry({ faults: [{ fault }] });
    const shown = async (options: FakeOptions): Promise<string> => {
      const context = fakeContext(options);
      const work = withClient(context, {}, async (open) => {
        await ping(open, registry.host);
        await ping(open, registry.host);
        context.err.write('work\n');
        throw new Error('failed');
      });
      await expect(work).rejects.toThrow('failed');
      return context.written.err;
    };
    const plain = 'work\n[WARNING]: soon over\n';
    expect(await shown({})).toBe(plain);
    expect(await shown({ terminal: true, env: { NO_COLOR: '1' } })).toBe(plain);
    expect(await shown({ terminal: true, env: { TERM: 'dumb' } })).toBe(plain);
    expect(await shown({ terminal: true })).toBe(`work\n\u001B[1;33m[WARNING]\u001B[0m: soon over\n`);
  });

  it.each([
    [['--cert-file', 'x'], /--cert-file and --key-file need each other/],
    [['--ca-file', '/nowhere.pem'], /\/nowhere\.pem cannot be read: there is no such file/],
    [['--ca-file', 'package.json'], /package\.json is not PEM/],
    [['--registry-map', 'gcr.io'], /--registry-map "gcr\.io" is not valid/],
    [['--registry-map', 'gcr.io=b.io/UP'], /is not valid/],
  ])('refuses %j before any request', async (args, why) => {
    await expect(session(args, () => Promise.reject(new Error('sent')))).rejects.toThrow(why);
  });
});

describe('registryMap', () => {
  it('maps whole registries, the first rule of each', () => {
    const map = registryMap(['docker.io=m.io/hub;gcr.io=m.io:5000', 'gcr.io=x.io']);
    const at = (registry: string): string => {
      const place = map({ registry, repository: 'a/b' });
      return `${place.registry}/${place.repository}`;
    };
    expect(at('index.docker.io')).toBe('m.io/hub/a/b');
    expect(at('gcr.io')).toBe('m.io:5000/a/b');
    expect(at('eu.gcr.io')).toBe('eu.gcr.io/a/b');
  });
});
