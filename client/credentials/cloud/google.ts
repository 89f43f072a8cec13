import { join } from 'node:path';
import { OciError, quote } from '../../../oci/index.js';
import type { Credentials } from '../keychain.js';
import { isMissingProgram, runProgram } from '../run-program.js';
import { parseObject, textOf } from './calls.js';
import { readApplicationDefault, tokenFor, type GoogleToken } from './google-tokens.js';
import { helperWay, renewAt, type Way, type WayContext } from './ways.js';

/** The user name that Google's registries know tokens by. */
const USERNAME = '_token';
/** By address, since the name is not known outside of Google's machines. */
const METADATA_HOST = '169.254.169.254';

/** Ways to an access token of Google's, in their order. */
export function googleWays(registry: string): readonly Way[] {
  return [
    {
      place: 'GOOGLE_APPLICATION_CREDENTIALS',
      find: (context) => fromFile(context.environment.GOOGLE_APPLICATION_CREDENTIALS, context),
    },
    {
      place: 'application default credentials of gcloud',
      find: (context) => fromFile(wellKnownFile(context), context, true),
    },
    { place: "metadata server of Google's machines", find: fromMetadata },
    { place: 'gcloud config config-helper', find: fromGcloud },
    helperWay('gcloud', registry),
    helperWay('gcr', registry),
  ];
}

function wellKnownFile({ environment, home }: WayContext): string {
  const folder = environment.CLOUDSDK_CONFIG || join(home, '.config', 'gcloud');
  return join(folder, 'application_default_credentials.json');
}

async function fromFile(
  path: string | undefined,
  context: WayContext,
  optional = false,
): Promise<Credentials | undefined> {
  if (!path) return undefined;
  const document = await readApplicationDefault(path, optional);
  return document === undefined ? undefined : credentialsOf(await tokenFor(document, path, context));
}

async function fromMetadata(context: WayContext): Promise<Credentials | undefined> {
  const { environment, calls, now } = context;
  if (environment.NO_GCE_CHECK === 'true') return undefined;
  const host = environment.GCE_METADATA_HOST || METADATA_HOST;
  const asked = now();
  const answer = await calls.json(
    {
      url: `http://${host}/computeMetadata/v1/instance/service-accounts/default/token`,
      headers: { 'metadata-flavor': 'Google' },
      metadata: true,
    },
    context,
  );
  const { expires_in: seconds } = answer;
  return credentialsOf({
    token: textOf(answer, 'access_token', 'the answer of the metadata server'),
    endsAt: asked + (typeof seconds === 'number' ? seconds : 0) * 1000,
  });
}

async function fromGcloud({ environment, signal }: WayContext): Promise<Credentials | undefined> {
  const args = ['config', 'config-helper', '--force-auth-refresh', '--format=json(credential)'];
  try {
    const options = { environment, timeout: 30_000, ...(signal && { signal }) };
    const { code, output, errors } = await runProgram('gcloud', args, options);
    if (code !== 0)
      throw new OciError('UNKNOWN', errors === '' ? `it ended with ${code}` : quote(errors.trim(), 300));
    const { credential } = parseObject(output, 'what gcloud prints');
    const fields = parseObject(JSON.stringify(credential ?? null), 'credential of what gcloud prints');
    return credentialsOf({
      token: textOf(fields, 'access_token', 'what gcloud prints'),
      endsAt: Date.parse(String(fields.token_expiry)),
    });
  } catch (error) {
    if (isMissingProgram(error)) return undefined;
    throw error;
  }
}

function credentialsOf({ token, endsAt }: GoogleToken): Credentials {
  return {
    kind: 'password',
    username: USERNAME,
    password: token,
    ...(Number.isNaN(endsAt) ? {} : { expiresAt: renewAt(endsAt) }),
  };
}
