import { OciError, isHost, isRepository, quote } from '../../oci/index.js';
import { canonicalHost } from '../credentials/keychain.js';

/** Where content of a registry, or of a part of one, is to be had. */
export interface RegistryRule {
  /** `host[:port][/path]` as references begin, or `*.domain`. The longest that fits a reference counts. */
  readonly prefix: string;
  /** What stands in place of the prefix. Default the prefix itself. */
  readonly location?: string;
  /** True: plain HTTP and any certificate will do. Default false. */
  readonly insecure?: boolean;
  /** True: nothing is asked of it. Default false. */
  readonly blocked?: boolean;
  /** Asked before the location, in order, when somebody reads manifests and blobs. */
  readonly mirrors?: readonly Mirror[];
}

/** A place that has copies. */
export interface Mirror {
  /** What stands in place of the prefix. */
  readonly location: string;
  readonly insecure?: boolean;
  /** Manifests that it is asked for. Default `all`; blobs it is always asked for. */
  readonly pull?: 'all' | 'digest-only' | 'tag-only';
}

/** A repository of a registry. */
export interface Place {
  readonly registry: string;
  readonly repository: string;
}

/**
 * Reads maps of registries as `--registry-map` takes them: `FROM=TO[/PATH]`, several with `;` between them. All TO of one
 * FROM are mirrors of it, in order.
 * @throws OciError `INVALID_OPTION`
 */
export function registryMaps(texts: readonly string[]): RegistryRule[] {
  const mirrors = new Map<string, Mirror[]>();
  for (const text of texts.flatMap((list) => list.split(';')).filter((one) => one !== '')) {
    const [, from = '', to = ''] = /^([^=]+)=([^=]+)$/.exec(text) ?? [];
    const prefix = parsePrefix(from);
    const location = parsePrefix(to);
    if (prefix === undefined || location === undefined || prefix.startsWith('*'))
      throw new OciError(
        'INVALID_OPTION',
        `registry map ${quote(text)} is not valid: expected registry=registry[/path], as docker.io=127.0.0.1:5000`,
      );
    mirrors.set(prefix, [...(mirrors.get(prefix) ?? []), { location }]);
  }
  return [...mirrors].map(([prefix, places]) => ({ prefix, mirrors: places }));
}

/** A prefix or location as rules are compared by it: Docker Hub's names are one. Undefined for what is none. */
export function parsePrefix(text: string): string | undefined {
  const [host = '', ...path] = text.replace(/\/+$/, '').split('/');
  const domain = host.startsWith('*.') ? host.slice(2) : host;
  if (!isHost(domain) || (path.length > 0 && !isRepository(path.join('/')))) return undefined;
  return [canonicalHost(host), ...path].join('/');
}

/** The rule for a registry, or a repository of it: that with the longest prefix, and of these the first. */
export function ruleFor(
  rules: readonly RegistryRule[],
  registry: string,
  repository: string | undefined,
): RegistryRule | undefined {
  let best: RegistryRule | undefined;
  for (const rule of rules)
    if (
      restOf(rule.prefix, registry, repository) !== undefined &&
      rule.prefix.length > (best?.prefix.length ?? 0)
    )
      best = rule;
  return best;
}

/** What a prefix leaves of a name, `''` or `/path`; undefined when it does not fit. */
function restOf(prefix: string, registry: string, repository: string | undefined): string | undefined {
  const host = canonicalHost(registry);
  const name = repository === undefined ? host : `${host}/${repository}`;
  if (prefix.startsWith('*.')) {
    const fits = host.replace(/:\d+$/, '').endsWith(prefix.slice(1));
    return fits ? name.slice(host.length) : undefined;
  }
  const rest = name.slice(prefix.length);
  return name.startsWith(prefix) && (rest === '' || rest.startsWith('/')) ? rest : undefined;
}

/**
 * Where a repository is by a location of a rule; undefined when the rule does not fit it, or leaves no name.
 * @param location default: where it is anyhow
 */
export function placeBy(rule: RegistryRule, location: string | undefined, place: Place): Place | undefined {
  const rest = restOf(rule.prefix, place.registry, place.repository);
  if (rest === undefined) return undefined;
  if (location === undefined) return place;
  const name = `${location}${rest}`;
  const slash = name.indexOf('/');
  return slash < 0 ? undefined : { registry: name.slice(0, slash), repository: name.slice(slash + 1) };
}

/** Tells the hosts that rules call insecure; they are given as URLs have them. */
export function insecureBy(rules: readonly RegistryRule[]): (host: string) => boolean {
  const places = rules.flatMap(({ prefix, location = prefix, insecure, mirrors = [] }) => [
    { location, insecure },
    ...mirrors,
  ]);
  const hosts = places.flatMap(({ location, insecure }) =>
    insecure === true ? [location.split('/')[0] ?? ''] : [],
  );
  return (host) => hosts.some((one) => restOf(one, host, undefined) !== undefined);
}
