import type { Credentials } from '../keychain.js';
import { readShort } from '../read-short.js';
import { parseObject, textOf } from './calls.js';
import { helperWay, renewAt, type Way, type WayContext } from './ways.js';

/** The user name that goes with tokens. */
const USERNAME = '00000000-0000-0000-0000-000000000000';
const METADATA_URL = 'http://169.254.169.254';
const JWT_BEARER = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

/** Where one of Microsoft's clouds gives its tokens, and what they must be for. */
interface Realm {
  readonly authority: string;
  readonly resource: string;
}

const PUBLIC: Realm = {
  authority: 'https://login.microsoftonline.com',
  resource: 'https://containerregistry.azure.net',
};
const REALMS: Readonly<Record<string, Realm>> = {
  cn: { authority: 'https://login.chinacloudapi.cn', resource: 'https://management.chinacloudapi.cn' },
  us: { authority: 'https://login.microsoftonline.us', resource: 'https://management.usgovcloudapi.net' },
};

/** Ways to a token of a registry of Microsoft's, in their order. */
export function azureWays(registry: string): readonly Way[] {
  const host = registry.toLowerCase();
  const realm = REALMS[host.slice(host.lastIndexOf('.') + 1)] ?? PUBLIC;
  const by = (
    place: string,
    token: (context: WayContext, realm: Realm) => Promise<string | undefined>,
  ): Way => ({
    place,
    async find(context) {
      const found = await token(context, realm);
      return found === undefined ? undefined : await exchange(host, found, context);
    },
  });
  return [
    by('AZURE_FEDERATED_TOKEN_FILE', fromWorkload),
    by('AZURE_CLIENT_SECRET', fromSecret),
    by("metadata server of Azure's machines", fromMachine),
    helperWay('acr-env', registry),
  ];
}

/** Exchanges the token that a cluster has put there. */
async function fromWorkload(context: WayContext, realm: Realm): Promise<string | undefined> {
  const { AZURE_FEDERATED_TOKEN_FILE: file } = context.environment;
  if (!file) return undefined;
  const assertion = (await readShort(file)).trim();
  return await buy({ client_assertion_type: JWT_BEARER, client_assertion: assertion }, context, realm);
}

async function fromSecret(context: WayContext, realm: Realm): Promise<string | undefined> {
  const { AZURE_CLIENT_SECRET: secret } = context.environment;
  return secret ? await buy({ client_secret: secret }, context, realm) : undefined;
}

/** A token for the application that the environment names; undefined when it names none. */
async function buy(
  proof: Readonly<Record<string, string>>,
  context: WayContext,
  { authority, resource }: Realm,
): Promise<string | undefined> {
  const { AZURE_CLIENT_ID: client, AZURE_TENANT_ID: tenant, AZURE_AUTHORITY_HOST } = context.environment;
  if (!client || !tenant) return undefined;
  const root = (AZURE_AUTHORITY_HOST || authority).replace(/\/+$/, '');
  const url = `${root}/${encodeURIComponent(tenant)}/oauth2/v2.0/token`;
  const form = {
    grant_type: 'client_credentials',
    client_id: client,
    scope: `${resource}/.default`,
    ...proof,
  };
  return accessToken(await context.calls.json({ url, form }, context));
}

async function fromMachine(context: WayContext, { resource }: Realm): Promise<string | undefined> {
  const { AZURE_CLIENT_ID: client, AZURE_POD_IDENTITY_AUTHORITY_HOST: root } = context.environment;
  const url = new URL('/metadata/identity/oauth2/token', root || METADATA_URL);
  url.search = new URLSearchParams({
    'api-version': '2018-02-01',
    resource,
    ...(client ? { client_id: client } : {}),
  }).toString();
  const ask = { url: url.href, headers: { metadata: 'true' }, metadata: true };
  return accessToken(await context.calls.json(ask, context));
}

const accessToken = (answer: Readonly<Record<string, unknown>>): string =>
  textOf(answer, 'access_token', 'the answer of Azure');

/** The registry itself gives a refresh token for one of the directory; it is good for three hours. */
async function exchange(host: string, token: string, context: WayContext): Promise<Credentials> {
  const { AZURE_TENANT_ID: tenant } = context.environment;
  const form = {
    grant_type: 'access_token',
    service: host,
    tenant: tenant || undefined,
    access_token: token,
  };
  const answer = await context.calls.json({ url: `https://${host}/oauth2/exchange`, form }, context);
  const refresh = textOf(answer, 'refresh_token', `the answer of ${host}`);
  const endsAt = endOf(refresh);
  return {
    kind: 'identity',
    username: USERNAME,
    token: refresh,
    ...(endsAt === undefined ? {} : { expiresAt: renewAt(endsAt) }),
  };
}

/** When a JSON web token ends, in milliseconds since the epoch; undefined when it does not say so. */
function endOf(token: string): number | undefined {
  try {
    const claims = Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8');
    const { exp } = parseObject(claims, 'token');
    return typeof exp === 'number' ? exp * 1000 : undefined;
  } catch {
    return undefined;
  }
}
