import type { Command } from 'commander';

/** A line to type and what it does. */
export type Example = readonly [line: string, meaning: string];

/** Puts examples before the rest of a command's help. */
export function withExamples(command: Command, examples: readonly Example[]): Command {
  const width = Math.max(...examples.map(([line]) => line.length));
  const lines = examples.map(([line, meaning]) => `  ${line.padEnd(width)}  # ${meaning}`);
  return command.addHelpText('before', `Examples:\n${lines.join('\n')}\n`);
}
