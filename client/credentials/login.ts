import { randomUUID } from 'node:crypto';
import { chmod, mkdir, open, readFile, realpath, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { OciError, isObject, type CallOptions } from '../../oci/index.js';
import { parseAuthFile, parseDocument, placeOf, type AuthFile } from './auth-file.js';
import { serverOf } from './file-keychain.js';
import { helperErase, helperStore, type HelperOptions } from './helper.js';
import type { Credentials } from './keychain.js';

/** Where credentials are kept. */
export interface LoginOptions extends CallOptions, Pick<HelperOptions, 'environment'> {
  /** The file; it and its folder are made when they are not there. */
  readonly file: string;
}

/** What `login` and `logout` changed. */
export interface LoginOutcome {
  /** The program that keeps the credentials; undefined when the file itself does. */
  readonly helper?: string;
}

/**
 * Keeps credentials: with the program that the file names for this host, else in the file itself, base64 but in the
 * clear, for this user only (mode 0600). The file is replaced in one step, and what else stands in it stays.
 * @param place `host[:port]`, with a path when they are for a part of the registry only
 * @throws OciError `INVALID_OPTION` for a file that cannot be read, a program that fails, or credentials it cannot keep
 */
export async function login(
  place: string,
  credentials: Credentials,
  options: LoginOptions,
): Promise<LoginOutcome> {
  const { document, parsed } = await load(options.file);
  const key = serverOf(placeOf(place));
  const helper = helperFor(parsed, place);
  if (helper !== undefined) {
    await helperStore(helper, key, secretOf(credentials), { ...options, namedBy: options.file });
    await save(options.file, withEntry(document, key, {}));
    return { helper };
  }
  await save(options.file, withEntry(document, key, entryOf(credentials)));
  return {};
}

/**
 * Forgets the credentials of a place, in the file and in the program that it names.
 * @returns `removed`: whether the file named the place
 * @throws OciError `INVALID_OPTION`
 */
export async function logout(
  place: string,
  options: LoginOptions,
): Promise<LoginOutcome & { readonly removed: boolean }> {
  const { document, parsed } = await load(options.file);
  const wanted = placeOf(place);
  const helper = helperFor(parsed, place);
  if (helper !== undefined)
    await helperErase(helper, serverOf(wanted), { ...options, namedBy: options.file });
  const keys = parsed.entries.filter((entry) => entry.place === wanted).map(({ key }) => key);
  if (keys.length > 0) {
    const auths = Object.entries(authsOf(document)).filter(([key]) => !keys.includes(key));
    await save(options.file, { ...document, auths: Object.fromEntries(auths) });
  }
  return { removed: keys.length > 0, ...(helper === undefined ? {} : { helper }) };
}

interface Loaded {
  readonly document: Record<string, unknown>;
  readonly parsed: AuthFile;
}

async function load(path: string): Promise<Loaded> {
  let bytes: Uint8Array = new Uint8Array();
  try {
    bytes = await readFile(path);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT')
      throw new OciError('INVALID_OPTION', `${path} cannot be read: ${(cause as Error).message}`, { cause });
  }
  return { document: parseDocument(bytes, path), parsed: parseAuthFile(bytes, path) };
}

function helperFor(file: AuthFile, place: string): string | undefined {
  const wanted = placeOf(place);
  return file.credHelpers.find((entry) => entry.place === wanted)?.helper ?? file.credsStore;
}

function secretOf(credentials: Credentials): { username: string; secret: string } {
  if (credentials.kind === 'password')
    return { username: credentials.username, secret: credentials.password };
  if (credentials.kind === 'identity') return { username: '<token>', secret: credentials.token };
  throw new OciError('INVALID_OPTION', 'a registry token cannot be kept by a credential helper');
}

function entryOf(credentials: Credentials): Record<string, string> {
  const encoded = (user: string, secret: string): string =>
    Buffer.from(`${user}:${secret}`).toString('base64');
  if (credentials.kind === 'token') return { registrytoken: credentials.token };
  if (credentials.kind === 'password') return { auth: encoded(credentials.username, credentials.password) };
  return {
    auth: encoded(credentials.username ?? '', ''),
    identitytoken: credentials.token,
  };
}

const authsOf = ({ auths }: Record<string, unknown>): Record<string, unknown> =>
  isObject(auths) ? auths : {};

function withEntry(document: Record<string, unknown>, key: string, entry: object): Record<string, unknown> {
  const place = placeOf(key);
  // Other spellings of the same place would keep what was there before.
  const others = Object.entries(authsOf(document)).filter(([other]) => placeOf(other) !== place);
  return { ...document, auths: { ...Object.fromEntries(others), [key]: entry } };
}

/** Replaces a file in one step; where it is a link, what it leads to. */
async function save(path: string, document: Record<string, unknown>): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const target = await realpath(path).catch(() => path);
  const draft = `${target}.${randomUUID()}.tmp`;
  try {
    const file = await open(draft, 'wx', 0o600);
    try {
      await file.writeFile(`${JSON.stringify(document, undefined, '\t')}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    // Whatever the umask took away or an old file allowed.
    await chmod(draft, 0o600);
    await rename(draft, target);
  } catch (cause) {
    await rm(draft, { force: true });
    throw new OciError('INVALID_OPTION', `${path} cannot be written: ${(cause as Error).message}`, { cause });
  }
}
