import { join } from 'node:path';
import { OciError, quote } from '../../../oci/index.js';
import { isLoopback } from '../../addresses.js';
import { readShort } from '../read-short.js';
import { textOf } from './calls.js';
import type { AwsKeys } from './sigv4.js';
import type { WayContext } from './ways.js';

/** A place that keys come from; undefined when nothing is set up there. */
export interface KeySource {
  readonly place: string;
  readonly keys: (context: WayContext) => Promise<AwsKeys | undefined>;
}

/** Where containers of Amazon's get their keys; other hosts are believed over HTTPS only. */
const CONTAINER_HOSTS: ReadonlySet<string> = new Set(['169.254.170.2', '169.254.170.23', '[fd00:ec2::23]']);
const CONTAINER_URL = 'http://169.254.170.2';
const MACHINE_URL = 'http://169.254.169.254';

/** Every source, in the order of Amazon's own tools. */
export const KEY_SOURCES: readonly KeySource[] = [
  { place: 'AWS_ACCESS_KEY_ID', keys: fromEnvironment },
  { place: 'AWS_WEB_IDENTITY_TOKEN_FILE', keys: fromWebIdentity },
  { place: 'shared credentials file of AWS', keys: fromSharedFile },
  { place: 'AWS_CONTAINER_CREDENTIALS_FULL_URI', keys: fromContainer },
  { place: "metadata server of Amazon's machines", keys: fromMachine },
];

function fromEnvironment({ environment }: WayContext): Promise<AwsKeys | undefined> {
  const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN } = environment;
  return Promise.resolve(keysOf(AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN));
}

/** Exchanges the token that a cluster has put there for keys of a role. */
async function fromWebIdentity(context: WayContext): Promise<AwsKeys | undefined> {
  const {
    AWS_WEB_IDENTITY_TOKEN_FILE: file,
    AWS_ROLE_ARN: role,
    AWS_ROLE_SESSION_NAME: session,
  } = context.environment;
  if (!file || !role) return undefined;
  const { AWS_REGION, AWS_DEFAULT_REGION, AWS_ENDPOINT_URL_STS } = context.environment;
  const region = AWS_REGION || AWS_DEFAULT_REGION;
  const domain = region?.startsWith('cn-') === true ? 'amazonaws.com.cn' : 'amazonaws.com';
  const url = AWS_ENDPOINT_URL_STS || `https://sts.${region ? `${region}.` : ''}${domain}/`;
  const form = {
    Action: 'AssumeRoleWithWebIdentity',
    Version: '2011-06-15',
    RoleArn: role,
    RoleSessionName: session || 'ocilot',
    WebIdentityToken: (await readShort(file)).trim(),
  };
  const answer = await context.calls.text({ url, form }, context);
  const field = (name: string): string | undefined =>
    new RegExp(`<${name}>\\s*([^<\\s]+)\\s*</${name}>`).exec(answer)?.[1];
  const keys = keysOf(field('AccessKeyId'), field('SecretAccessKey'), field('SessionToken'));
  if (keys === undefined) throw new OciError('UNKNOWN', `${new URL(url).host} answered without keys`);
  return keys;
}

/** `~/.aws/credentials`: keys that stand there as they are. Roles and single sign-on are for the helper program. */
async function fromSharedFile({ environment, home }: WayContext): Promise<AwsKeys | undefined> {
  const path = environment.AWS_SHARED_CREDENTIALS_FILE || join(home, '.aws', 'credentials');
  const text = await readShort(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  const fields = sectionOf(text ?? '', environment.AWS_PROFILE || 'default');
  return keysOf(fields.aws_access_key_id, fields.aws_secret_access_key, fields.aws_session_token);
}

/** The fields of one section of an INI file. */
function sectionOf(text: string, wanted: string): Record<string, string> {
  const fields: Record<string, string> = {};
  let section = '';
  for (const line of text.split(/\r?\n/)) {
    const name = /^\s*\[\s*([^\]]*?)\s*\]/.exec(line)?.[1];
    section = name ?? section;
    const [, key, value] = /^\s*([a-z_]+)\s*=\s*(\S*)\s*$/.exec(line) ?? [];
    if (section === wanted && key !== undefined && value !== undefined) fields[key] = value;
  }
  return fields;
}

async function fromContainer(context: WayContext): Promise<AwsKeys | undefined> {
  const { AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: relative, AWS_CONTAINER_CREDENTIALS_FULL_URI: full } =
    context.environment;
  const url = relative ? `${CONTAINER_URL}${relative}` : full;
  if (!url) return undefined;
  const { protocol, hostname, host } = URL.canParse(url) ? new URL(url) : new URL('http://invalid');
  if (protocol !== 'https:' && !isLoopback(hostname) && !CONTAINER_HOSTS.has(hostname))
    throw new OciError(
      'DENIED',
      `${quote(host)} is not a host that containers get keys from over plain HTTP`,
    );
  const { AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: file, AWS_CONTAINER_AUTHORIZATION_TOKEN } =
    context.environment;
  const token = file ? (await readShort(file)).trim() : AWS_CONTAINER_AUTHORIZATION_TOKEN;
  const headers: Record<string, string> = token ? { authorization: token } : {};
  const answer = await context.calls.json({ url, headers, metadata: protocol === 'http:' }, context);
  return fromAnswer(answer, 'the answer for this container');
}

/** The second version of the service, which needs a token of its own first. */
async function fromMachine(context: WayContext): Promise<AwsKeys | undefined> {
  const { AWS_EC2_METADATA_DISABLED, AWS_EC2_METADATA_SERVICE_ENDPOINT } = context.environment;
  if (AWS_EC2_METADATA_DISABLED?.toLowerCase() === 'true') return undefined;
  const root = (AWS_EC2_METADATA_SERVICE_ENDPOINT || MACHINE_URL).replace(/\/+$/, '');
  const session = await context.calls.text(
    {
      method: 'PUT',
      url: `${root}/latest/api/token`,
      headers: { 'x-aws-ec2-metadata-token-ttl-seconds': '60' },
      metadata: true,
    },
    context,
  );
  const headers = { 'x-aws-ec2-metadata-token': session.trim() };
  const roles = `${root}/latest/meta-data/iam/security-credentials/`;
  const [role = ''] = (await context.calls.text({ url: roles, headers, metadata: true }, context))
    .trim()
    .split('\n');
  if (role === '') return undefined;
  const url = `${roles}${encodeURIComponent(role)}`;
  const answer = await context.calls.json({ url, headers, metadata: true }, context);
  return fromAnswer(answer, 'the answer for this machine');
}

function fromAnswer(answer: Readonly<Record<string, unknown>>, what: string): AwsKeys {
  return {
    accessKeyId: textOf(answer, 'AccessKeyId', what),
    secretAccessKey: textOf(answer, 'SecretAccessKey', what),
    sessionToken: textOf(answer, 'Token', what),
  };
}

function keysOf(
  id: string | undefined,
  secret: string | undefined,
  session: string | undefined,
): AwsKeys | undefined {
  if (!id || !secret) return undefined;
  return { accessKeyId: id, secretAccessKey: secret, ...(session ? { sessionToken: session } : {}) };
}
