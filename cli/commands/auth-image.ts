import { Command, Option } from 'commander';
import type { Credentials } from '../../client/index.js';
import { OciError, parseReference } from '../../oci/index.js';
import { listed, withClientOptions, withCredentialOptions, type ClientFlags } from '../client-options.js';
import { keychainOptions, withClient } from '../client-session.js';
import type { Context } from '../context.js';
import { EXIT, UsageError } from '../exit.js';
import { withExamples } from '../help.js';
import { interruptible } from '../interrupt.js';
import { readPiped } from '../password.js';
import { formatTarget, parseTarget } from '../registry-target.js';
import { authFileOf } from './auth-file-of.js';

/** What docker and its like take for "none", word for word, on stdout and with exit code 1. */
const NOT_FOUND = 'credentials not found in native keychain';

/** `ocilot image auth`: crane's `auth`. */
export function imageAuthCommand(context: Context): Command {
  return new Command('auth')
    .description('log in or out, and show credentials and tokens')
    .addCommand(getCommand(context))
    .addCommand(loginCommand(context))
    .addCommand(logoutCommand(context))
    .addCommand(tokenCommand(context));
}

function getCommand(context: Context): Command {
  const command = withCredentialOptions(new Command('get'))
    .description('print the credentials for a registry, as a credential helper does')
    .argument('[registry]', 'default: what standard input says');
  withExamples(command, [
    ['ocilot image auth get registry.example', 'prints {"Username":…,"Secret":…}'],
    ['echo registry.example | ocilot image auth get', 'as docker asks its helpers'],
  ]);
  return command.action(async (place: string | undefined, flags: ClientFlags) => {
    const target = await parseTarget(place ?? (await readRegistry(context)));
    const { defaultKeychain } = await import('../../client/index.js');
    const keychain = defaultKeychain(keychainOptions(flags, context));
    const found = await interruptible((signal) => keychain.resolve(target, { signal }));
    if (found === undefined) {
      context.out.write(`${NOT_FOUND}\n`);
      context.exitCode = EXIT.failure;
    } else context.out.write(`${JSON.stringify(pairOf(found, formatTarget(target)))}\n`);
  });
}

async function readRegistry(context: Context): Promise<string> {
  if (context.input.isTTY === true) throw new UsageError('name a registry, or pipe its name in');
  return (await readPiped(context, 'registry')).trim();
}

function pairOf(credentials: Credentials, target: string): { Username: string; Secret: string } {
  if (credentials.kind === 'password')
    return { Username: credentials.username, Secret: credentials.password };
  if (credentials.kind === 'identity') return { Username: '<token>', Secret: credentials.token };
  throw new OciError(
    'UNSUPPORTED',
    `the credentials for ${target} are a registry token, which credential helpers cannot give`,
  );
}

function loginCommand(context: Context): Command {
  const command = new Command('login')
    .description('keep the user and password of a registry, without asking it')
    .argument('<registry>')
    .option('-u, --username <name>')
    .option('-p, --password <password>', 'shown to everybody who lists processes: better --password-stdin')
    .option('--password-stdin', 'read the password from standard input');
  withExamples(command, [
    ['pass show ci | ocilot image auth login registry.example -u ci --password-stdin', 'keep it'],
  ]);
  interface Flags {
    readonly username?: string;
    readonly password?: string;
    readonly passwordStdin?: boolean;
  }
  return command.action(async (place: string, flags: Flags) => {
    const target = await parseTarget(place);
    const { username = '', passwordStdin } = flags;
    const password = passwordStdin === true ? await readPiped(context, 'password') : (flags.password ?? '');
    if (username === '' && password === '') throw new UsageError('username and password are required');
    const { login } = await import('../../client/credentials/login.js');
    const { fromPair } = await import('../../client/credentials/auth-file.js');
    const file = authFileOf({}, context);
    await login(formatTarget(target), fromPair(username, password), { file, environment: context.env });
    context.err.write(`logged in via ${file}\n`);
  });
}

function logoutCommand(context: Context): Command {
  const command = new Command('logout').description('forget them').argument('<registry>');
  withExamples(command, [['ocilot image auth logout registry.example', 'forget user and password']]);
  return command.action(async (place: string) => {
    const target = await parseTarget(place);
    const { logout } = await import('../../client/credentials/login.js');
    const file = authFileOf({}, context);
    await logout(formatTarget(target), { file, environment: context.env });
    context.err.write(`logged out via ${file}\n`);
  });
}

interface TokenFlags extends ClientFlags {
  readonly header?: boolean;
  readonly push?: boolean;
  readonly mount?: readonly string[];
}

function tokenCommand(context: Context): Command {
  const command = withClientOptions(new Command('token'))
    .description('buy a token for a repository, where registries work by tokens')
    .argument('<repository>')
    .option('-H, --header', 'print it as a header for curl')
    .option('--push', 'for pushing too')
    .addOption(
      new Option(
        '-m, --mount <repository>',
        'for reading this too, to mount its blobs (repeatable, or with commas)',
      ).argParser(listed),
    );
  withExamples(command, [
    [
      'curl -H "$(ocilot image auth token -H alpine)" https://index.docker.io/v2/library/alpine/tags/list',
      'use it',
    ],
    ['ocilot image auth token registry.example/app --push -m registry.example/base', 'as JSON'],
  ]);
  return command.action(async (name: string, flags: TokenFlags) => {
    const token = await withClient(context, flags, async (session) => {
      const target = session.place(parseReference(name));
      const mounts = (flags.mount ?? []).map((mount) => session.place(parseReference(mount)).repository);
      const scopes = [
        `repository:${target.repository}:${flags.push === true ? 'push,pull' : 'pull'}`,
        ...mounts.map((repository) => `repository:${repository}:pull`),
      ];
      const { exchangeToken } = await import('../../client/index.js');
      const { signal, plain } = session;
      const credentials = await session.keychain.resolve(target, { signal });
      return await exchangeToken(session.client.transport, target, {
        ...plain,
        scopes,
        signal,
        ...(credentials === undefined ? {} : { credentials }),
      });
    });
    const { value, refreshToken = '', lifetime } = token;
    if (flags.header === true) context.out.write(`Authorization: Bearer ${value}`);
    else {
      const answer = {
        token: value,
        access_token: value,
        refresh_token: refreshToken,
        expires_in: Math.round(lifetime / 1000),
      };
      context.out.write(`${JSON.stringify(answer)}\n`);
    }
  });
}
