import { OciError, quote } from '../../oci/index.js';
import type { CloudOptions } from './cloud/calls.js';
import { cloudKeychain } from './cloud/cloud-keychain.js';
import { githubKeychain } from './github.js';
import { imgpkgEnvironment } from './imgpkg-environment.js';
import { chain, type Keychain, type ResolveOptions, type Target } from './keychain.js';

/** The keychains that can be switched on by name; imgpkg's four, and two of ours. */
export const KEYCHAIN_NAMES = ['gke', 'aks', 'ecr', 'github', 'env', 'k8s'] as const;

/** One of them. */
export type KeychainName = (typeof KEYCHAIN_NAMES)[number];

/**
 * Keychains by name, one after another: `gke`, `aks` and `ecr` for the clouds, `github` for `GITHUB_TOKEN`, `env` for
 * imgpkg's variables, `k8s` for the pull secrets of the cluster that this runs in.
 * @throws OciError `INVALID_OPTION` for another name
 */
export function chainFor(names: readonly string[], options: CloudOptions = {}): Keychain {
  return chain(...names.map((name) => keychainOf(checkName(name), options)));
}

/**
 * The keychains that `IMGPKG_ACTIVE_KEYCHAINS` names, or all of imgpkg's four for the older `IMGPKG_ENABLE_IAAS_AUTH`;
 * undefined when neither is set.
 */
export function activeKeychains(
  environment: Readonly<Record<string, string | undefined>>,
): readonly string[] | undefined {
  const { IMGPKG_ACTIVE_KEYCHAINS: names, IMGPKG_ENABLE_IAAS_AUTH: all } = environment;
  if (names) return names.split(',').map((name) => name.trim());
  return all === 'true' ? KEYCHAIN_NAMES.slice(0, 4) : undefined;
}

function checkName(name: string): KeychainName {
  const known = KEYCHAIN_NAMES.find((candidate) => candidate === name);
  if (known !== undefined) return known;
  throw new OciError(
    'INVALID_OPTION',
    `keychain ${quote(name)} is not known: expected one of ${KEYCHAIN_NAMES.join(', ')}`,
  );
}

function keychainOf(name: KeychainName, options: CloudOptions): Keychain {
  const { environment = process.env } = options;
  if (name === 'env') return imgpkgEnvironment(environment, options);
  if (name === 'github') return githubKeychain(environment);
  return name === 'k8s' ? lazyKubernetes(options) : cloudKeychain([name], options);
}

/** Loaded with the first search. */
function lazyKubernetes({ environment, onWarning }: CloudOptions): Keychain {
  let inner: Promise<Keychain> | undefined;
  return {
    async resolve(target: Target, options: ResolveOptions = {}) {
      inner ??= import('./kubernetes.js').then(({ kubernetesKeychain }) =>
        kubernetesKeychain({ ...(environment && { environment }), ...(onWarning && { onWarning }) }),
      );
      return await (await inner).resolve(target, options);
    },
  };
}
