import type { ListenOptions, RegistryOptions } from '../registry/index.js';
import type { RandomSeed } from './content/seeded.js';
import type { FaultRule } from './faults/rules.js';
import type { SeedContent } from './seed.js';

/** How a test registry is set up: as any registry, and what tests need besides. Everything has a default. */
export interface StartOptions extends RegistryOptions, Omit<ListenOptions, 'grace'> {
  /** False: no socket at all, only `fetch`. Default true. */
  readonly socket?: boolean;
  /** Default 0: any free port. */
  readonly port?: number;
  /** Names and passwords, to be sent as Basic credentials; for more give `access`. Default: open to everybody. */
  readonly users?: Readonly<Record<string, string>>;
  /** What is there from the start. */
  readonly seed?: SeedContent;
  /** What goes wrong from the start. */
  readonly faults?: readonly FaultRule[];
  /** Makes the ids of uploads the same in every run. Default: random ids. */
  readonly idSeed?: RandomSeed;
}
