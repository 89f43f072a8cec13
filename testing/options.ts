import { OciError } from '../oci/index.js';
import type { ListenOptions, RegistryOptions } from '../registry/index.js';
import type { Clock } from './clock.js';
import { seededIds, type RandomSeed } from './content/seeded.js';
import type { FaultRule } from './faults/rules.js';
import type { Profile } from './profiles.js';
import type { SeedContent } from './seed.js';

/** How a test registry is set up: as any registry, and what tests need besides. Everything has a default. */
export interface StartOptions extends RegistryOptions, Omit<ListenOptions, 'grace'> {
  /** False: no socket at all, only `fetch`. Default true. */
  readonly socket?: boolean;
  /** Default 0: any free port. */
  readonly port?: number;
  /** Names and passwords, to be sent as Basic credentials; for more give `access`. Default: open to everybody. */
  readonly users?: Readonly<Record<string, string>>;
  /**
   * How users prove who they are: with each request, or once for a token (distribution's token authentication).
   * Default `basic`.
   */
  readonly auth?: 'basic' | 'bearer';
  /** What is there from the start. */
  readonly seed?: SeedContent;
  /** What goes wrong from the start. */
  readonly faults?: readonly FaultRule[];
  /** What it does not do that other registries do. */
  readonly profile?: Profile | readonly Profile[];
  /** Makes the ids of uploads the same in every run. Default: random ids. */
  readonly idSeed?: RandomSeed;
  /** Whose time it is, such as `new TestClock()`. Default: the time of this machine. */
  readonly clock?: Clock;
}

/** Options that are not the registry's. What else is not one either it says itself. */
const OWN_OPTIONS: ReadonlySet<string> = new Set<keyof StartOptions>([
  'socket',
  'host',
  'port',
  'linger',
  'idleTimeout',
  'tls',
  'users',
  'auth',
  'seed',
  'faults',
  'profile',
  'idSeed',
  'clock',
]);

/**
 * The options of the registry itself.
 * @throws OciError `INVALID_OPTION` for options that contradict each other
 */
export function registryOptions(options: StartOptions, clock: Clock): RegistryOptions {
  const { users, auth, idSeed } = options;
  if (users !== undefined && options.access !== undefined)
    throw new OciError('INVALID_OPTION', 'users and access are both given: access has users of its own');
  if (auth !== undefined && users === undefined)
    throw new OciError('INVALID_OPTION', `auth is ${auth}, but nobody could log in: give users too`);
  if (options.clock !== undefined && options.now !== undefined)
    throw new OciError('INVALID_OPTION', 'clock and now are both given: a clock has a now of its own');
  const rest = Object.entries(options).filter(([name]) => !OWN_OPTIONS.has(name));
  return {
    ...Object.fromEntries(rest),
    ...(users === undefined ? {} : { access: { mode: auth ?? 'basic', users } }),
    collection: { every: 0, ...options.collection },
    now: () => clock.now(),
    ...(idSeed === undefined || options.newId !== undefined ? {} : { newId: seededIds(idSeed) }),
  };
}
