import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { kubernetesKeychain, type KubernetesOptions } from '../../../client/credentials/kubernetes.js';
import { explain, type Keychain } from '../../../client/credentials/keychain.js';
import { startRegistry } from '../../../testing/index.js';
import { tempFolder } from '../../helpers/temp.js';
import type { FakeAnswer } from '../fakes.js';
import { json, services, type Seen } from './site.js';

const ROOT = 'GET https://10.0.0.1:443/api/v1/namespaces';
const base64 = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64');
const entry = (username: string): object => ({ username, password: 'pw' });
const secret = (auths: object): FakeAnswer => json({ data: { '.dockerconfigjson': base64({ auths }) } });
const account = (...names: string[]): FakeAnswer =>
  json({ imagePullSecrets: names.map((name) => ({ name })) });
const missing = (): FakeAnswer => ({ status: 404 });

interface Pod {
  readonly keychain: Keychain;
  readonly asked: readonly Seen[];
  readonly warnings: readonly string[];
}

/** A pod in the namespace `team`, as the account that its token names. */
async function pod(
  routes: Readonly<Record<string, () => FakeAnswer>>,
  options: KubernetesOptions = {},
  subject = 'system:serviceaccount:team:runner',
): Promise<Pod> {
  const folder = await tempFolder();
  await writeFile(
    join(folder, 'token'),
    `e30.${Buffer.from(JSON.stringify({ sub: subject })).toString('base64url')}.s\n`,
  );
  await writeFile(join(folder, 'namespace'), 'team');
  const { transport, asked } = services(
    Object.fromEntries(Object.entries(routes).map(([path, answer]) => [`${ROOT}/${path}`, answer])),
  );
  const warnings: string[] = [];
  const keychain = kubernetesKeychain({
    folder,
    transport,
    environment: { KUBERNETES_SERVICE_HOST: '10.0.0.1', KUBERNETES_SERVICE_PORT: '443' },
    onWarning: (text) => warnings.push(text),
    ...options,
  });
  return { keychain, asked, warnings };
}

/** Who the pull secrets say one is. */
async function who({ keychain }: Pod, registry: string, repository?: string): Promise<string | undefined> {
  const found = await keychain.resolve({ registry, ...(repository && { repository }) });
  return found?.kind === 'password' ? found.username : found?.kind;
}

describe('pull secrets of Kubernetes', () => {
  it('are those that are named and those of the account, in both forms, read once', async () => {
    const own = await pod(
      {
        'team/serviceaccounts/runner': () => account('new', 'old', 'other'),
        'team/secrets/named': () => secret({ 'a.example': entry('named') }),
        'team/secrets/new': () => secret({ 'a.example': entry('account'), 'b.example': entry('new') }),
        'team/secrets/old': () =>
          json({ data: { '.dockercfg': base64({ 'https://c.example/v1/': entry('old') }) } }),
        'team/secrets/other': () => json({ data: { password: 'x' } }),
      },
      { pullSecrets: ['named'] },
    );
    expect(await Promise.all(['a', 'b', 'c', 'd'].map((name) => who(own, `${name}.example`)))).toEqual([
      'named',
      'new',
      'old',
      undefined,
    ]);
    expect(own.asked.map(({ url }) => url.split('/').at(-1))).toEqual([
      'runner',
      'named',
      'new',
      'old',
      'other',
    ]);
    expect(own.asked.every(({ headers }) => headers.authorization?.startsWith('Bearer e30.') === true)).toBe(
      true,
    );
    expect(own.warnings).toEqual([]);
  });

  it('match by labels, globs, ports and paths, the longer first', async () => {
    const own = await pod({
      'team/serviceaccounts/runner': () => account('s'),
      'team/secrets/s': () =>
        secret({
          '*.example': entry('glob'),
          'r.example': entry('host'),
          'r.example/team': entry('path'),
          'r.example/team/app': entry('longer'),
          'r.example:5000': entry('port'),
          'https://index.docker.io/v1/': entry('hub'),
        }),
    });
    expect(await who(own, 'r.example', 'team/app/x')).toBe('longer');
    expect(await who(own, 'r.example', 'team/b')).toBe('path');
    expect(await who(own, 'r.example', 'teams')).toBe('host');
    expect(await who(own, 's.example', 'team')).toBe('glob');
    expect(await who(own, 'a.s.example')).toBeUndefined();
    expect(await who(own, 'r.example:5000')).toBe('port');
    expect(await who(own, 'index.docker.io', 'library/alpine')).toBe('hub');
  });

  it('that are missing are warned of and left out', async () => {
    const own = await pod({
      'team/serviceaccounts/runner': () => account('gone', 'there'),
      'team/secrets/gone': missing,
      'team/secrets/there': () => secret({ 'r.example': entry('me') }),
    });
    expect(await who(own, 'r.example')).toBe('me');
    expect(own.warnings).toEqual(['there is no pull secret team/gone: it is left out']);
    const nobody = await pod({ 'team/serviceaccounts/default': missing }, {}, 'somebody');
    expect(await who(nobody, 'r.example')).toBeUndefined();
    expect(nobody.warnings).toEqual(['there is no service account team/default']);
  });

  it('that may not be read, or cannot be, end the search', async () => {
    const denied = await pod({ 'team/serviceaccounts/runner': () => ({ status: 403, body: 'no' }) });
    await expect(who(denied, 'r.example')).rejects.toMatchObject({ code: 'DENIED' });
    const broken = await pod({
      'team/serviceaccounts/runner': () => account('s'),
      'team/secrets/s': () =>
        json({ data: { '.dockerconfigjson': Buffer.from('hidden').toString('base64') } }),
    });
    await expect(who(broken, 'r.example')).rejects.toThrow(
      'pull secret team/s cannot be read: it is not JSON',
    );
  });

  it('are asked for over TLS, by the authority of the cluster', async () => {
    // Any server with TLS will do: this one knows no service account.
    await using server = await startRegistry({ tls: { auto: true } });
    const folder = await tempFolder();
    const environment = {
      KUBERNETES_SERVICE_HOST: '127.0.0.1',
      KUBERNETES_SERVICE_PORT: String(server.port),
    };
    const files = { token: 'opaque', namespace: 'team', 'ca.crt': server.authority?.pem ?? '' };
    for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
    const warnings: string[] = [];
    const onWarning = (text: string): void => void warnings.push(text);
    const keychain = kubernetesKeychain({ folder, environment, onWarning });
    expect(await keychain.resolve({ registry: 'r.example' })).toBeUndefined();
    expect(warnings).toEqual(['there is no service account team/default']);
    expect([...server.requests].map(({ path }) => path)).toEqual([
      '/api/v1/namespaces/team/serviceaccounts/default',
    ]);
  });

  it('are explained, and there are none outside of a cluster', async () => {
    const own = await pod({
      'team/serviceaccounts/runner': () => account('s'),
      'team/secrets/s': () => secret({ 'r.example': entry('me') }),
    });
    expect((await explain(own.keychain, { registry: 'r.example' })).findings).toEqual([
      { place: 'pull secret team/s: "r.example"', outcome: 'found', about: 'user me' },
    ]);
    const outside = await pod({}, { environment: {} });
    expect((await explain(outside.keychain, { registry: 'r.example' })).findings).toEqual([
      { place: 'Kubernetes', outcome: 'none', about: 'KUBERNETES_SERVICE_HOST is not set' },
    ]);
    const half = await pod({}, { folder: '/nowhere' });
    await expect(who(half, 'r.example')).rejects.toThrow(/\/nowhere\/token cannot be read.*is this a pod\?/);
  });
});
