import { describeCredentials, type Credentials, type Keychain } from './keychain.js';

const HOST = 'ghcr.io';
/** The user name does not matter to GitHub, but there must be one. */
const ANY_USER = 'unset';

/** `GITHUB_TOKEN`, for ghcr.io only. */
export function githubKeychain(environment: Readonly<Record<string, string | undefined>>): Keychain {
  return {
    resolve({ registry }, { onFinding } = {}) {
      if (registry.toLowerCase() !== HOST) return Promise.resolve(undefined);
      const { GITHUB_TOKEN: token, GITHUB_ACTOR: actor } = environment;
      const found: Credentials | undefined = token
        ? { kind: 'password', username: actor || ANY_USER, password: token }
        : undefined;
      const about = found === undefined ? 'not set' : describeCredentials(found);
      onFinding?.({ place: 'GITHUB_TOKEN', outcome: found === undefined ? 'none' : 'found', about });
      return Promise.resolve(found);
    },
  };
}
