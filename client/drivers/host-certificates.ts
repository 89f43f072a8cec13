import { readFile, readdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { OciError } from '../../oci/index.js';
import type { Places } from '../credentials/docker-config-path.js';
import type { TlsTrust, TrustByHost } from './tls-trust.js';

/**
 * Folders in which this machine keeps certificates by host, the most personal first: podman's for this user, podman's,
 * Docker's.
 */
export function certificateFolders({ environment = process.env, home = homedir() }: Places = {}): string[] {
  return [
    join(environment.XDG_CONFIG_HOME || join(home, '.config'), 'containers', 'certs.d'),
    '/etc/containers/certs.d',
    '/etc/docker/certs.d',
  ];
}

/**
 * Certificates as Docker and podman keep them: in the first of the folders that has a folder `<host>[:<port>]`, each
 * `*.crt` is an authority, `*.cert` with the `*.key` of the same name our own certificate.
 * @param given for every host: authorities besides, and what is used instead of a certificate of ours in a folder
 * @returns what throws OciError `INVALID_OPTION` for a file that cannot be read, or a pair of which one is missing
 */
export function hostCertificates(
  folders: readonly string[] = certificateFolders(),
  given: TlsTrust = {},
): TrustByHost {
  return async (host) => {
    const found = await firstOf(folders, namesOf(host));
    if (found === undefined) return given;
    const ca = [...(found.ca ?? []), ...[given.ca ?? []].flat()];
    return { ...found, ...given, ...(ca.length === 0 ? {} : { ca }) };
  };
}

interface FoundTrust extends TlsTrust {
  readonly ca?: readonly string[];
}

/** The port of HTTPS may be written or not. */
function namesOf(host: string): string[] {
  const hasPort = /:\d+$/.test(host);
  return hasPort ? [host] : [host, `${host}:443`];
}

async function firstOf(
  folders: readonly string[],
  names: readonly string[],
): Promise<FoundTrust | undefined> {
  for (const path of folders.flatMap((folder) => names.map((name) => join(folder, name)))) {
    const files = await list(path);
    if (files !== undefined) return await readTrust(path, files);
  }
  return undefined;
}

/** The files of a folder; undefined when there is none. */
async function list(path: string): Promise<string[] | undefined> {
  try {
    return (await readdir(path)).toSorted();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw unreadable(path, error);
  }
}

async function readTrust(folder: string, files: readonly string[]): Promise<FoundTrust> {
  const read = async (name: string): Promise<string> => {
    const path = join(folder, name);
    return await readFile(path, 'utf8').catch((error: unknown) => {
      throw unreadable(path, error);
    });
  };
  const ending = (suffix: string): string[] => files.filter((name) => name.endsWith(suffix));
  const ca = await Promise.all(ending('.crt').map(read));
  for (const [one, other] of [
    ['.cert', '.key'],
    ['.key', '.cert'],
  ] as const)
    for (const name of ending(one)) {
      const wanted = `${name.slice(0, -one.length)}${other}`;
      if (!files.includes(wanted))
        throw new OciError('INVALID_OPTION', `${join(folder, name)} needs ${wanted} beside it`);
    }
  const [pair] = ending('.cert');
  return {
    ...(ca.length === 0 ? {} : { ca }),
    ...(pair === undefined ? {} : { cert: await read(pair), key: await read(pair.replace(/cert$/, 'key')) }),
  };
}

function unreadable(path: string, cause: unknown): OciError {
  return new OciError('INVALID_OPTION', `${path} cannot be read: ${(cause as Error).message}`, { cause });
}
