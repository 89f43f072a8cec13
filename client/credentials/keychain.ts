import type { CallOptions } from '../../oci/index.js';

/** What proves who is asking. */
export type Credentials = (
  | { readonly kind: 'password'; readonly username: string; readonly password: string }
  /** An OAuth2 refresh token: it buys tokens from the registry's token endpoint. */
  | { readonly kind: 'identity'; readonly token: string; readonly username?: string }
  /** A bearer token for the registry itself, sent as it is. */
  | { readonly kind: 'token'; readonly token: string }
) & {
  /** When to ask the keychain again, in milliseconds since the epoch. Default: not in this process. */
  readonly expiresAt?: number;
};

/** What credentials are for. */
export interface Target {
  /** `host[:port]`, as references spell it. */
  readonly registry: string;
  readonly repository?: string;
}

/** One place that was looked at. */
export interface Finding {
  /** A file, a variable, a program. */
  readonly place: string;
  /** `none`: it has nothing for the target; `failed`: it could not be asked; `found` ends the search. */
  readonly outcome: 'failed' | 'found' | 'none';
  /** What was found or why nothing was, with nothing secret in it. */
  readonly about: string;
}

/** How a search goes on. */
export interface ResolveOptions extends CallOptions {
  /** Told of each place that is looked at, in order. */
  readonly onFinding?: (finding: Finding) => void;
}

/** Finds credentials. */
export interface Keychain {
  /**
   * The credentials for a target; undefined when there are none, which is no error.
   * @throws OciError `INVALID_OPTION` for a place that cannot be read or understood
   */
  resolve(target: Target, options?: ResolveOptions): Promise<Credentials | undefined>;
}

/** Nobody's. */
export const anonymous: Keychain = { resolve: () => Promise.resolve(undefined) };

/** Keychains one after another; the first that has something decides, and one that fails ends the search. */
export function chain(...keychains: readonly Keychain[]): Keychain {
  return {
    async resolve(target, options = {}) {
      for (const keychain of keychains) {
        options.signal?.throwIfAborted();
        const found = await keychain.resolve(target, options);
        if (found !== undefined) return found;
      }
      return undefined;
    },
  };
}

/**
 * The same credentials for every registry, or only for those named.
 * @param place what `explain` calls them, as `--registry-username`
 */
export function staticKeychain(
  credentials: Credentials,
  {
    registries,
    place = 'given credentials',
  }: { readonly registries?: readonly string[]; readonly place?: string } = {},
): Keychain {
  return {
    resolve({ registry }, { onFinding } = {}) {
      const fits = registries === undefined || registries.some((host) => sameHost(host, registry));
      onFinding?.({
        place,
        outcome: fits ? 'found' : 'none',
        about: fits ? describeCredentials(credentials) : `not for ${registry}`,
      });
      return Promise.resolve(fits ? credentials : undefined);
    },
  };
}

/** What a search looked at, and what it ended with. */
export interface Explanation {
  readonly findings: readonly Finding[];
  readonly credentials?: Credentials;
}

/**
 * Searches as for a request, and tells where.
 * @throws what the keychain throws
 */
export async function explain(
  keychain: Keychain,
  target: Target,
  options: CallOptions = {},
): Promise<Explanation> {
  const findings: Finding[] = [];
  const credentials = await keychain.resolve(target, {
    ...options,
    onFinding: (finding) => findings.push(finding),
  });
  return { findings, ...(credentials === undefined ? {} : { credentials }) };
}

/** Credentials without their secret: `user alice`. */
export function describeCredentials(credentials: Credentials): string {
  if (credentials.kind === 'password') return `user ${credentials.username}`;
  if (credentials.kind === 'token') return 'a registry token';
  return credentials.username === undefined
    ? 'an identity token'
    : `an identity token of ${credentials.username}`;
}

/** True for the same host and port; never for a part of one. */
export function sameHost(one: string, other: string): boolean {
  return canonicalHost(one) === canonicalHost(other);
}

const HUB = 'index.docker.io';
const HUB_NAMES: ReadonlySet<string> = new Set([
  'docker.io',
  HUB,
  'registry-1.docker.io',
  'registry.hub.docker.com',
]);

/** The host in lower case; Docker Hub's several names are one. */
export function canonicalHost(host: string): string {
  const lower = host.toLowerCase();
  return HUB_NAMES.has(lower) ? HUB : lower;
}
