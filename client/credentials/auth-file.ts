import { readFile } from 'node:fs/promises';
import { OciError, isObject, isStringMap, parseJson } from '../../oci/index.js';
import { canonicalHost, type Credentials } from './keychain.js';

/** What a file of Docker or podman says about credentials. */
export interface AuthFile {
  readonly entries: readonly AuthEntry[];
  /** The program that keeps all credentials, without `docker-credential-`. */
  readonly credsStore?: string;
  /** Programs for single hosts or paths. */
  readonly credHelpers: readonly HelperEntry[];
}

/** One key of `auths`. */
export interface AuthEntry {
  /** As it stands in the file. */
  readonly key: string;
  /** `host[/path]`, as `placeOf` writes it. */
  readonly place: string;
  /** Undefined when a program keeps them. */
  readonly credentials?: Credentials;
}

/** One key of `credHelpers`. */
export interface HelperEntry {
  readonly key: string;
  readonly place: string;
  readonly helper: string;
}

/**
 * A key of such a file as `host[/path]`: without scheme, `/v1/` or `/v2/` at the end; Docker Hub's names are one.
 */
export function placeOf(key: string): string {
  const bare = key
    .replace(/^https?:\/\//i, '')
    .replace(/\/+$/, '')
    .replace(/\/v[12]$/, '');
  const slash = bare.indexOf('/');
  const host = canonicalHost(slash < 0 ? bare : bare.slice(0, slash));
  return slash < 0 ? host : `${host}${bare.slice(slash)}`;
}

/** The places that fit a target, the most exact first: each parent of the repository, then the host. */
export function placesFor(registry: string, repository: string | undefined): string[] {
  const host = canonicalHost(registry);
  const parts = repository === undefined ? [] : repository.split('/');
  const paths = parts.map((_, at) => parts.slice(0, parts.length - at).join('/'));
  return [...paths.map((path) => `${host}/${path}`), host];
}

/**
 * Reads a file of credentials; undefined when there is none.
 * @throws OciError `INVALID_OPTION`
 */
export async function readAuthFile(path: string): Promise<AuthFile | undefined> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new OciError('INVALID_OPTION', `${path} cannot be read: ${(cause as Error).message}`, { cause });
  }
  return parseAuthFile(bytes, path);
}

/**
 * Reads the text of such a file.
 * @param what what it is called in messages
 * @throws OciError `INVALID_OPTION`; its message shows nothing of what stands in the file
 */
export function parseAuthFile(bytes: Uint8Array, what: string): AuthFile {
  const file = parseDocument(bytes, what);
  const { auths = {}, credsStore, credHelpers = {} } = file;
  if (!isObject(auths)) throw invalid(what, 'auths is not an object');
  if (!isStringMap(credHelpers)) throw invalid(what, 'credHelpers is not a map of names');
  if (credsStore !== undefined && typeof credsStore !== 'string')
    throw invalid(what, 'credsStore is not a name');
  return {
    entries: Object.entries(auths).map(([key, entry]) => {
      const credentials = parseEntry(entry, what, key);
      return { key, place: placeOf(key), ...(credentials === undefined ? {} : { credentials }) };
    }),
    credHelpers: Object.entries(credHelpers).map(([key, helper]) => ({ key, place: placeOf(key), helper })),
    ...(credsStore === undefined || credsStore === '' ? {} : { credsStore }),
  };
}

/**
 * The whole document, unknown fields included; an empty file is an empty one.
 * @throws OciError `INVALID_OPTION`
 */
export function parseDocument(bytes: Uint8Array, what: string): Record<string, unknown> {
  if (bytes.byteLength === 0) return {};
  let document: unknown;
  try {
    document = parseJson(bytes, what, 'INVALID_OPTION');
  } catch {
    // What the parser says quotes the text, and the text is secret.
    throw invalid(what, 'it is not JSON');
  }
  if (!isObject(document)) throw invalid(what, 'it is not an object');
  return document;
}

function parseEntry(entry: unknown, what: string, key: string): Credentials | undefined {
  if (!isObject(entry)) throw invalid(what, `auths[${JSON.stringify(key)}] is not an object`);
  const text = (name: string): string => (typeof entry[name] === 'string' ? entry[name] : '');
  const [username, password] =
    text('auth') === '' ? [text('username'), text('password')] : split(text('auth'));
  if (username === undefined || password === undefined)
    throw invalid(what, `the auth of auths[${JSON.stringify(key)}] is not user:password in base64`);
  if (text('registrytoken') !== '') return { kind: 'token', token: text('registrytoken') };
  if (text('identitytoken') !== '')
    return { kind: 'identity', token: text('identitytoken'), ...(username === '' ? {} : { username }) };
  return username === '' && password === '' ? undefined : fromPair(username, password);
}

function split(auth: string): [string, string] | [] {
  // Docker ends some of them with a zero.
  const text = Buffer.from(auth, 'base64').toString('utf8').replace(/\0+$/, '');
  const colon = text.indexOf(':');
  return colon < 0 ? [] : [text.slice(0, colon), text.slice(colon + 1)];
}

/** A user and a secret; under the name `<token>` the secret is an identity token. */
export function fromPair(username: string, secret: string): Credentials {
  return username === '<token>'
    ? { kind: 'identity', token: secret }
    : { kind: 'password', username, password: secret };
}

function invalid(what: string, problem: string): OciError {
  return new OciError('INVALID_OPTION', `credentials in ${what} cannot be read: ${problem}`);
}
