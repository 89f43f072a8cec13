import { Command, CommanderError } from 'commander';
import { COMMANDS, type CommandEntry } from './commands.js';
import { processContext, type Context } from './context.js';
import { EXIT, describeError, exitCodeOf } from './exit.js';
import { VERSION } from './version.js';

/** Runs a command line, without the names of node and the program; gives the exit code. */
export async function main(args: readonly string[], context: Context = processContext()): Promise<number> {
  try {
    const line = args[0] === 'help' ? [...args.slice(1), '--help'] : args;
    const program = await buildProgram(context, ({ name }) => name === line[0]);
    await program.parseAsync(line.length === 0 ? ['--help'] : line, { from: 'user' });
    return context.exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return reportUsage(error, context);
    context.err.write(`ocilot: ${describeError(error)}\n`);
    return exitCodeOf(error);
  }
}

/** The commands as a tree; those that `wanted` refuses stand there by name only. */
export async function buildProgram(
  context: Context,
  wanted: (entry: CommandEntry) => boolean = () => true,
): Promise<Command> {
  const program = new Command('ocilot')
    .description('An OCI registry and toolkit in one program: no daemon, no internet.')
    .usage('<command> [options]')
    .version(`ocilot version ${VERSION}`, '-V, --version', 'print the version')
    .helpCommand('help [command]', 'explain a command');
  for (const entry of COMMANDS) {
    const command = wanted(entry) ? await entry.load(context) : new Command(entry.name);
    program.addCommand(command.description(entry.summary));
  }
  program.addHelpText('after', '\n`ocilot help <command>` shows its examples and options.');
  settle(program, context);
  return program;
}

/** Sends what commander prints to the context, and turns its exits into errors. */
function settle(command: Command, context: Context): void {
  command
    .exitOverride()
    .allowExcessArguments(false)
    .configureOutput({
      writeOut: (text) => context.out.write(text),
      writeErr: (text) => context.err.write(text),
      outputError: () => undefined,
    });
  for (const child of command.commands) settle(child, context);
}

/** One line for a wrong command line; nothing for help, which is no error. */
function reportUsage(error: CommanderError, context: Context): number {
  if (error.exitCode === 0) return EXIT.ok;
  // A group of commands without one of them: its help stands there already.
  if (error.code === 'commander.help') return EXIT.usage;
  const [what = '', hint] = error.message.replace(/^error: /, '').split('\n');
  const meant = hint === undefined ? '' : ` ${hint.toLowerCase()}`;
  context.err.write(`ocilot: ${what}${meant}; \`ocilot help\` lists what there is\n`);
  return EXIT.usage;
}
