import { writeFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { activeKeychains, chainFor } from '../../../client/credentials/chain-for.js';
import { cloudKeychain } from '../../../client/credentials/cloud/cloud-keychain.js';
import { cloudOf } from '../../../client/credentials/cloud/hosts.js';
import { defaultKeychain } from '../../../client/credentials/default-keychain.js';
import { explain } from '../../../client/credentials/keychain.js';
import { tempFolder } from '../../helpers/temp.js';
import { NOW, json, services } from './site.js';

/** A server on loopback; its host. */
async function listen(answer: RequestListener): Promise<string> {
  const server = createServer(answer).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const METADATA = 'GET http://169.254.169.254/computeMetadata/';
/** Nothing but a metadata server. */
const bare = { PATH: '/nowhere', CLOUDSDK_CONFIG: '/nowhere' };

describe('the cloud of a registry', () => {
  it.each([
    ['gcr.io', 'gke'],
    ['EU.gcr.io', 'gke'],
    ['europe-west1-docker.pkg.dev', 'gke'],
    ['registry.google.com', 'gke'],
    ['team.azurecr.io', 'aks'],
    ['team.westeurope.data.azurecr.io', 'aks'],
    ['123456789012.dkr.ecr.eu-west-1.amazonaws.com', 'ecr'],
    ['123456789012.dkr.ecr-fips.us-east-1.amazonaws.com', 'ecr'],
    ['123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn', 'ecr'],
    ['public.ecr.aws', 'ecr'],
    ['google.com', undefined],
    ['pkg.dev', undefined],
    ['azurecr.io', undefined],
    ['gcr.io.evil.example', undefined],
    ['evilgcr.io', undefined],
    ['evil-google.com', undefined],
    ['gcr.io:5000', undefined],
    ['evil.ecr.eu-west-1.amazonaws.com', undefined],
    ['123456789012.dkr.ecr.eu-west-1.amazonaws.com.evil.example', undefined],
    ['123456789012.dkr.ecr.a.b.amazonaws.com', undefined],
    ['xpublic.ecr.aws', undefined],
    ['localhost:5000', undefined],
  ])('%s → %s', (host, cloud) => expect(cloudOf(host)).toBe(cloud));

  it('is none for a name with anything behind it', () => {
    const ends = fc.constantFrom('gcr.io', 'a.pkg.dev', 'a.azurecr.io', 'public.ecr.aws');
    const rest = fc.stringMatching(/^[.:/@#?\\ -]?[a-z0-9]+$/);
    fc.assert(fc.property(ends, rest, (end, more) => cloudOf(end + more) === undefined));
  });
});

describe('cloudKeychain', () => {
  it('asks nobody for a registry of no cloud, or of one that is switched off', async () => {
    const { transport, asked } = services({});
    const keychain = cloudKeychain(['ecr'], { transport, environment: {} });
    for (const registry of ['r.example', 'gcr.io', 'a.azurecr.io'])
      expect(await explain(keychain, { registry })).toEqual({ findings: [] });
    expect(asked).toEqual([]);
  });

  it('searches once for all repositories of a registry, and again when a token has ended', async () => {
    let now = NOW;
    const { transport, asked } = services({
      [METADATA]: () => json({ access_token: 't', expires_in: 3600 }),
    });
    const keychain = cloudKeychain(undefined, { transport, environment: bare, now: () => now });
    await Promise.all(
      ['a', 'b', 'c'].map((repository) => keychain.resolve({ registry: 'gcr.io', repository })),
    );
    expect(asked).toHaveLength(1);
    now += 3540_000;
    expect(await keychain.resolve({ registry: 'gcr.io' })).toMatchObject({ expiresAt: now + 3540_000 });
    expect(asked).toHaveLength(2);
  });

  it('remembers that there was nothing, so that nobody waits twice', async () => {
    const { transport, asked } = services({});
    const keychain = cloudKeychain(undefined, { transport, environment: bare });
    const [first, second] = [
      await explain(keychain, { registry: 'gcr.io' }),
      await explain(keychain, { registry: 'gcr.io' }),
    ];
    expect(asked).toHaveLength(1);
    expect(second).toEqual(first);
  });

  it('asks a metadata server over a socket', async () => {
    const host = await listen((request, response) => {
      response.end(
        request.headers['metadata-flavor'] === 'Google' ? '{"access_token":"t","expires_in":3600}' : '',
      );
    });
    // A proxy would take the request elsewhere.
    const environment = { ...bare, GCE_METADATA_HOST: host, HTTP_PROXY: 'http://127.0.0.1:1' };
    expect(await cloudKeychain(undefined, { environment }).resolve({ registry: 'gcr.io' })).toMatchObject({
      username: '_token',
      password: 't',
    });
  });

  it.each<[string, RequestListener, RegExp]>([
    ['is silent', () => undefined, /did not answer within 0\.05 s/],
    ['answers too much', (_, response) => void response.end('x'.repeat(65 * 1024)), /65536/],
    [
      'leads elsewhere',
      (_, response) => void response.writeHead(302, { location: '/x' }).end(),
      /answered 302/,
    ],
    ['says what is no JSON', (_, response) => void response.end('hidden'), /is not a JSON object$/],
  ])('goes on when it %s', async (_, answer, why) => {
    const environment = { ...bare, GCE_METADATA_HOST: await listen(answer) };
    const keychain = cloudKeychain(undefined, { environment, metadataTimeout: 50 });
    const { credentials, findings } = await explain(keychain, { registry: 'gcr.io' });
    expect(credentials).toBeUndefined();
    expect(findings.find(({ outcome }) => outcome === 'failed')?.about).toMatch(why);
    expect(findings.at(-1)?.place).toBe('docker-credential-gcr');
  });

  it('ends by the signal', async () => {
    const abort = new AbortController();
    const reason = new Error('enough');
    const environment = { ...bare, GCE_METADATA_HOST: await listen(() => abort.abort(reason)) };
    const found = cloudKeychain(undefined, { environment, metadataTimeout: 60_000 });
    await expect(found.resolve({ registry: 'gcr.io' }, { signal: abort.signal })).rejects.toBe(reason);
  });
});

describe('keychains by name', () => {
  it('are in the order of their names', async () => {
    const environment = {
      ...bare,
      GITHUB_TOKEN: 't',
      IMGPKG_REGISTRY_HOSTNAME: 'ghcr.io',
      IMGPKG_REGISTRY_USERNAME: 'env',
      IMGPKG_REGISTRY_PASSWORD: 'pw',
    };
    const name = async (names: readonly string[]): Promise<unknown> =>
      await chainFor(names, { environment }).resolve({ registry: 'ghcr.io' });
    expect(await name(['github', 'env', 'k8s'])).toMatchObject({ username: 'unset' });
    expect(await name(['k8s', 'env', 'github'])).toMatchObject({ username: 'env' });
    expect(await name(['gke', 'aks', 'ecr', 'k8s'])).toBeUndefined();
    expect(() => chainFor(['gcr'])).toThrow(
      'keychain "gcr" is not known: expected one of gke, aks, ecr, github',
    );
  });

  it.each([
    [{}, undefined],
    [{ IMGPKG_ENABLE_IAAS_AUTH: 'false' }, undefined],
    [{ IMGPKG_ENABLE_IAAS_AUTH: 'true' }, ['gke', 'aks', 'ecr', 'github']],
    [{ IMGPKG_ACTIVE_KEYCHAINS: 'ecr, github', IMGPKG_ENABLE_IAAS_AUTH: 'true' }, ['ecr', 'github']],
  ])('are switched on by %j', (environment, names) => expect(activeKeychains(environment)).toEqual(names));

  it('come before what is given and the files; the clouds are asked last, unless some were chosen', async () => {
    const home = await tempFolder();
    const file = join(home, 'auth.json');
    await writeFile(file, JSON.stringify({ auths: { 'ghcr.io': { username: 'file', password: 'pw' } } }));
    const environment = { ...bare, GITHUB_TOKEN: 't', REGISTRY_AUTH_FILE: file };
    const { transport } = services({ [METADATA]: () => json({ access_token: 't', expires_in: 60 }) });
    const who = async (more: object, registry: string): Promise<string | undefined> => {
      const keychain = defaultKeychain({ environment: { ...environment, ...more }, home, transport });
      const found = await keychain.resolve({ registry });
      return found?.kind === 'password' ? found.username : undefined;
    };
    expect(await who({}, 'ghcr.io')).toBe('file');
    expect(await who({ IMGPKG_ACTIVE_KEYCHAINS: 'github' }, 'ghcr.io')).toBe('unset');
    expect(await who({}, 'gcr.io')).toBe('_token');
    expect(await who({ IMGPKG_ACTIVE_KEYCHAINS: 'github' }, 'gcr.io')).toBeUndefined();
    expect(await who({ IMGPKG_ACTIVE_KEYCHAINS: 'gke' }, 'gcr.io')).toBe('_token');
  });
});
