import { Command, CommanderError } from 'commander';
import { COMMANDS, type CommandEntry } from './commands.js';
import { earlyFlagsLast, errorPrefix, isCalledImgpkg } from './compat.js';
import { processContext, type Context } from './context.js';
import { EXIT, describeError, exitCodeOf } from './exit.js';
import { VERSION } from './version.js';

/** Runs a command line, without the names of node and the program; gives the exit code. */
export async function main(args: readonly string[], context: Context = processContext()): Promise<number> {
  const asked = args[0] === 'help' ? [...args.slice(1), '--help'] : earlyFlagsLast(args);
  const entry = COMMANDS.find(({ name }) => name === asked[0]);
  const code = await run((await entry?.arrange?.(asked)) ?? asked, context);
  // imgpkg's own are 0 and 1; without a command too.
  const isPeer = entry?.peer === true || (entry === undefined && isCalledImgpkg(context.env));
  return isPeer && (code !== EXIT.ok || args.length === 0) ? EXIT.failure : code;
}

async function run(line: readonly string[], context: Context): Promise<number> {
  let program: Command | undefined;
  try {
    program = await buildProgram(context, ({ name }) => name === line[0], line);
    await program.parseAsync(line.length === 0 ? ['--help'] : line, { from: 'user' });
    return context.exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return reportUsage(error, context, helpFor(program, line));
    context.err.write(`${errorPrefix(context.env)}: ${describeError(error)}\n`);
    return exitCodeOf(error);
  }
}

/** The commands as a tree; those that `wanted` refuses, and what a line does not need, stand there by name only. */
export async function buildProgram(
  context: Context,
  wanted: (entry: CommandEntry) => boolean = () => true,
  line?: readonly string[],
): Promise<Command> {
  const program = new Command('ocilot')
    .description('An OCI registry and toolkit in one program: no daemon, no internet.')
    .usage('<command> [options]')
    .version(`ocilot version ${VERSION}`, '-V, --version', 'print the version')
    .helpCommand('help [command]', 'explain a command');
  for (const entry of COMMANDS) {
    const command = wanted(entry) ? await entry.load(context, line) : new Command(entry.name);
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

/** What to type for the help of the command that a line names, as far as it names one. */
function helpFor(program: Command | undefined, line: readonly string[]): string {
  const words = ['ocilot', 'help'];
  let command = program;
  for (const word of line) {
    command = command?.commands.find((child) => child.name() === word || child.aliases().includes(word));
    if (command === undefined) break;
    words.push(command.name());
  }
  return words.join(' ');
}

/** One line for a wrong command line; nothing for help, which is no error. */
function reportUsage(error: CommanderError, context: Context, help: string): number {
  if (error.exitCode === 0) return EXIT.ok;
  // A group of commands without one of them: its help stands there already.
  if (error.code === 'commander.help') return EXIT.usage;
  const [what = '', hint] = error.message.replace(/^error: /, '').split('\n');
  const meant = hint === undefined ? '' : ` ${hint.toLowerCase()}`;
  context.err.write(
    `${errorPrefix(context.env)}: ${what.replace(/\.$/, '')}${meant}; \`${help}\` lists what there is\n`,
  );
  return EXIT.usage;
}
