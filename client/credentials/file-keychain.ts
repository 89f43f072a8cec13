import { OciError } from '../../oci/index.js';
import { parseAuthFile, placesFor, readAuthFile, type AuthFile } from './auth-file.js';
import { helperGet, type HelperOptions } from './helper.js';
import { describeCredentials, type Credentials, type Keychain, type ResolveOptions } from './keychain.js';

/** The name helpers know Docker Hub by. */
export const HUB_SERVER = 'https://index.docker.io/v1/';
const HUB_PLACE = 'index.docker.io';

/** How a file of credentials is read. */
export interface FileKeychainOptions extends Pick<HelperOptions, 'environment'> {
  /** True: it is an error when there is no such file. Default false. */
  readonly required?: boolean;
}

/**
 * The credentials of Docker's `config.json` or podman's `auth.json`. It is read at each
 * search. Keys may be paths, of which the longest that fits wins; hosts match whole. At each place a program that is
 * named for it is asked first, then the program for all, then what the file itself says.
 */
export function fileKeychain(path: string, options: FileKeychainOptions = {}): Keychain {
  return {
    async resolve({ registry, repository }, { onFinding, ...rest } = {}) {
      const file = await readAuthFile(path);
      if (file === undefined) {
        if (options.required === true)
          throw new OciError('INVALID_OPTION', `credentials cannot be read: there is no file ${path}`);
        onFinding?.({ place: path, outcome: 'none', about: 'no such file' });
        return undefined;
      }
      const search = { file, path, places: placesFor(registry, repository) };
      return await searchFile(search, { ...options, ...rest, ...(onFinding && { onFinding }) });
    },
  };
}

/** The same for text in a variable, such as `DOCKER_AUTH_CONFIG`. */
export function textKeychain(text: string, name: string, options: FileKeychainOptions = {}): Keychain {
  return {
    async resolve({ registry, repository }, rest = {}) {
      const file = parseAuthFile(Buffer.from(text), name);
      return await searchFile(
        { file, path: name, places: placesFor(registry, repository) },
        { ...options, ...rest },
      );
    },
  };
}

interface Search {
  readonly file: AuthFile;
  readonly path: string;
  /** The most exact first. */
  readonly places: readonly string[];
}

async function searchFile(
  { file, path, places }: Search,
  options: FileKeychainOptions & ResolveOptions,
): Promise<Credentials | undefined> {
  const { onFinding } = options;
  const host = places.at(-1);
  for (const place of places) {
    const entries = file.entries.filter((entry) => entry.place === place);
    const own = file.credHelpers.find((entry) => entry.place === place)?.helper;
    // The program for all keeps what `auths` only names, and all hosts.
    const helper = own ?? (entries.length > 0 || place === host ? file.credsStore : undefined);
    if (helper !== undefined) {
      const server = serverOf(place);
      const found = await helperGet(helper, server, { ...options, namedBy: path });
      onFinding?.({
        place: `${path}: docker-credential-${helper}`,
        outcome: found === undefined ? 'none' : 'found',
        about: found === undefined ? `nothing for ${server}` : `${describeCredentials(found)} for ${server}`,
      });
      if (found !== undefined) return found;
    }
    const entry = entries.find(({ credentials }) => credentials !== undefined);
    if (entry?.credentials === undefined) continue;
    const about = describeCredentials(entry.credentials);
    onFinding?.({ place: `${path}: auths[${JSON.stringify(entry.key)}]`, outcome: 'found', about });
    return entry.credentials;
  }
  onFinding?.({ place: path, outcome: 'none', about: `no entry for ${places.join(', ')}` });
  return undefined;
}

/** What helpers call a place. */
export function serverOf(place: string): string {
  return place === HUB_PLACE ? HUB_SERVER : place;
}
