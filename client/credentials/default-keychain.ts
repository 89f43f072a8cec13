import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileKeychain, textKeychain } from './file-keychain.js';
import { githubKeychain } from './github.js';
import { imgpkgEnvironment } from './imgpkg-environment.js';
import { chain, type Keychain } from './keychain.js';

/** Where the machine keeps credentials. */
export interface Places {
  /** Default `process.env`. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Default the home folder of this user. */
  readonly home?: string;
}

/** Docker's own file: the one `login` writes by default. */
export function dockerConfigPath({ environment = process.env, home = homedir() }: Places = {}): string {
  return join(environment.DOCKER_CONFIG || join(home, '.docker'), 'config.json');
}

/**
 * The files that may hold credentials, in the order in which they are searched: Docker's, `REGISTRY_AUTH_FILE`, podman's
 * for this session, podman's for good.
 */
export function authFilePaths(places: Places = {}): string[] {
  const { environment = process.env, home = homedir() } = places;
  const { REGISTRY_AUTH_FILE, XDG_RUNTIME_DIR, XDG_CONFIG_HOME } = environment;
  const podman = (folder: string): string => join(folder, 'containers', 'auth.json');
  return [
    dockerConfigPath(places),
    ...(REGISTRY_AUTH_FILE ? [REGISTRY_AUTH_FILE] : []),
    ...(XDG_RUNTIME_DIR ? [podman(XDG_RUNTIME_DIR)] : []),
    podman(XDG_CONFIG_HOME || join(home, '.config')),
  ];
}

/**
 * Everything a machine may have: imgpkg's variables, `DOCKER_AUTH_CONFIG`, each file of `authFilePaths`, and
 * `GITHUB_TOKEN`. The first that has something for a target decides; unlike in the peers, a file that has nothing for
 * it does not end the search.
 */
export function defaultKeychain(places: Places = {}): Keychain {
  const { environment = process.env } = places;
  const { DOCKER_AUTH_CONFIG } = environment;
  return chain(
    imgpkgEnvironment(environment),
    ...(DOCKER_AUTH_CONFIG ? [textKeychain(DOCKER_AUTH_CONFIG, 'DOCKER_AUTH_CONFIG', { environment })] : []),
    ...authFilePaths(places).map((path) => fileKeychain(path, { environment })),
    githubKeychain(environment),
  );
}
