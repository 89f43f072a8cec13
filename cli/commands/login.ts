import { Command } from 'commander';
import type { Credentials, Keychain, Target } from '../../client/index.js';
import { OciError } from '../../oci/index.js';
import { authFileOption, withRequestOptions, withTrustOptions, type ClientFlags } from '../client-options.js';
import { withClient } from '../client-session.js';
import type { Context } from '../context.js';
import { UsageError } from '../exit.js';
import { withExamples } from '../help.js';
import { readKnownPassword, readUsername } from '../password.js';
import { formatTarget, parseTarget } from '../registry-target.js';
import { authFileOf } from './auth-file-of.js';

interface Flags extends ClientFlags {
  readonly username?: string;
  readonly password?: string;
  readonly passwordStdin?: boolean;
  readonly check?: boolean;
}

/** `ocilot login`. */
export function loginCommand(context: Context): Command {
  const command = new Command('login')
    .argument('<registry>', 'host[:port], with a path for a part of the registry only')
    .option('-u, --username <name>')
    .option('-p, --password <password>', 'shown to everybody who lists processes: better --password-stdin')
    .option('--password-stdin', 'read the password from standard input')
    .option('--check', 'ask the registry first, and keep nothing that it refuses')
    .addOption(authFileOption());
  withRequestOptions(withTrustOptions(command));
  withExamples(command, [
    ['ocilot login registry.example', 'asks for user and password'],
    ['pass show ci | ocilot login registry.example -u ci --password-stdin --check', 'in a script'],
    ['ocilot login registry.example/team -u team', 'for the repositories below team/ only'],
  ]);
  return command.action(async (place: string, flags: Flags) => {
    const target = await parseTarget(place);
    const { username, credentials } = await readCredentials(context, flags);
    if (flags.check === true) await check(context, flags, { target, credentials });
    const { login } = await import('../../client/credentials/login.js');
    const file = authFileOf(flags, context);
    const { helper } = await login(formatTarget(target), credentials, { file, environment: context.env });
    const keeper = helper === undefined ? file : `docker-credential-${helper}, which ${file} names`;
    context.err.write(`logged in to ${formatTarget(target)} as ${username}; kept by ${keeper}\n`);
  });
}

async function readCredentials(
  context: Context,
  { username: name, password: secret, passwordStdin }: Flags,
): Promise<{ username: string; credentials: Credentials }> {
  if (secret !== undefined && passwordStdin === true)
    throw new UsageError('--password and --password-stdin exclude each other');
  if (name === undefined && passwordStdin === true) throw new UsageError('--password-stdin needs --username');
  const username = name ?? (await readUsername(context));
  const password = secret ?? (await readKnownPassword(context, passwordStdin === true));
  if (username === '' || password === '') throw new UsageError('user and password must not be empty');
  const { fromPair } = await import('../../client/credentials/auth-file.js');
  return { username, credentials: fromPair(username, password) };
}

/** Has the registry look at the credentials. */
async function check(
  context: Context,
  flags: Flags,
  { target, credentials }: { readonly target: Target; readonly credentials: Credentials },
): Promise<void> {
  let asked = false;
  const keychain: Keychain = {
    resolve: () => {
      asked = true;
      return Promise.resolve(credentials);
    },
  };
  const { registry } = target;
  await withClient(
    context,
    flags,
    async ({ client, signal }) => {
      const request = { method: 'GET', url: `https://${registry}/v2/`, headers: {}, context: target, signal };
      const response = await client.transport(request);
      await response.discard();
      if (response.status !== 200)
        throw new OciError(
          'UNAUTHORIZED',
          `${registry} refuses the credentials: it answers ${response.status} to GET /v2/; nothing was kept`,
        );
    },
    { keychain },
  );
  if (!asked) context.err.write(`${registry} asks nobody for credentials: these were not checked\n`);
}
