import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { settle } from './machine.mjs';
import { measured } from './processes.mjs';

/** @typedef {readonly [program: string, args: readonly string[]]} Command */

/**
 * Runs commands for a suite, each list of them in a home of its own below a folder.
 * @param {string} folder
 */
export function commandsIn(folder) {
  /** @type {Map<string, number>} */
  const peaks = new Map();
  let names = 0;
  /** A name that nothing has had. */
  const fresh = () => `run-${names++}`;
  /** Variables of a home where nobody finds credentials, or what an earlier run has remembered. */
  const environment = async () => {
    const home = join(folder, fresh());
    await mkdir(home);
    return {
      HOME: home,
      TMPDIR: home,
      XDG_DATA_HOME: home,
      XDG_STATE_HOME: home,
      XDG_CONFIG_HOME: home,
      XDG_RUNTIME_DIR: home,
    };
  };
  return {
    fresh,
    environment,
    /**
     * Seconds of commands that run one after another.
     * @param {string} who their memory is noted for
     * @param {readonly Command[]} commands
     */
    timed: async (who, commands) => {
      const variables = await environment();
      settle(folder);
      let sum = 0;
      for (const [program, args] of commands) {
        const { seconds, peak } = await measured(program, args, variables);
        sum += seconds;
        peaks.set(who, Math.max(peak, peaks.get(who) ?? 0));
      }
      return sum;
    },
    /**
     * Highest resident memory noted so far, in MiB.
     * @param {string} who
     */
    peak: (who) => peaks.get(who) ?? Number.NaN,
  };
}
