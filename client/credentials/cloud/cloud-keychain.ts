import { homedir } from 'node:os';
import { Flights } from '../../auth/flights.js';
import type { Keychain } from '../keychain.js';
import type { CloudOptions } from './calls.js';
import { cloudOf, type CloudName } from './hosts.js';
import type { Outcome, Way } from './ways.js';

/** Each cloud's code is loaded when a registry of its own is met. */
const LOAD: Readonly<Record<CloudName, () => Promise<(registry: string) => readonly Way[]>>> = {
  gke: async () => (await import('./google.js')).googleWays,
  ecr: async () => (await import('./aws.js')).awsWays,
  aks: async () => (await import('./azure.js')).azureWays,
};

/**
 * The credentials that the machine has in the clouds whose registries are met: Google's `gcr.io`, `*.gcr.io`,
 * `*.pkg.dev` and `*.google.com`, Amazon's `*.dkr.ecr.*.amazonaws.com` and `public.ecr.aws`, Microsoft's `*.azurecr.*`.
 * Other registries cost nothing. What fails is told as a finding, and leads on to the next way; each registry is
 * searched for once, and again when what was found has ended.
 * @param names which clouds. Default all
 */
export function cloudKeychain(
  names: readonly CloudName[] = ['gke', 'ecr', 'aks'],
  options: CloudOptions = {},
): Keychain {
  const { environment = process.env, home = homedir(), now = Date.now } = options;
  const known = new Map<string, Outcome>();
  const searches = new Flights<Outcome>();
  const search = async (cloud: CloudName, registry: string, signal: AbortSignal): Promise<Outcome> => {
    const [{ tryWays }, ways] = await Promise.all([import('./ways.js'), LOAD[cloud]()]);
    const outcome = await tryWays(ways(registry), { ...options, environment, home }, { signal });
    known.set(registry, outcome);
    return outcome;
  };
  return {
    async resolve({ registry }, { signal, onFinding } = {}) {
      const cloud = cloudOf(registry);
      if (cloud === undefined || !names.includes(cloud)) return undefined;
      const host = registry.toLowerCase();
      const before = known.get(host);
      const good = (before?.credentials?.expiresAt ?? Number.POSITIVE_INFINITY) > now();
      const outcome =
        before !== undefined && good
          ? before
          : await searches.join(host, (all) => search(cloud, host, all), signal);
      for (const finding of outcome.findings) onFinding?.(finding);
      return outcome.credentials;
    },
  };
}
