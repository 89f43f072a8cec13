import type { Target } from '../client/index.js';
import { isHost, isRepository, OciError, quote } from '../oci/index.js';

/**
 * Reads `host[:port][/path]`, what credentials are kept for; a scheme and `/v1/` or `/v2/` are left out, as Docker's
 * files have them.
 * @throws OciError `REFERENCE_INVALID`
 */
export async function parseTarget(text: string): Promise<Target> {
  const { placeOf } = await import('../client/credentials/auth-file.js');
  const place = placeOf(text);
  const slash = place.indexOf('/');
  const registry = slash < 0 ? place : place.slice(0, slash);
  const repository = slash < 0 ? undefined : place.slice(slash + 1);
  if (!isHost(registry) || (repository !== undefined && !isRepository(repository)))
    throw new OciError(
      'REFERENCE_INVALID',
      `registry ${quote(text)} is not valid: expected host[:port], as registry.example:5000, perhaps with /path`,
    );
  return { registry, ...(repository === undefined ? {} : { repository }) };
}

/** The inverse. */
export const formatTarget = ({ registry, repository }: Target): string =>
  repository === undefined ? registry : `${registry}/${repository}`;
