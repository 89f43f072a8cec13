/** A cloud by the name that imgpkg has for its keychain. */
export type CloudName = 'aks' | 'ecr' | 'gke';

/** A registry of Amazon's. */
export interface EcrHost {
  /** Where its API is. */
  readonly region: string;
  readonly fips: boolean;
  /** `amazonaws.com`, or that of China. */
  readonly domain: string;
  /** True for `public.ecr.aws`, which has an API of its own. */
  readonly open: boolean;
}

const GOOGLE = /^(?:(?:[a-z0-9-]+\.)*gcr\.io|(?:[a-z0-9-]+\.)+(?:pkg\.dev|google\.com))$/;
const AZURE = /^[a-z0-9-]+(?:\.[a-z0-9-]+)*\.azurecr\.(?:io|cn|us|de)$/;
const ECR = /^\d{12}\.dkr\.ecr(-fips)?\.([a-z0-9-]+)\.(amazonaws\.com(?:\.cn)?)$/;

/** The cloud that a registry belongs to, by its whole host without a port; undefined for all others. */
export function cloudOf(registry: string): CloudName | undefined {
  const host = registry.toLowerCase();
  if (GOOGLE.test(host)) return 'gke';
  if (AZURE.test(host)) return 'aks';
  return ecrHost(host) === undefined ? undefined : 'ecr';
}

/** What the host of a registry of Amazon's says; undefined for all others. */
export function ecrHost(registry: string): EcrHost | undefined {
  const host = registry.toLowerCase();
  if (host === 'public.ecr.aws')
    return { region: 'us-east-1', fips: false, domain: 'amazonaws.com', open: true };
  const [, fips, region, domain] = ECR.exec(host) ?? [];
  if (region === undefined || domain === undefined) return undefined;
  return { region, fips: fips !== undefined, domain, open: false };
}
