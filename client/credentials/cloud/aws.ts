import { OciError, isObject } from '../../../oci/index.js';
import type { Credentials } from '../keychain.js';
import { KEY_SOURCES } from './aws-keys.js';
import { textOf } from './calls.js';
import { ecrHost, type EcrHost } from './hosts.js';
import { signV4, type AwsKeys } from './sigv4.js';
import { helperWay, renewAt, type Way, type WayContext } from './ways.js';

/** Ways to a password for a registry of Amazon's, in their order. */
export function awsWays(registry: string): readonly Way[] {
  const ecr = ecrHost(registry);
  if (ecr === undefined) return [];
  const ways = KEY_SOURCES.map(({ place, keys }): Way => ({
    place,
    async find(context) {
      const found = await keys(context);
      return found === undefined ? undefined : await authorizationToken(ecr, found, context);
    },
  }));
  return [...ways, helperWay('ecr-login', registry)];
}

/** `GetAuthorizationToken`: user and password in base64, good for twelve hours. */
async function authorizationToken(ecr: EcrHost, keys: AwsKeys, context: WayContext): Promise<Credentials> {
  const { environment, calls, now } = context;
  const service = ecr.open ? 'ecr-public' : 'ecr';
  const target = ecr.open ? 'SpencerFrontendService' : 'AmazonEC2ContainerRegistry_V20150921';
  const endpoint = ecr.open ? environment.AWS_ENDPOINT_URL_ECR_PUBLIC : environment.AWS_ENDPOINT_URL_ECR;
  const url = new URL(endpoint || `https://${apiHost(ecr)}/`);
  const body = '{}';
  const headers = signV4(
    {
      method: 'POST',
      url,
      headers: {
        'content-type': 'application/x-amz-json-1.1',
        'x-amz-target': `${target}.GetAuthorizationToken`,
      },
      body,
    },
    keys,
    { region: ecr.region, service, now: now() },
  );
  const answer = await calls.json({ method: 'POST', url: url.href, headers, body }, context);
  const what = `the answer of ${url.host}`;
  const [data] = [answer.authorizationData].flat();
  const fields = isObject(data) ? data : {};
  const pair = Buffer.from(textOf(fields, 'authorizationToken', what), 'base64').toString('utf8');
  const colon = pair.indexOf(':');
  if (colon < 0) throw new OciError('UNKNOWN', `${what} has a token without user and password`);
  const { expiresAt: seconds } = fields;
  return {
    kind: 'password',
    username: pair.slice(0, colon),
    password: pair.slice(colon + 1),
    ...(typeof seconds === 'number' ? { expiresAt: renewAt(seconds * 1000) } : {}),
  };
}

function apiHost({ open, fips, region, domain }: EcrHost): string {
  if (open) return `api.ecr-public.${region}.${domain}`;
  return fips ? `ecr-fips.${region}.${domain}` : `api.ecr.${region}.${domain}`;
}
