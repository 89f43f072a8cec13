import picomatch from 'picomatch';
import { OciError, isStringList, quote } from '../../oci/index.js';
import type { Action } from './access.js';
import { checkUserName } from './htpasswd.js';
import { includedIn } from './scopes.js';

/**
 * Who may do what in the repositories that a glob matches; of several rules the first that matches decides alone.
 * A subject is a user's name, `authenticated` for every known user, or `*` for everybody, known or not. A list that is
 * left out is empty. `push` and `delete` include `pull`, `admin` includes everything.
 */
export interface AccessRule {
  /** Globs over whole names: `team-a/**` is `team-a` and everything below it, `**` everything. */
  readonly repositories: string | readonly string[];
  readonly pull?: readonly string[];
  readonly push?: readonly string[];
  readonly delete?: readonly string[];
  readonly admin?: readonly string[];
}

/** Rules, ready to be asked. A user that is undefined is an unknown one. */
export interface Rules {
  allows(user: string | undefined, action: Action, repository: string): boolean;
  /** True for one who may use the registry's own endpoints, and do everything in every repository. */
  administers(user: string | undefined): boolean;
  /** True when somebody unknown may pull something. */
  readonly anonymousPull: boolean;
}

const ACTIONS: readonly Action[] = ['pull', 'push', 'delete', 'admin'];
const KEYS: ReadonlySet<string> = new Set(['repositories', ...ACTIONS]);

/** What holds when nobody wrote rules: known users are equals and may do everything. */
const DEFAULT_RULE: AccessRule = { repositories: '**', admin: ['authenticated'] };

type Subjects = (user: string | undefined) => boolean;

/**
 * Checks rules and makes them ready.
 * @param admins names, or `authenticated`. Default: every known user when there are no rules, else nobody
 * @throws OciError `INVALID_OPTION`
 */
export function compileRules(rules: readonly AccessRule[] = [], admins?: readonly string[]): Rules {
  if (admins?.includes('*') === true) throw invalid('admins', 'has *: who administers must be known');
  const administers = subjects(admins ?? (rules.length === 0 ? ['authenticated'] : []), 'admins');
  const compiled = (rules.length === 0 ? [DEFAULT_RULE] : rules).map(compileRule);
  return {
    administers,
    allows(user, action, repository) {
      if (administers(user)) return true;
      const rule = compiled.find(({ matches }) => matches(repository));
      return rule !== undefined && includedIn(action).some((enough) => rule.may[enough](user));
    },
    anonymousPull: compiled.some(({ may }) => ACTIONS.some((action) => may[action](undefined))),
  };
}

interface CompiledRule {
  readonly matches: (repository: string) => boolean;
  readonly may: Readonly<Record<Action, Subjects>>;
}

function compileRule(rule: AccessRule, index: number): CompiledRule {
  const at = `rules[${index}]`;
  const stray = Object.keys(rule).find((key) => !KEYS.has(key));
  if (stray !== undefined) throw invalid(at, `has ${quote(stray)}, expected ${[...KEYS].join(', ')}`);
  const globs = [rule.repositories].flat();
  if (globs.length === 0 || globs.some((glob) => typeof glob !== 'string' || glob === ''))
    throw invalid(`${at}.repositories`, 'is not a glob, or a list of them');
  const may = (action: Action): Subjects => subjects(rule[action] ?? [], `${at}.${action}`);
  return {
    matches: picomatch(globs),
    may: { pull: may('pull'), push: may('push'), delete: may('delete'), admin: may('admin') },
  };
}

function subjects(list: readonly string[], at: string): Subjects {
  if (!isStringList(list)) throw invalid(at, 'is not a list of users');
  for (const subject of list) {
    if (subject !== '*' && subject !== 'authenticated') checkUserName(subject);
  }
  const names = new Set(list);
  return (user) => names.has('*') || (user !== undefined && (names.has('authenticated') || names.has(user)));
}

const invalid = (at: string, problem: string): OciError =>
  new OciError('INVALID_OPTION', `access ${at} ${problem}`);
