import { Command } from 'commander';
import type { Context } from '../context.js';
import { VERSION } from '../version.js';

/** `image version`: the number alone, as crane prints its own. */
export function imageVersionCommand(context: Context): Command {
  return new Command('version').action(() => context.out.write(`${VERSION}\n`));
}
