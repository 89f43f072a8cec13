import { createSign } from 'node:crypto';
import { OciError, isObject, isStringMap, quote } from '../../../oci/index.js';
import { readShort } from '../read-short.js';
import { parseObject, textOf } from './calls.js';
import type { WayContext } from './ways.js';

/** An access token. */
export interface GoogleToken {
  readonly token: string;
  /** Milliseconds since the epoch. */
  readonly endsAt: number;
}

type Document = Readonly<Record<string, unknown>>;

const SCOPE = 'https://www.googleapis.com/auth/cloud-platform';
const TOKEN_URL = 'https://oauth2.googleapis.com/token';
const STS_URL = 'https://sts.googleapis.com/v1/token';
const HOUR = 3600;

/**
 * Reads a file of application-default credentials.
 * @param optional true: undefined when there is no such file
 * @throws OciError `UNKNOWN`; the error of the operating system
 */
export async function readApplicationDefault(path: string, optional: boolean): Promise<Document | undefined> {
  try {
    return parseObject(await readShort(path), path);
  } catch (error) {
    if (optional && (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * An access token for such a file: by a signed statement of a service account, by the refresh token of a user, or in
 * exchange for the token of another identity provider.
 * @throws OciError `UNSUPPORTED` for other kinds of files, and what `Calls` throws
 */
export async function tokenFor(document: Document, path: string, context: WayContext): Promise<GoogleToken> {
  const { type } = document;
  if (type === 'service_account') return await ofServiceAccount(document, path, context);
  if (type === 'authorized_user') return await ofUser(document, path, context);
  if (type === 'external_account') return await ofExternalAccount(document, path, context);
  throw new OciError(
    'UNSUPPORTED',
    `${path} is of type ${quote(String(type))}, expected service_account, authorized_user or external_account`,
  );
}

/** RFC 7523: a JSON web token, signed with the key of the account, buys an access token. */
async function ofServiceAccount(document: Document, path: string, context: WayContext): Promise<GoogleToken> {
  const url = typeof document.token_uri === 'string' ? document.token_uri : TOKEN_URL;
  const asked = Math.floor(context.now() / 1000);
  const header = { alg: 'RS256', typ: 'JWT', kid: document.private_key_id };
  const claims = {
    iss: textOf(document, 'client_email', path),
    scope: SCOPE,
    aud: url,
    iat: asked,
    exp: asked + HOUR,
  };
  const statement = [header, claims].map((part) => encode(JSON.stringify(part))).join('.');
  const signature = createSign('RSA-SHA256')
    .update(statement)
    .sign(textOf(document, 'private_key', path));
  const form = {
    grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
    assertion: `${statement}.${encode(signature)}`,
  };
  return await buy(url, form, context);
}

async function ofUser(document: Document, path: string, context: WayContext): Promise<GoogleToken> {
  const form = {
    grant_type: 'refresh_token',
    client_id: textOf(document, 'client_id', path),
    client_secret: textOf(document, 'client_secret', path),
    refresh_token: textOf(document, 'refresh_token', path),
  };
  return await buy(typeof document.token_uri === 'string' ? document.token_uri : TOKEN_URL, form, context);
}

/** RFC 8693: the token of another provider buys one of Google's, which may then buy that of a service account. */
async function ofExternalAccount(
  document: Document,
  path: string,
  context: WayContext,
): Promise<GoogleToken> {
  const form = {
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    requested_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    audience: textOf(document, 'audience', path),
    scope: SCOPE,
    subject_token_type: textOf(document, 'subject_token_type', path),
    subject_token: await subjectToken(document, path, context),
  };
  const url = typeof document.token_url === 'string' ? document.token_url : STS_URL;
  const federated = await buy(url, form, context);
  const { service_account_impersonation_url: impersonation } = document;
  if (typeof impersonation !== 'string') return federated;
  const answer = await context.calls.json(
    {
      url: impersonation,
      headers: { authorization: `Bearer ${federated.token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ scope: [SCOPE], lifetime: `${HOUR}s` }),
    },
    context,
  );
  return {
    token: textOf(answer, 'accessToken', 'the answer for the service account'),
    endsAt: Date.parse(String(answer.expireTime)),
  };
}

/** The token of the other provider, from the file or URL that the credentials name. */
async function subjectToken(document: Document, path: string, context: WayContext): Promise<string> {
  const source = isObject(document.credential_source) ? document.credential_source : {};
  const { file, url, headers, format } = source;
  const text =
    typeof file === 'string'
      ? await readShort(file)
      : typeof url === 'string'
        ? await context.calls.text(
            { url, metadata: url.startsWith('http:'), ...(isStringMap(headers) ? { headers } : {}) },
            context,
          )
        : undefined;
  if (text === undefined)
    throw new OciError('UNSUPPORTED', `credential_source of ${path} has neither file nor url`);
  if (!isObject(format) || format.type !== 'json') return text.trim();
  const field = textOf(format, 'subject_token_field_name', path);
  return textOf(parseObject(text, 'the subject token'), field, 'the subject token');
}

async function buy(
  url: string,
  form: Readonly<Record<string, string>>,
  context: WayContext,
): Promise<GoogleToken> {
  const asked = context.now();
  const answer = await context.calls.json({ url, form }, context);
  const { expires_in: seconds } = answer;
  return {
    token: textOf(answer, 'access_token', `the answer of ${new URL(url).host}`),
    endsAt: asked + (typeof seconds === 'number' ? seconds : HOUR) * 1000,
  };
}

const encode = (data: string | Buffer): string => Buffer.from(data).toString('base64url');
