import { OciError } from '../../oci/index.js';
import { moreExactFirst, parseHostPattern, patternFits, type HostPattern } from './host-pattern.js';
import { describeCredentials, type Credentials, type Keychain } from './keychain.js';

type Environment = Readonly<Record<string, string | undefined>>;

const PREFIX = 'IMGPKG_REGISTRY_';
const VARIABLE = /^IMGPKG_REGISTRY_(HOSTNAME|USERNAME|PASSWORD|IDENTITY_TOKEN|REGISTRY_TOKEN)(?:_(.+))?$/;
/** Of imgpkg's Azure keychain. */
const ELSEWHERE = 'IMGPKG_REGISTRY_AZURE_CR_CONFIG';

interface Group extends HostPattern {
  /** The variable with the host, for messages. */
  readonly variable: string;
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
        (group) => group.credentials !== undefined && patternFits(group, { registry, repository }),
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
    .toSorted(moreExactFirst);
}

function groupOf(suffix: string, fields: Readonly<Record<string, string>>): Group {
  return {
    ...parseHostPattern(fields.HOSTNAME ?? ''),
    variable: `${PREFIX}HOSTNAME${suffix === '' ? '' : `_${suffix}`}`,
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
