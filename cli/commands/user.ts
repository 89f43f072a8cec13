import { mkdir, readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { Command, Option } from 'commander';
import { OciError } from '../../oci/index.js';
import { addUser, removeUser } from '../../registry/access/edit-users.js';
import { parseHtpasswd } from '../../registry/access/htpasswd.js';
import type { Context } from '../context.js';
import { defaultDataFolder } from '../data-folder.js';
import { systemCode } from '../exit.js';
import { withExamples } from '../help.js';
import { readPassword } from '../password.js';
import { dataOption, outputOption, printReport } from '../work.js';

interface Flags {
  readonly data?: string;
  readonly file?: string;
}

/** `ocilot user`: the htpasswd file of a registry. A server that runs takes changes up by itself. */
export function userCommand(context: Context): Command {
  return new Command('user')
    .addCommand(addCommand(context))
    .addCommand(removeCommand(context))
    .addCommand(listCommand(context));
}

function addCommand(context: Context): Command {
  const command = withFile(new Command('add'))
    .description('add a user, or change the password of one')
    .argument('<name>')
    .option('--password-stdin', 'read the password from standard input');
  withExamples(command, [
    ['ocilot user add alice', 'asks for the password'],
    ['pass show alice | ocilot user add alice --password-stdin', 'takes it from another program'],
    ['ocilot user add ci --file /etc/ocilot/htpasswd', 'in another file'],
  ]);
  return command.action(async (name: string, flags: Flags & { readonly passwordStdin?: boolean }) => {
    const file = fileOf(flags, context);
    const password = await readPassword(context, flags.passwordStdin === true);
    await mkdir(dirname(file), { recursive: true, mode: 0o750 });
    const result = await addUser(file, name, password);
    context.err.write(`${result === 'added' ? 'added' : 'changed the password of'} ${name} in ${file}\n`);
  });
}

function removeCommand(context: Context): Command {
  const command = withFile(new Command('remove')).description('remove a user').argument('<name>');
  withExamples(command, [['ocilot user remove alice', 'alice may not come in any more']]);
  return command.action(async (name: string, flags: Flags) => {
    const file = fileOf(flags, context);
    if (!(await removeUser(file, name)))
      throw new OciError('DENIED', `there is no user ${JSON.stringify(name)} in ${file}`);
    context.err.write(`removed ${name} from ${file}\n`);
  });
}

function listCommand(context: Context): Command {
  const command = withFile(new Command('list')).description('list users').addOption(outputOption());
  withExamples(command, [['ocilot user list', 'one name a line']]);
  return command.action(async (flags: Flags & { readonly output: 'json' | 'text' }) => {
    const file = fileOf(flags, context);
    const names = [...parseHtpasswd(await readUsers(file), file).keys()].toSorted();
    printReport(context, flags.output, names, names);
  });
}

const withFile = (command: Command): Command =>
  command
    .addOption(dataOption())
    .addOption(new Option('--file <path>', 'htpasswd file (default: htpasswd in the data folder)'));

function fileOf({ data, file }: Flags, { env }: Context): string {
  return resolve(file ?? join(data ?? (env['OCILOT_DATA'] || defaultDataFolder(env)), 'htpasswd'));
}

async function readUsers(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    if (systemCode(cause) !== 'ENOENT') throw cause;
    throw new OciError('INVALID_OPTION', `there is no file ${file}: \`ocilot user add\` makes it`, { cause });
  }
}
