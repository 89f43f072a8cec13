import { printable, type CallOptions } from '../../../oci/index.js';
import { helperGet } from '../helper.js';
import { describeCredentials, type Credentials, type Finding } from '../keychain.js';
import { isMissingProgram } from '../run-program.js';
import { Calls, type CloudOptions } from './calls.js';

/** What a way needs of its surroundings. */
export interface WayContext extends CallOptions {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly home: string;
  readonly calls: Calls;
  readonly now: () => number;
}

/** One of the ways to get at the credentials of a cloud. */
export interface Way {
  /** What `explain` calls it. */
  readonly place: string;
  /** The credentials; undefined when nothing is set up for this way. What it throws is told, and the next way tried. */
  readonly find: (context: WayContext) => Promise<Credentials | undefined>;
}

/** What a search of one cloud came to. */
export interface Outcome {
  readonly findings: readonly Finding[];
  readonly credentials?: Credentials;
}

/** A token is renewed this long before its end, in milliseconds. */
const EARLY = 60_000;

/** When to renew what ends at a time; milliseconds since the epoch. */
export const renewAt = (end: number): number => end - EARLY;

/** Tries ways one after another. No failure ends the search: whoever has no way in is anonymous. */
export async function tryWays(
  ways: readonly Way[],
  options: CloudOptions & Required<Pick<CloudOptions, 'environment' | 'home'>>,
  { signal }: CallOptions,
): Promise<Outcome> {
  const calls = new Calls(options);
  const { environment, home, now = Date.now } = options;
  const context = { environment, home, calls, now, ...(signal === undefined ? {} : { signal }) };
  const findings: Finding[] = [];
  try {
    for (const { place, find } of ways) {
      try {
        const credentials = await find(context);
        if (credentials === undefined) {
          findings.push({ place, outcome: 'none', about: 'not set up' });
          continue;
        }
        findings.push({ place, outcome: 'found', about: describeCredentials(credentials) });
        return { findings, credentials };
      } catch (error) {
        signal?.throwIfAborted();
        findings.push({ place, outcome: 'failed', about: printable((error as Error).message) });
      }
    }
    return { findings };
  } finally {
    await calls.close();
  }
}

/** A credential helper of the cloud's own, if there is one on the `PATH`. */
export function helperWay(helper: string, registry: string): Way {
  return {
    place: `docker-credential-${helper}`,
    async find({ environment, signal }) {
      try {
        return await helperGet(helper, registry, {
          environment,
          namedBy: 'the PATH',
          ...(signal === undefined ? {} : { signal }),
        });
      } catch (error) {
        if (isMissingProgram((error as Error).cause)) return undefined;
        throw error;
      }
    },
  };
}
