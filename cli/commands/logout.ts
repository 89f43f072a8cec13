import { Command } from 'commander';
import { authFileOption, type ClientFlags } from '../client-options.js';
import type { Context } from '../context.js';
import { withExamples } from '../help.js';
import { formatTarget, parseTarget } from '../registry-target.js';
import { authFileOf } from './auth-file-of.js';

/** `ocilot logout`. */
export function logoutCommand(context: Context): Command {
  const command = new Command('logout')
    .argument('<registry>', 'as it was given to login')
    .addOption(authFileOption());
  withExamples(command, [['ocilot logout registry.example', 'forget user and password']]);
  return command.action(async (place: string, flags: Pick<ClientFlags, 'authfile'>) => {
    const target = formatTarget(await parseTarget(place));
    const { logout } = await import('../../client/credentials/login.js');
    const file = authFileOf(flags, context);
    const { removed, helper } = await logout(target, { file, environment: context.env });
    if (helper !== undefined) context.err.write(`docker-credential-${helper} forgets ${target}\n`);
    else
      context.err.write(
        removed ? `logged out of ${target} in ${file}\n` : `${file} has nothing for ${target}\n`,
      );
  });
}
