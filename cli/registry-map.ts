import { isHost, isRepository, OciError, quote } from '../oci/index.js';

/** Where a repository is. */
export interface Place {
  readonly registry: string;
  readonly repository: string;
}

/**
 * Reads `--registry-map`: `FROM=TO[/PREFIX]`, several with `;` between them or in several options. All that a reference
 * says about the registry FROM is then meant for TO, with PREFIX before the repository; of several for one registry the
 * first counts.
 * @throws OciError `INVALID_OPTION`
 */
export function registryMap(rules: readonly string[] = []): (place: Place) => Place {
  const targets = new Map<string, Place>();
  for (const rule of rules.flatMap((text) => text.split(';')).filter((text) => text !== '')) {
    const { from, to } = parseRule(rule);
    if (!targets.has(from)) targets.set(from, to);
  }
  return (place) => {
    const to = targets.get(place.registry);
    if (to === undefined) return place;
    const { registry, repository: prefix } = to;
    return { registry, repository: prefix === '' ? place.repository : `${prefix}/${place.repository}` };
  };
}

function parseRule(rule: string): { from: string; to: Place } {
  const equals = rule.indexOf('=');
  const from = rule.slice(0, Math.max(0, equals));
  const target = rule.slice(equals + 1).replace(/\/+$/, '');
  const slash = target.indexOf('/');
  const registry = slash < 0 ? target : target.slice(0, slash);
  const prefix = slash < 0 ? '' : target.slice(slash + 1);
  if (isHost(from) && isHost(registry) && (prefix === '' || isRepository(prefix)))
    return { from: canonical(from), to: { registry: canonical(registry), repository: prefix } };
  throw new OciError(
    'INVALID_OPTION',
    `--registry-map ${quote(rule)} is not valid: expected registry=registry[/prefix], as gcr.io=mirror.example/gcr`,
  );
}

/** As references spell Docker Hub. */
const canonical = (host: string): string => (host === 'docker.io' ? 'index.docker.io' : host);
