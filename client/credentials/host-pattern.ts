import { canonicalHost, type Target } from './keychain.js';

/** Registries that credentials are for, as imgpkg's variables and the pull secrets of Kubernetes spell them. */
export interface HostPattern {
  /** Labels of the host, which may be globs. */
  readonly labels: readonly RegExp[];
  readonly port: string;
  readonly path: string;
  /** Longer paths and hosts without globs sort behind others. */
  readonly order: string;
}

/**
 * Reads `[https://]host[:port][/v1|/v2][/path]`, in whose host `*` and `?` stand for what is within one label. Every
 * text is a pattern; what cannot be a host fits none.
 */
export function parseHostPattern(text: string): HostPattern {
  const place = text.replace(/^https?:\/\//, '').replace(/^([^/]*)\/v[12](?=\/|$)/, '$1');
  const slash = place.indexOf('/');
  const authority = slash < 0 ? place : place.slice(0, slash);
  const path = slash < 0 ? '' : place.slice(slash + 1).replaceAll(/^\/+|\/+$/g, '');
  const { host, port } = splitHost(authority);
  return { labels: host.split('.').map(glob), port, path, order: `${host}/${path}` };
}

/**
 * True when the port is the same, each label of the host fits, and the path is the repository or a parent of it: unlike
 * in the peers, a path ends at a slash, so that `team` is not `team-b`.
 * @param isPrefix whether it does not: as in the peers
 */
export function patternFits(
  pattern: HostPattern,
  { registry, repository = '' }: Target,
  { isPrefix = false }: { readonly isPrefix?: boolean } = {},
): boolean {
  const { host, port } = splitHost(registry);
  const labels = host.split('.');
  return (
    port === pattern.port &&
    labels.length === pattern.labels.length &&
    pattern.labels.every((label, at) => label.test(labels[at] ?? '')) &&
    (pattern.path === '' ||
      repository === pattern.path ||
      repository.startsWith(isPrefix ? pattern.path : `${pattern.path}/`))
  );
}

/** The colons of an IPv6 address stand in brackets. */
function splitHost(text: string): { readonly host: string; readonly port: string } {
  const [, host = '', port = ''] = /^(\[[^\]]*\]|[^:]*)(?::(.*))?$/.exec(canonicalHost(text)) ?? [];
  return { host, port };
}

/** Sorts patterns so that the first that fits is the one that is meant. */
export function moreExactFirst(one: HostPattern, other: HostPattern): number {
  return one.order < other.order ? 1 : -1;
}

/** `*` and `?` within one label of a host. */
function glob(label: string): RegExp {
  const pattern = label
    .replaceAll(/[\\^$+.()|{}[\]]/g, '\\$&')
    .replaceAll(/\*+/g, '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${pattern}$`);
}
