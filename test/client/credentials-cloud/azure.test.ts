import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { tempFolder } from '../../helpers/temp.js';
import { NOW, formOf, json, searchFor, type Routes } from './site.js';

const REGISTRY = 'team.azurecr.io';
const RESOURCE = 'https://containerregistry.azure.net';
const LOGIN = 'POST https://login.microsoftonline.com/tenant/oauth2/v2.0/token';
const METADATA = 'GET http://169.254.169.254/metadata/identity/oauth2/token';
const APP = { AZURE_CLIENT_ID: 'app', AZURE_TENANT_ID: 'tenant' };
const claims = Buffer.from(JSON.stringify({ exp: NOW / 1000 + 3 * 3600 })).toString('base64url');
const refresh = `e30.${claims}.signature`;
const routes: Routes = {
  [LOGIN]: () => json({ access_token: 'directory' }),
  [METADATA]: () => json({ access_token: 'directory' }),
  [`POST https://${REGISTRY}/oauth2/exchange`]: () => json({ refresh_token: refresh }),
};
const credentials = {
  kind: 'identity',
  username: '00000000-0000-0000-0000-000000000000',
  token: refresh,
  expiresAt: NOW + 3 * 3600_000 - 60_000,
};

describe('credentials of Azure', () => {
  it('are exchanged for the token of a cluster', async () => {
    const file = join(await tempFolder(), 'token');
    await writeFile(file, 'jwt\n');
    const search = await searchFor(REGISTRY, { ...APP, AZURE_FEDERATED_TOKEN_FILE: file }, routes);
    expect(search.credentials).toEqual(credentials);
    expect(search.asked.map(formOf)).toEqual([
      {
        grant_type: 'client_credentials',
        client_id: 'app',
        scope: `${RESOURCE}/.default`,
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion: 'jwt',
      },
      { grant_type: 'access_token', service: REGISTRY, tenant: 'tenant', access_token: 'directory' },
    ]);
  });

  it('are exchanged for the secret of an application', async () => {
    const search = await searchFor(REGISTRY, { ...APP, AZURE_CLIENT_SECRET: 'secret' }, routes);
    expect(search.credentials).toEqual(credentials);
    expect(search.asked[0] && formOf(search.asked[0])).toMatchObject({ client_secret: 'secret' });
  });

  it('are exchanged for the identity of a machine', async () => {
    const search = await searchFor(REGISTRY, { AZURE_CLIENT_ID: 'app' }, routes);
    expect(search.credentials).toEqual(credentials);
    const [asked, exchange] = search.asked;
    expect(Object.fromEntries(new URL(asked?.url ?? '').searchParams)).toEqual({
      'api-version': '2018-02-01',
      resource: RESOURCE,
      client_id: 'app',
    });
    expect(asked?.headers.metadata).toBe('true');
    expect(exchange && formOf(exchange)).toEqual({
      grant_type: 'access_token',
      service: REGISTRY,
      access_token: 'directory',
    });
  });

  it('of other clouds are asked for there', async () => {
    const environment = { ...APP, AZURE_CLIENT_SECRET: 'secret' };
    const hosts = async (registry: string): Promise<string[]> =>
      (await searchFor(registry, environment)).asked.map(({ url }) => new URL(url).host);
    expect(await hosts('team.azurecr.cn')).toEqual(['login.chinacloudapi.cn', '169.254.169.254']);
    expect(await hosts('team.azurecr.us')).toEqual(['login.microsoftonline.us', '169.254.169.254']);
  });

  it('are not made of a file without end', async () => {
    const environment = { ...APP, AZURE_FEDERATED_TOKEN_FILE: '/dev/zero' };
    const { findings } = await searchFor(REGISTRY, environment);
    expect(findings[0]?.about).toBe('/dev/zero is longer than 64 KiB');
  });

  it('are nobody’s when the registry refuses', async () => {
    const refusal: Routes = {
      ...routes,
      [`POST https://${REGISTRY}/oauth2/exchange`]: () => ({ status: 401 }),
    };
    const { credentials: none, findings } = await searchFor(REGISTRY, {}, refusal);
    expect(none).toBeUndefined();
    expect(findings.map(({ outcome }) => outcome)).toEqual(['none', 'none', 'failed', 'none']);
  });
});
