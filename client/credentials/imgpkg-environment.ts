import { OciError } from '../../oci/index.js';
import { canonicalHost, describeCredentials, type Credentials, type Keychain } from './keychain.js';

type Environment = Readonly<Record<string, string | undefined>>;

const PREFIX = 'IMGPKG_REGISTRY_';
const VARIABLE = /^IMGPKG_REGISTRY_(HOSTNAME|USERNAME|PASSWORD|IDENTITY_TOKEN|REGISTRY_TOKEN)(?:_(.+))?$/;
/** Of imgpkg's Azure keychain. */
const ELSEWHERE = 'IMGPKG_REGISTRY_AZURE_CR_CONFIG';

interface Group {
  /** The variable with the host, for messages. */
  readonly variable: string;
  /** Labels of the host, which may be globs. */
  readonly labels: readonly RegExp[];
  readonly port: string;
  readonly path: string;
  /** Longer paths and hosts without globs sort behind others. */
  readonly order: string;
  readonly credentials: Credentials | undefined;
}

/**
 * imgpkg's variables, `IMGPKG_REGISTRY_HOSTNAME[_SUFFIX]` with `_USERNAME`, `_PASSWORD`, `_IDENTITY_TOKEN` and
 * `_REGISTRY_TOKEN`, grouped by suffix. A host may have globs within its labels and a path behind it; unlike imgpkg, a
 * path ends at a slash, so that `team` is not `team-b`.
 */
export function imgpkgEnvironment(environment: Environment): Keychain {
  return {
    // An async function, so that variables which cannot be understood reject.
    async resolve({ registry, repository = '' }, { onFinding } = {}) {
      const groups = readGroups(environment);
      const found = groups.find(
        (group) => group.credentials !== undefined && fits(group, registry, repository),
      );
      onFinding?.(
        found?.credentials === undefined
          ? {
              place: `${PREFIX}*`,
              outcome: 'none',
              about: groups.length === 0 ? 'not set' : `none fits ${registry}`,
            }
          : { place: found.variable, outcome: 'found', about: describeCredentials(found.credentials) },
      );
      return await Promise.resolve(found?.credentials);
    },
  };
}

function readGroups(environment: Environment): Group[] {
  const bySuffix = new Map<string, Record<string, string>>();
  for (const [name, value = ''] of Object.entries(environment)) {
    if (!name.startsWith(PREFIX) || name === ELSEWHERE) continue;
    const [, field, suffix = ''] = VARIABLE.exec(name) ?? [];
    if (field === undefined)
      throw new OciError(
        'INVALID_OPTION',
        `variable ${name} is not known: expected ${PREFIX}HOSTNAME, _USERNAME, _PASSWORD, _IDENTITY_TOKEN or ` +
          '_REGISTRY_TOKEN, each with the same suffix or none',
      );
    bySuffix.set(suffix, { ...bySuffix.get(suffix), [field]: value });
  }
  return [...bySuffix]
    .filter(([, fields]) => fields.HOSTNAME)
    .map(([suffix, fields]) => groupOf(suffix, fields))
    .toSorted((one, other) => (one.order < other.order ? 1 : -1));
}

function groupOf(suffix: string, fields: Readonly<Record<string, string>>): Group {
  const place = (fields.HOSTNAME ?? '').replace(/^https?:\/\//, '').replace(/^([^/]*)\/v[12](?=\/|$)/, '$1');
  const slash = place.indexOf('/');
  const authority = slash < 0 ? place : place.slice(0, slash);
  const path = slash < 0 ? '' : place.slice(slash + 1).replaceAll(/^\/+|\/+$/g, '');
  const [host = '', port = ''] = canonicalHost(authority).split(':');
  return {
    variable: `${PREFIX}HOSTNAME${suffix === '' ? '' : `_${suffix}`}`,
    labels: host.split('.').map(glob),
    port,
    path,
    order: `${host}/${path}`,
    credentials: credentialsOf(fields),
  };
}

function credentialsOf(fields: Readonly<Record<string, string>>): Credentials | undefined {
  const { USERNAME: username = '', PASSWORD: password = '', IDENTITY_TOKEN, REGISTRY_TOKEN } = fields;
  if (REGISTRY_TOKEN) return { kind: 'token', token: REGISTRY_TOKEN };
  if (IDENTITY_TOKEN)
    return { kind: 'identity', token: IDENTITY_TOKEN, ...(username === '' ? {} : { username }) };
  return username === '' && password === '' ? undefined : { kind: 'password', username, password };
}

function fits(group: Group, registry: string, repository: string): boolean {
  const [host = '', port = ''] = canonicalHost(registry).split(':');
  const labels = host.split('.');
  return (
    port === group.port &&
    labels.length === group.labels.length &&
    group.labels.every((label, at) => label.test(labels[at] ?? '')) &&
    (group.path === '' || repository === group.path || repository.startsWith(`${group.path}/`))
  );
}

/** `*` and `?` within one label of a host. */
function glob(label: string): RegExp {
  const pattern = label
    .replaceAll(/[\\^$+.()|{}[\]]/g, '\\$&')
    .replaceAll(/\*+/g, '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${pattern}$`);
}
