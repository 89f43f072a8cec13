import type { Command } from 'commander';
import { withImageOptions } from './options.js';

/** The options that crane has for every command. */
const GLOBALS = new Set(['--platform', '--insecure', '--allow-nondistributable-artifacts', '--verbose']);

/**
 * Has a command, and those below it, take crane's global options also where they say nothing: scripts give them to
 * every command. The help shows only those that have a meaning.
 */
export function takeGlobals(command: Command): Command {
  command.commands.forEach(takeGlobals);
  if (command.commands.length > 0) return command;
  const isKnown = (name: string | undefined): boolean =>
    name !== undefined && command.options.some(({ long, short }) => name === long || name === short);
  for (const option of withImageOptions(command.createCommand()).options)
    if (GLOBALS.has(option.long ?? '') && !isKnown(option.long) && !isKnown(option.short))
      command.addOption(option.hideHelp());
  return command;
}
