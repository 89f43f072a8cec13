import { homedir } from 'node:os';
import { join } from 'node:path';
import { activeKeychains, chainFor } from './chain-for.js';
import type { CloudOptions } from './cloud/calls.js';
import { cloudKeychain } from './cloud/cloud-keychain.js';
import { dockerConfigPath, type Places } from './docker-config-path.js';
import { fileKeychain, textKeychain } from './file-keychain.js';
import { githubKeychain } from './github.js';
import { imgpkgEnvironment } from './imgpkg-environment.js';
import { chain, staticKeychain, type Credentials, type Keychain } from './keychain.js';

/** What a person says about credentials besides what the machine has. */
export interface KeychainOptions extends CloudOptions {
  /**
   * Credentials for every registry, or `none` for nobody's. Only what is meant for single hosts, imgpkg's variables and
   * the keychains that were switched on, comes before them, and nothing after.
   */
  readonly given?: Credentials | 'none';
  /** The registries that given credentials are for, `host` or `host:port`. Default all. */
  readonly givenFor?: readonly string[];
  /** The only place to look in besides, a file that must be there. Default those of `authFilePaths` and the rest. */
  readonly authFile?: string;
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
 * Everything a machine may have: imgpkg's variables, the keychains that `IMGPKG_ACTIVE_KEYCHAINS` names, then what is
 * given, or else `DOCKER_AUTH_CONFIG`, each file of `authFilePaths`, `GITHUB_TOKEN`, and the cloud that the registry
 * belongs to unless `IMGPKG_ACTIVE_KEYCHAINS` says which. The first that has something for a target decides; unlike in
 * the peers, a file that has nothing for it does not end the search.
 * @throws OciError `INVALID_OPTION` for an unknown name in `IMGPKG_ACTIVE_KEYCHAINS`
 */
export function defaultKeychain(options: KeychainOptions = {}): Keychain {
  const { environment = process.env, given, givenFor, onWarning } = options;
  if (environment['IMGPKG_ENABLE_IAAS_AUTH'] !== undefined)
    onWarning?.(
      'IMGPKG_ENABLE_IAAS_AUTH is deprecated: name the keychains in IMGPKG_ACTIVE_KEYCHAINS, as gke,aks,ecr,github',
    );
  return chain(
    imgpkgEnvironment(environment, options),
    chainFor(activeKeychains(environment) ?? [], options),
    ...(given === undefined
      ? ofMachine(options)
      : given === 'none'
        ? []
        : [
            staticKeychain(given, {
              ...(givenFor && { registries: givenFor }),
              place: `given for ${givenFor?.join(', ') ?? 'every registry'}`,
            }),
          ]),
  );
}

function ofMachine(options: KeychainOptions): Keychain[] {
  const { environment = process.env, authFile } = options;
  const { DOCKER_AUTH_CONFIG } = environment;
  if (authFile !== undefined) return [fileKeychain(authFile, { environment, required: true })];
  return [
    ...(DOCKER_AUTH_CONFIG ? [textKeychain(DOCKER_AUTH_CONFIG, 'DOCKER_AUTH_CONFIG', { environment })] : []),
    ...authFilePaths(options).map((path) => fileKeychain(path, { environment })),
    githubKeychain(environment),
    ...(activeKeychains(environment) === undefined ? [cloudKeychain(undefined, options)] : []),
  ];
}
