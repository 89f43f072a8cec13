import type { Command } from 'commander';
import type { Context } from '../../cli/context.js';
import { describeError, exitCodeOf } from '../../cli/exit.js';
import { main } from '../../cli/program.js';
import { fakeContext, type FakeContext, type FakeOptions } from './context.js';

/** Runs a command line of the program inside the test. */
export async function command(args: readonly string[], options: FakeOptions = {}): Promise<FakeContext> {
  const context = fakeContext(options);
  context.exitCode = await main(args, context);
  return context;
}

/** Runs one command by itself, wherever it is mounted in the program. */
export async function alone(
  make: (context: Context) => Command,
  args: readonly string[],
  options: FakeOptions = {},
): Promise<FakeContext> {
  const context = fakeContext(options);
  try {
    await make(context).exitOverride().parseAsync(args, { from: 'user' });
  } catch (error) {
    context.err.write(`ocilot: ${describeError(error)}\n`);
    context.exitCode = exitCodeOf(error);
  }
  return context;
}
