import { Command } from 'commander';
import type { Context } from '../context.js';
import { VERSION } from '../version.js';

/** `ocilot version`. Alone it never comes here: `main.ts` answers it. */
export function versionCommand(context: Context): Command {
  return new Command('version').action(() => context.out.write(`ocilot version ${VERSION}\n`));
}
