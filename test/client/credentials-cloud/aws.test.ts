import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { signV4 } from '../../../client/credentials/cloud/sigv4.js';
import { tempFolder } from '../../helpers/temp.js';
import type { FakeAnswer } from '../fakes.js';
import { NOW, formOf, json, searchFor, type Routes, type Search, type Seen } from './site.js';

const REGISTRY = '123456789012.dkr.ecr.eu-west-1.amazonaws.com';
const API = 'POST https://api.ecr.eu-west-1.amazonaws.com/';
const KEYS = { AWS_ACCESS_KEY_ID: 'AKIDENV', AWS_SECRET_ACCESS_KEY: 'secret' };
const ends = NOW / 1000 + 12 * 3600;
const data = {
  authorizationToken: Buffer.from('AWS:password').toString('base64'),
  expiresAt: ends,
};
const sold = (): FakeAnswer => json({ authorizationData: [data] });
const credentials = {
  kind: 'password',
  username: 'AWS',
  password: 'password',
  expiresAt: ends * 1000 - 60_000,
};

/** Whose keys signed the last request. */
const signer = ({ asked }: Search): string | undefined =>
  /Credential=([^/]+)/.exec(asked.at(-1)?.headers.authorization ?? '')?.[1];

describe('signatures of version 4', () => {
  // AWS's published test suite: get-vanilla, post-vanilla, post-sts-header-before, post-x-www-form-urlencoded.
  const keys = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' };
  const scope = { region: 'us-east-1', service: 'service', now: Date.UTC(2015, 7, 30, 12, 36, 0) };
  const url = new URL('https://example.amazonaws.com/');
  it.each([
    ['GET', {}, '', '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31'],
    ['POST', {}, '', '5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b'],
    [
      'POST',
      { 'content-type': 'application/x-www-form-urlencoded' },
      'Param1=value1',
      'ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a',
    ],
  ])('of %s with %j are those of the test suite', (method, headers, body, signature) => {
    const { authorization } = signV4({ method, url, headers, body }, keys, scope);
    const names = [...Object.keys(headers), 'host', 'x-amz-date'].join(';');
    expect(authorization).toBe(
      'AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, ' +
        `SignedHeaders=${names}, Signature=${signature}`,
    );
  });
});

describe('credentials of Amazon', () => {
  it.each([
    [REGISTRY, API, 'AmazonEC2ContainerRegistry_V20150921', 'eu-west-1/ecr'],
    [
      '123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com',
      'POST https://ecr-fips.us-gov-west-1.amazonaws.com/',
      'AmazonEC2ContainerRegistry_V20150921',
      'us-gov-west-1/ecr',
    ],
    [
      '123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn',
      'POST https://api.ecr.cn-north-1.amazonaws.com.cn/',
      'AmazonEC2ContainerRegistry_V20150921',
      'cn-north-1/ecr',
    ],
    [
      'public.ecr.aws',
      'POST https://api.ecr-public.us-east-1.amazonaws.com/',
      'SpencerFrontendService',
      'us-east-1/ecr-public',
    ],
  ])('of %s are asked for where and as they must be', async (registry, api, target, scope) => {
    const answer = (): FakeAnswer =>
      json({ authorizationData: registry === 'public.ecr.aws' ? data : [data] });
    const search = await searchFor(registry, { ...KEYS, AWS_SESSION_TOKEN: 'session' }, { [api]: answer });
    expect(search.credentials).toEqual(credentials);
    expect(search.asked).toHaveLength(1);
    const [{ headers, body } = {} as Seen] = search.asked;
    expect(headers).toMatchObject({
      'x-amz-target': `${target}.GetAuthorizationToken`,
      'x-amz-date': '20260102T030405Z',
      'x-amz-security-token': 'session',
      'content-type': 'application/x-amz-json-1.1',
    });
    expect(headers.authorization).toContain(`Credential=AKIDENV/20260102/${scope}/aws4_request`);
    expect(body).toBe('{}');
  });

  it('are bought with keys for the token of a cluster', async () => {
    const file = join(await tempFolder(), 'token');
    await writeFile(file, 'jwt\n');
    const environment = {
      AWS_WEB_IDENTITY_TOKEN_FILE: file,
      AWS_ROLE_ARN: 'arn:aws:iam::1:role/r',
      AWS_REGION: 'eu-west-1',
    };
    const answer = `<R><Credentials><AccessKeyId>AKIDSTS</AccessKeyId><SecretAccessKey>s/+=</SecretAccessKey>
      <SessionToken>session</SessionToken></Credentials></R>`;
    const search = await searchFor(REGISTRY, environment, {
      'POST https://sts.eu-west-1.amazonaws.com/': () => ({ body: answer }),
      [API]: sold,
    });
    expect([search.credentials, signer(search)]).toEqual([credentials, 'AKIDSTS']);
    expect(search.asked[0] && formOf(search.asked[0])).toEqual({
      Action: 'AssumeRoleWithWebIdentity',
      Version: '2011-06-15',
      RoleArn: 'arn:aws:iam::1:role/r',
      RoleSessionName: 'ocilot',
      WebIdentityToken: 'jwt',
    });
  });

  it('are bought with the keys of a profile', async () => {
    const home = await tempFolder();
    await mkdir(join(home, '.aws'));
    const section = (name: string, id: string): string =>
      `[${name}]\naws_access_key_id = ${id}\naws_secret_access_key=s\n# none\n`;
    await writeFile(join(home, '.aws/credentials'), section('default', 'AKIDONE') + section('ci', 'AKIDTWO'));
    expect(signer(await searchFor(REGISTRY, {}, { [API]: sold }, home))).toBe('AKIDONE');
    expect(signer(await searchFor(REGISTRY, { AWS_PROFILE: 'ci' }, { [API]: sold }, home))).toBe('AKIDTWO');
  });

  const answer = { AccessKeyId: 'AKIDTEMP', SecretAccessKey: 's', Token: 'session', Expiration: 'later' };

  it('are bought with the keys of a container', async () => {
    const environment = {
      AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: '/v2/credentials/x',
      AWS_CONTAINER_AUTHORIZATION_TOKEN: 'mine',
    };
    const routes: Routes = {
      'GET http://169.254.170.2/v2/credentials/x': ({ headers }) =>
        headers.authorization === 'mine' ? json(answer) : { status: 403 },
      [API]: sold,
    };
    expect(signer(await searchFor(REGISTRY, environment, routes))).toBe('AKIDTEMP');
    const evil = {
      AWS_CONTAINER_CREDENTIALS_FULL_URI: 'http://evil.example/',
      AWS_EC2_METADATA_DISABLED: 'true',
    };
    const refused = await searchFor(REGISTRY, evil);
    expect(refused.asked).toEqual([]);
    expect(refused.findings).toContainEqual({
      place: 'AWS_CONTAINER_CREDENTIALS_FULL_URI',
      outcome: 'failed',
      about: '"evil.example" is not a host that containers get keys from over plain HTTP',
    });
  });

  it('are bought with the keys of a machine, by the second version of its service', async () => {
    const root = 'http://169.254.169.254/latest';
    const session = ({ headers }: Seen): boolean => headers['x-aws-ec2-metadata-token'] === 'session';
    const routes: Routes = {
      [`PUT ${root}/api/token`]: ({ headers }) =>
        headers['x-aws-ec2-metadata-token-ttl-seconds'] === '60' ? { body: 'session' } : { status: 400 },
      [`GET ${root}/meta-data/iam/security-credentials/node`]: (seen) =>
        session(seen) ? json(answer) : { status: 401 },
      [`GET ${root}/meta-data/iam/security-credentials/`]: (seen) =>
        session(seen) ? { body: 'node\n' } : { status: 401 },
      [API]: sold,
    };
    const search = await searchFor(REGISTRY, {}, routes);
    expect([search.credentials, signer(search)]).toEqual([credentials, 'AKIDTEMP']);
    expect((await searchFor(REGISTRY, { AWS_EC2_METADATA_DISABLED: 'true' }, routes)).asked).toEqual([]);
  });

  it('are nobody’s when they are refused', async () => {
    const routes: Routes = { [API]: () => json({ message: 'The security token is expired' }, 400) };
    const { credentials: none, findings } = await searchFor(REGISTRY, KEYS, routes);
    expect(none).toBeUndefined();
    expect(findings[0]?.about).toMatch(
      /^api\.ecr\.eu-west-1\.amazonaws\.com answered 400: .*token is expired/,
    );
    expect(findings.map(({ outcome }) => outcome)).toEqual([
      'failed',
      'none',
      'none',
      'none',
      'failed',
      'none',
    ]);
  });
});
