import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { OciError } from '../../oci/index.js';
import { dirname, join } from 'node:path';

/** A place with a short path, for when that of this user has a long one. */
const SHORT = '/tmp';

/** Longest path of a socket, in bytes: systems allow from 103 on. */
const PATH_LIMIT = 100;

/** Names in a data folder. */
const SOCKET = 'control.sock';
const POINTER = 'control.path';

/** Where the server of a data folder listens; the folder itself may have too long a path. */
export async function controlPath(folder: string): Promise<string> {
  try {
    return (await readFile(join(folder, POINTER), 'utf8')).trim();
  } catch {
    return join(folder, SOCKET);
  }
}

/**
 * Makes a place for the socket of a data folder that this process owns; what an earlier owner left is removed.
 * @returns its path, and what removes it
 * @throws OciError `INVALID_OPTION` when every place has too long a path
 */
export async function placeControl(
  folder: string,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Promise<{ readonly path: string; remove(): Promise<void> }> {
  const pointer = join(folder, POINTER);
  const inside = join(folder, SOCKET);
  await removeSocket(folder);
  if (Buffer.byteLength(inside) <= PATH_LIMIT) {
    return { path: inside, remove: () => rm(inside, { force: true }) };
  }
  const name = `ocilot-${randomBytes(6).toString('hex')}`;
  const places = [env['XDG_RUNTIME_DIR'] || tmpdir(), SHORT].map((runtime) => join(runtime, name));
  const place = places.find((path) => Buffer.byteLength(join(path, SOCKET)) <= PATH_LIMIT);
  if (place === undefined)
    throw new OciError(
      'INVALID_OPTION',
      `no place with a path short enough for a socket: ${places.join(', ')}`,
    );
  // Nobody else may come in, or have been there before.
  await mkdir(place, { mode: 0o700 });
  const path = join(place, SOCKET);
  await writeFile(pointer, path, { mode: 0o600 });
  return { path, remove: () => removeSocket(folder) };
}

/** Removes a socket, and the place that was made for it. */
async function removeSocket(folder: string): Promise<void> {
  const path = await controlPath(folder);
  await rm(path, { force: true });
  const place = dirname(path);
  if (/\/ocilot-[\da-f]{12}$/.test(place) && place !== folder)
    await rm(place, { recursive: true, force: true });
  await rm(join(folder, POINTER), { force: true });
}
