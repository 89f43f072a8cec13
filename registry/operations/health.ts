import { keys } from '../storage/keys.js';
import type { Store } from '../storage/store.js';

/** What a registry says of itself to those who decide whether to send it requests. */
export interface Readiness {
  readonly ready: boolean;
  /** By name of the check: `ok`, or what is wrong. */
  readonly checks: Readonly<Record<string, string>>;
}

/** What readiness depends on. */
export interface HealthFacts {
  readonly store: Store;
  readonly readOnly: boolean;
  /** It is about to end. */
  readonly draining: boolean;
}

const OK = 'ok';

/** Asks the store for a record, and whether a write would be taken. */
export async function readiness({ store, readOnly, draining }: HealthFacts): Promise<Readiness> {
  const { records, free, rules } = store.core;
  const [answered, room] = await Promise.all([
    check('the store does not answer', () => records.get(keys.setting('format'))),
    readOnly
      ? OK
      : check('the free space cannot be told', async () =>
          (await free()) < rules.minFree
            ? 'less space is free than is kept free: writes are refused'
            : undefined,
        ),
  ]);
  const checks = { store: answered, space: room, shutdown: draining ? 'the registry is about to end' : OK };
  return { ready: Object.values(checks).every((state) => state === OK), checks };
}

/** Runs a check: text that it returns is a problem, and so is to fail. */
async function check(failure: string, work: () => Promise<unknown>): Promise<string> {
  try {
    const problem = await work();
    return typeof problem === 'string' ? problem : OK;
  } catch {
    return failure;
  }
}
