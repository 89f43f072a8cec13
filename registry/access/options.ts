import { OciError } from '../../oci/index.js';
import type { Records } from '../storage/records.js';
import { OPEN_ACCESS, type Access } from './access.js';
import { Bearer } from './bearer.js';
import { GuardedAccess } from './guarded.js';
import { Passwords } from './passwords.js';
import { compileRules, type AccessRule } from './rules.js';
import { Tokens, tokenKey } from './tokens.js';
import { UserFile, fixedUsers, type Users } from './users.js';

/**
 * Who may do what. `none`: everybody everything. `basic`: by user name and password. `bearer`: the same, and clients are
 * sent to the built-in token endpoint, which is what lets all of them pull without and push with credentials.
 */
export interface AccessOptions {
  readonly mode: 'none' | 'basic' | 'bearer';
  /** File of users with bcrypt hashes; read again when it changes. */
  readonly htpasswd?: string;
  /** Users with a password or a bcrypt hash each, instead of a file: for tests and embedding. */
  readonly users?: Readonly<Record<string, string>>;
  /** The first rule that matches a repository decides; without a match nobody may. Default: known users everything. */
  readonly rules?: readonly AccessRule[];
  /**
   * Who may use the registry's own endpoints and do everything in every repository: names, or `authenticated` for every
   * known user. Default: every known user when there are no rules, else nobody.
   */
  readonly admins?: readonly string[];
  /** What the registry is called when a client asks for a password. Default `ocilot`. */
  readonly realm?: string;
  /** How long a token is good for, in milliseconds, at least a minute. Default five minutes. */
  readonly tokenTtl?: number;
}

const MINUTE = 60 * 1000;
/** Clients take every token to be good for a minute, whatever it says. */
const SHORTEST_TTL = MINUTE;
const DEFAULT_TTL = 5 * MINUTE;

const MODES: ReadonlySet<string> = new Set<AccessOptions['mode']>(['none', 'basic', 'bearer']);
const KEYS: ReadonlySet<string> = new Set<keyof AccessOptions>([
  'mode',
  'htpasswd',
  'users',
  'rules',
  'admins',
  'realm',
  'tokenTtl',
]);

/** What access works with beside its options. */
export interface AccessContext {
  /** Where the key that tokens are signed with is kept. */
  readonly records: Records;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Told of a user file that changed and can no longer be read. */
  readonly onError: (error: unknown) => void;
}

/**
 * Checks options without looking at any file.
 * @throws OciError `INVALID_OPTION`
 */
export function checkAccess(options: AccessOptions): void {
  const { mode, htpasswd, users, realm, tokenTtl } = options;
  const stray = Object.keys(options).find((key) => !KEYS.has(key));
  if (stray !== undefined) throw invalid(`has ${stray}, expected ${[...KEYS].join(', ')}`);
  if (!MODES.has(mode)) throw invalid(`mode is ${mode}, expected ${[...MODES].join(', ')}`);
  if (mode === 'none') {
    const useless = Object.entries(options).find(([key, value]) => key !== 'mode' && !isEmpty(value));
    if (useless !== undefined)
      throw invalid(`mode none has no use for ${useless[0]}: choose basic or bearer`);
    return;
  }
  if ((htpasswd === undefined) === (users === undefined))
    throw invalid(`mode ${mode} needs users: name a file with htpasswd, or give them with users, not both`);
  if (realm !== undefined && !/^[ !#-[\]-~]+$/.test(realm))
    throw invalid('realm is not printable ASCII without quotes and backslashes');
  compileRules(options.rules, options.admins);
  if (users !== undefined) fixedUsers(users);
  if (tokenTtl === undefined) return;
  if (mode !== 'bearer') throw invalid('tokenTtl is for mode bearer');
  if (!Number.isFinite(tokenTtl) || tokenTtl < SHORTEST_TTL)
    throw invalid(`tokenTtl is ${tokenTtl}, expected milliseconds, ${SHORTEST_TTL} at least`);
}

const isEmpty = (value: unknown): boolean =>
  value === undefined || (Array.isArray(value) && value.length === 0);

const invalid = (problem: string): OciError => new OciError('INVALID_OPTION', `access ${problem}`);

/**
 * Makes access of options that `checkAccess` let pass; one that is ready is returned as it is.
 * @throws OciError `INVALID_OPTION` for a user file that cannot be read or is not valid
 */
export async function openAccess(options: Access | AccessOptions, context: AccessContext): Promise<Access> {
  if (!('mode' in options)) return options;
  if (options.mode === 'none') return OPEN_ACCESS;
  const { now } = context;
  const rules = compileRules(options.rules, options.admins);
  const passwords = new Passwords(await openUsers(options, context), now);
  const parts = { passwords, rules, realm: options.realm ?? 'ocilot' };
  if (options.mode === 'basic') return new GuardedAccess(parts);
  const tokens = new Tokens(await tokenKey(context.records), now);
  const bearer = new Bearer({ tokens, passwords, rules, ttl: options.tokenTtl ?? DEFAULT_TTL, now });
  return new GuardedAccess({ ...parts, bearer });
}

async function openUsers({ htpasswd, users = {} }: AccessOptions, context: AccessContext): Promise<Users> {
  return htpasswd === undefined ? fixedUsers(users) : await UserFile.open(htpasswd, context);
}
