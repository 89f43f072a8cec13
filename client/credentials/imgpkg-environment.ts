import type { CloudOptions } from './cloud/calls.js';
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
 * `_REGISTRY_TOKEN`, grouped by suffix. A host may have globs within its labels and a path behind it. A path is the
 * beginning of a repository: `team` is for `team/app`, and where nothing else fits, for `team-b` too, as imgpkg has it. Who
 * misspells a variable is told once; imgpkg does no work at all then.
 */
export function imgpkgEnvironment(
  environment: Environment,
  { onWarning }: Pick<CloudOptions, 'onWarning'> = {},
): Keychain {
  let warn = onWarning;
  return {
    async resolve({ registry, repository = '' }, { onFinding } = {}) {
      const { groups, unknown } = readGroups(environment);
      for (const name of unknown)
        warn?.(
          `variable ${name} is not known: expected ${PREFIX}HOSTNAME, _USERNAME, _PASSWORD, _IDENTITY_TOKEN or ` +
            '_REGISTRY_TOKEN, each with the same suffix or none',
        );
      warn = undefined;
      const fits = (isPrefix: boolean) => (group: Group) =>
        group.credentials !== undefined && patternFits(group, { registry, repository }, { isPrefix });
      const found = groups.find(fits(false)) ?? groups.find(fits(true));
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

function readGroups(environment: Environment): {
  readonly groups: readonly Group[];
  readonly unknown: readonly string[];
} {
  const unknown: string[] = [];
  const bySuffix = new Map<string, Record<string, string>>();
  for (const [name, value = ''] of Object.entries(environment)) {
    if (!name.startsWith(PREFIX) || name === ELSEWHERE) continue;
    const [, field, suffix = ''] = VARIABLE.exec(name) ?? [];
    if (field === undefined) unknown.push(name);
    else bySuffix.set(suffix, { ...bySuffix.get(suffix), [field]: value });
  }
  const groups = [...bySuffix]
    .filter(([, fields]) => fields.HOSTNAME)
    .map(([suffix, fields]) => groupOf(suffix, fields))
    .toSorted(moreExactFirst);
  return { groups, unknown };
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
