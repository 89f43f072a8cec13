import { createVerify, generateKeyPairSync } from 'node:crypto';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { tempFolder } from '../../helpers/temp.js';
import type { FakeAnswer } from '../fakes.js';
import { NOW, formOf, json, searchFor, type Routes } from './site.js';

const TOKEN_URL = 'https://oauth2.googleapis.com/token';
const SCOPE = 'https://www.googleapis.com/auth/cloud-platform';
const METADATA = 'GET http://169.254.169.254/computeMetadata/v1/instance/service-accounts/default/token';
const sold = (): FakeAnswer => json({ access_token: 'token', expires_in: 3600 });
/** What every way ends in: good until a minute before the end of the token. */
const credentials = {
  kind: 'password',
  username: '_token',
  password: 'token',
  expiresAt: NOW + 3600_000 - 60_000,
};

async function file(document: unknown): Promise<{ GOOGLE_APPLICATION_CREDENTIALS: string }> {
  const path = join(await tempFolder(), 'adc.json');
  await writeFile(path, typeof document === 'string' ? document : JSON.stringify(document));
  return { GOOGLE_APPLICATION_CREDENTIALS: path };
}

describe('credentials of Google', () => {
  it('are bought with the signed statement of a service account', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 1024 });
    const environment = await file({
      type: 'service_account',
      client_email: 'ci@example.iam.gserviceaccount.com',
      private_key_id: 'key-1',
      private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
      token_uri: TOKEN_URL,
    });
    const search = await searchFor('eu.gcr.io', environment, { [`POST ${TOKEN_URL}`]: sold });
    expect(search.credentials).toEqual(credentials);
    expect(search.findings).toEqual([
      { place: 'GOOGLE_APPLICATION_CREDENTIALS', outcome: 'found', about: 'user _token' },
    ]);
    const [asked] = search.asked;
    const { assertion = '', grant_type: grant } = asked === undefined ? {} : formOf(asked);
    expect(grant).toBe('urn:ietf:params:oauth:grant-type:jwt-bearer');
    const [header = '', claims = '', signature = ''] = assertion.split('.');
    const decoded = [header, claims].map(
      (part) => JSON.parse(Buffer.from(part, 'base64url').toString()) as unknown,
    );
    expect(decoded).toEqual([
      { alg: 'RS256', typ: 'JWT', kid: 'key-1' },
      {
        iss: 'ci@example.iam.gserviceaccount.com',
        scope: SCOPE,
        aud: TOKEN_URL,
        iat: NOW / 1000,
        exp: NOW / 1000 + 3600,
      },
    ]);
    const check = createVerify('RSA-SHA256').update(`${header}.${claims}`);
    expect(check.verify(publicKey, Buffer.from(signature, 'base64url'))).toBe(true);
  });

  it("are bought with a user's refresh token, in the file that gcloud keeps too", async () => {
    const home = await tempFolder();
    const folder = join(home, '.config/gcloud');
    await mkdir(folder, { recursive: true });
    const user = {
      type: 'authorized_user',
      client_id: 'id',
      client_secret: 'secret',
      refresh_token: 'refresh',
    };
    await writeFile(join(folder, 'application_default_credentials.json'), JSON.stringify(user));
    const search = await searchFor('gcr.io', {}, { [`POST ${TOKEN_URL}`]: sold }, home);
    expect(search.credentials).toEqual(credentials);
    expect(search.asked.map(formOf)).toEqual([
      { grant_type: 'refresh_token', client_id: 'id', client_secret: 'secret', refresh_token: 'refresh' },
    ]);
  });

  const account = 'https://iamcredentials.googleapis.com/v1/sa:generateAccessToken';
  it.each([
    ['a file', (path: string) => ({ file: path }), 'subject\n'],
    [
      'a field of a file',
      (path: string) => ({ file: path, format: { type: 'json', subject_token_field_name: 'value' } }),
      '{"value":"subject"}',
    ],
    ['a URL', () => ({ url: 'https://ci.example/token', headers: { authorization: 'bearer ci' } }), ''],
  ])('are exchanged for the token of another provider, from %s', async (_, sourceOf, text) => {
    const subject = join(await tempFolder(), 'subject');
    await writeFile(subject, text);
    const environment = await file({
      type: 'external_account',
      audience: '//iam.googleapis.com/pool',
      subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
      token_url: 'https://sts.googleapis.com/v1/token',
      service_account_impersonation_url: account,
      credential_source: sourceOf(subject),
    });
    const routes: Routes = {
      'GET https://ci.example/token': ({ headers }) => ({
        body: headers.authorization === 'bearer ci' ? 'subject' : 'no',
      }),
      'POST https://sts.googleapis.com/v1/token': () => json({ access_token: 'federated', expires_in: 60 }),
      [`POST ${account}`]: () =>
        json({ accessToken: 'token', expireTime: new Date(NOW + 3600_000).toISOString() }),
    };
    const search = await searchFor('europe-docker.pkg.dev', environment, routes);
    expect(search.credentials).toEqual(credentials);
    const [exchange, impersonate] = search.asked.slice(-2);
    expect(exchange && formOf(exchange)).toMatchObject({
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      subject_token: 'subject',
      audience: '//iam.googleapis.com/pool',
    });
    expect(impersonate?.headers.authorization).toBe('Bearer federated');
    expect(JSON.parse(impersonate?.body ?? '')).toEqual({ scope: [SCOPE], lifetime: '3600s' });
  });

  it('come from the metadata server, which is asked by its address', async () => {
    const search = await searchFor('gcr.io', {}, { [METADATA]: sold });
    expect(search.credentials).toEqual(credentials);
    expect(search.asked.map(({ headers }) => headers['metadata-flavor'])).toEqual(['Google']);
    expect((await searchFor('gcr.io', { NO_GCE_CHECK: 'true' }, { [METADATA]: sold })).asked).toEqual([]);
  });

  const programs: readonly (readonly [string, string])[] = [
    [
      'gcloud',
      `[ "$*" = "config config-helper --force-auth-refresh --format=json(credential)" ] && echo '${JSON.stringify(
        {
          credential: { access_token: 'token', token_expiry: new Date(NOW + 3600_000).toISOString() },
        },
      )}'`,
    ],
    ['docker-credential-gcloud', `echo '{"Username":"_token","Secret":"token"}'`],
    [
      'docker-credential-gcr',
      `read host; [ "$host" = gcr.io ] && echo '{"Username":"_token","Secret":"token"}'`,
    ],
  ];
  it.each(programs)('come from %s when it is on the PATH', async (name, script) => {
    const folder = await tempFolder();
    await writeFile(join(folder, name), `#!/bin/sh\n${script}\n`);
    await chmod(join(folder, name), 0o755);
    const search = await searchFor('gcr.io', { PATH: folder });
    expect(search.credentials).toMatchObject({ username: '_token', password: 'token' });
    expect(search.findings.at(-1)?.place).toContain(name);
  });

  it('are nobody’s when nothing works, and explain says why, without secrets', async () => {
    const environment = await file({
      type: 'authorized_user',
      client_id: 'id',
      client_secret: 'secret',
      refresh_token: 'secret',
    });
    const routes = { [`POST ${TOKEN_URL}`]: () => json({ error: 'invalid_grant' }, 400) };
    const { credentials: none, findings } = await searchFor('gcr.io', environment, routes);
    expect(none).toBeUndefined();
    expect(findings).toEqual([
      {
        place: 'GOOGLE_APPLICATION_CREDENTIALS',
        outcome: 'failed',
        about: String.raw`oauth2.googleapis.com answered 400: "{\"error\":\"invalid_grant\"}"`,
      },
      { place: 'application default credentials of gcloud', outcome: 'none', about: 'not set up' },
      {
        place: "metadata server of Google's machines",
        outcome: 'failed',
        about: '169.254.169.254 is not there',
      },
      { place: 'gcloud config config-helper', outcome: 'none', about: 'not set up' },
      { place: 'docker-credential-gcloud', outcome: 'none', about: 'not set up' },
      { place: 'docker-credential-gcr', outcome: 'none', about: 'not set up' },
    ]);
  });

  it.each([
    ['no JSON', 'hidden', /is not a JSON object/],
    ['another type', { type: 'gdch' }, /is of type "gdch", expected service_account/],
    ['a field missing', { type: 'authorized_user', client_id: 'id' }, /has no client_secret/],
    ['no key', { type: 'service_account', client_email: 'a', private_key: 'hidden' }, /./],
    [
      'a token endpoint without TLS',
      {
        type: 'authorized_user',
        client_id: 'i',
        client_secret: 'hidden',
        refresh_token: 'hidden',
        token_uri: 'http://a.example',
      },
      /is not asked over plain HTTP/,
    ],
  ])('fail for a file with %s', async (_, document, why) => {
    const { findings, asked } = await searchFor('gcr.io', await file(document));
    expect(findings[0]).toMatchObject({ outcome: 'failed', about: expect.stringMatching(why) as string });
    expect(JSON.stringify(findings)).not.toContain('hidden');
    expect(asked).toHaveLength(1);
  });
});
