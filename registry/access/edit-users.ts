import { randomBytes } from 'node:crypto';
import { chown, open, readFile, realpath, rename, rm, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { OciError } from '../../oci/index.js';
import { checkUserName, parseHtpasswd, userOfLine } from './htpasswd.js';

/** bcrypt reads no more of a password than this many bytes. */
const PASSWORD_LIMIT = 72;

/** bcrypt's work factor; one step doubles the time. Ten takes some 50 ms. */
const DEFAULT_COST = 10;

/**
 * Writes a user with a password into an htpasswd file, which is made when it is not there. Everything else in the file
 * stays; the new one replaces it in one step and is readable by its owner only.
 * @returns whether the user is new, or has a new password
 * @throws OciError `INVALID_OPTION` for a name or password that cannot be used, or a file that is not valid
 */
export async function addUser(
  path: string,
  name: string,
  password: string,
  options: { readonly cost?: number } = {},
): Promise<'added' | 'changed'> {
  checkUserName(name);
  const { cost = DEFAULT_COST } = options;
  if (!Number.isInteger(cost) || cost < 4 || cost > 31)
    throw new OciError('INVALID_OPTION', `bcrypt cost is ${cost}, expected a number from 4 to 31`);
  checkPassword(password);
  const { hash } = await import('@node-rs/bcrypt');
  const line = `${name}:${await hash(password, cost)}`;
  return await edit(path, (lines) => {
    const at = lines.findIndex((old) => userOfLine(old) === name);
    return at < 0
      ? { lines: [...lines, line], result: 'added' }
      : { lines: lines.with(at, line), result: 'changed' };
  });
}

/**
 * Removes a user from an htpasswd file.
 * @returns false when there is no such user, and the file is left alone
 * @throws OciError `INVALID_OPTION` when the file is not valid
 */
export async function removeUser(path: string, name: string): Promise<boolean> {
  return await edit(path, (lines) => {
    const rest = lines.filter((line) => userOfLine(line) !== name);
    return rest.length === lines.length ? { result: false } : { lines: rest, result: true };
  });
}

function checkPassword(password: string): void {
  const length = Buffer.byteLength(password);
  if (length === 0) throw new OciError('INVALID_OPTION', 'the password is empty');
  if (length > PASSWORD_LIMIT) {
    throw new OciError(
      'INVALID_OPTION',
      `the password has ${length} bytes, and bcrypt reads ${PASSWORD_LIMIT}: choose a shorter one`,
    );
  }
  if (/\p{Cc}/u.test(password))
    throw new OciError('INVALID_OPTION', 'the password has a control character, which no client sends');
}

/** The last change of each file, so that of two changes in this process none gets lost. */
const changes = new Map<string, Promise<unknown>>();

/** Changes the lines of a file, one change after another. Without lines in the answer the file is left alone. */
async function edit<T>(
  path: string,
  change: (lines: readonly string[]) => { readonly lines?: readonly string[]; readonly result: T },
): Promise<T> {
  const place = await realpath(path).catch(() => resolve(path));
  const run = async (): Promise<T> => {
    const text = await read(place);
    parseHtpasswd(text, path);
    const { lines, result } = change(text === '' ? [] : text.replace(/\r?\n$/, '').split(/\r?\n/));
    if (lines !== undefined) await replace(place, lines.map((line) => `${line}\n`).join(''));
    return result;
  };
  const mine = (changes.get(place) ?? Promise.resolve()).then(run, run);
  changes.set(place, mine);
  try {
    return await mine;
  } finally {
    if (changes.get(place) === mine) changes.delete(place);
  }
}

async function read(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw failed(path, cause);
  }
}

/** Puts a new file, synced and readable by its owner only, in the place of the old one. */
async function replace(path: string, text: string): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    const file = await open(temporary, 'wx', 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await keepOwner(path, temporary);
    await rename(temporary, path);
  } catch (cause) {
    await rm(temporary, { force: true });
    throw failed(path, cause);
  }
  if (process.platform === 'win32') return;
  const folder = await open(dirname(path), 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** When root changes the file of a service, the service must still be able to read it. */
async function keepOwner(path: string, temporary: string): Promise<void> {
  const old = await stat(path).catch(() => undefined);
  if (old !== undefined && process.getuid?.() === 0) await chown(temporary, old.uid, old.gid);
}

const failed = (path: string, cause: unknown): OciError =>
  new OciError('INVALID_OPTION', `htpasswd file ${path} cannot be changed: ${(cause as Error).message}`, {
    cause,
  });
