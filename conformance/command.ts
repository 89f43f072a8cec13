import { readFileSync, writeFileSync } from 'node:fs';
import { Command, CommanderError, Option } from 'commander';
import { isRepository } from '../oci/index.js';
import type { Credentials } from './credentials.js';
import { formatResult, formatSummary, toJUnit, toJson, countResults, wantsColor } from './report.js';
import { runConformance, selectTests, type ConformanceOptions } from './run.js';
import { socketWire } from './socket-wire.js';
import type { Profile } from './test-case.js';
import type { Wire } from './wire.js';

/** What the command is given of the process. */
export interface CommandHost {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly isTerminal: boolean;
  out(text: string): void;
  error(text: string): void;
  readonly signal?: AbortSignal;
}

interface Flags {
  readonly url?: string;
  readonly user?: string;
  readonly profile: Profile;
  readonly sparse?: boolean;
  readonly repository: string;
  readonly only?: string;
  readonly seed?: string;
  readonly junit?: string;
  readonly json?: boolean;
  readonly insecure?: boolean;
  readonly ca?: string;
  readonly list?: boolean;
}

/** The command line is wrong, or there is no registry: exit status 2. */
class UsageError extends Error {
  override readonly name = 'UsageError';
}

const EXAMPLES = `
Examples:
  conformance --url http://127.0.0.1:5000
  conformance --url http://127.0.0.1:5000 --profile strict --junit conformance.xml
  conformance --url https://registry.example --user robot:secret --ca ca.pem --repository team/conformance
  conformance --url http://127.0.0.1:5000 --only 'blob.chunked.*,upload.*'
  conformance --list --profile strict

Exit status: 0 no failure, 1 failures, 2 wrong usage or no registry.`;

/** Runs the command and gives its exit status. */
export async function runCommand(args: readonly string[], host: CommandHost): Promise<number> {
  try {
    const flags = parseFlags(args, host);
    return flags.list === true ? list(flags, host) : await run(flags, host);
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if (!(error instanceof UsageError)) throw error;
    host.error(`conformance: ${error.message}\n`);
    return 2;
  }
}

function parseFlags(args: readonly string[], host: CommandHost): Flags {
  const profile = new Option('--profile <name>', 'what to ask for').choices(['stable', 'dev', 'strict']);
  const command = new Command('conformance')
    .description('Checks a registry against the OCI distribution spec.')
    .option('--url <url>', 'registry, as http://127.0.0.1:5000')
    .option('--user <name:password>', 'credentials')
    .addOption(profile.default('stable'))
    .option('--sparse', 'the registry takes manifests whose content is not there')
    .option('--repository <prefix>', 'prefix of the repositories to push to', 'conformance')
    .option('--only <ids>', 'tests to run: * stands for anything, a comma separates')
    .option('--seed <word>', 'makes the same content and repositories as the run that printed it')
    .option('--junit <file>', 'write JUnit XML')
    .option('--json', 'print JSON instead of the table')
    .option('--insecure', 'accept any certificate')
    .option('--ca <file>', 'trust the authorities of this PEM file')
    .option('--list', 'print the tests instead of running them')
    .addHelpText('after', EXAMPLES)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => {
        host.out(text);
      },
      writeErr: (text) => {
        host.error(text.replace(/^error: /, 'conformance: '));
      },
    });
  return command.parse(args, { from: 'user' }).opts<Flags>();
}

function list(flags: Flags, host: CommandHost): number {
  const tests = selectTests({ ...flags, credentials: true, isSocket: true });
  for (const { id, level, profile = 'stable', section, title } of tests) {
    host.out(`${id.padEnd(46)} ${profile.padEnd(6)} ${level.padEnd(6)} ${section}: ${title}\n`);
  }
  return 0;
}

async function run(flags: Flags, host: CommandHost): Promise<number> {
  const options = runOptions(flags, host);
  const selection = { ...flags, credentials: flags.user !== undefined, isSocket: true };
  if (selectTests(selection).length === 0) {
    throw new UsageError(`no test fits --only ${flags.only ?? ''}; see --list`);
  }
  const wire = openWire(flags);
  try {
    await expectRegistry(wire, flags, host.signal);
    const color = wantsColor(host.isTerminal, host.env);
    const report = await runConformance({
      wire,
      options:
        flags.json === true
          ? options
          : {
              ...options,
              onResult: (result) => {
                host.out(`${formatResult(result, { color })}\n`);
              },
            },
    });
    host.out(flags.json === true ? toJson(report) : formatSummary(report, { color }));
    if (flags.junit !== undefined) writeFile(flags.junit, toJUnit(report));
    return countResults(report.results).fail === 0 ? 0 : 1;
  } finally {
    wire.close();
  }
}

function runOptions(flags: Flags, host: CommandHost): ConformanceOptions {
  const { profile, sparse, only, repository, seed } = flags;
  if (!isRepository(repository)) throw new UsageError(`--repository ${repository} is not a repository name`);
  if (seed !== undefined && !/^[a-z0-9]{1,32}$/.test(seed)) {
    throw new UsageError(`--seed ${seed} is not 1 to 32 characters of a-z and 0-9`);
  }
  return {
    profile,
    repository,
    ...(sparse === undefined ? {} : { sparse }),
    ...(only === undefined ? {} : { only }),
    ...(seed === undefined ? {} : { seed }),
    ...(host.signal === undefined ? {} : { signal: host.signal }),
  };
}

function openWire(flags: Flags): Wire {
  const url = parseUrl(flags.url);
  const credentials = parseUser(flags.user);
  return socketWire(url, {
    ...(credentials === undefined ? {} : { credentials }),
    ...(flags.insecure === undefined ? {} : { insecure: flags.insecure }),
    ...(flags.ca === undefined ? {} : { ca: readFile(flags.ca) }),
  });
}

function parseUrl(text: string | undefined): string {
  if (text === undefined) throw new UsageError('give the registry with --url, as http://127.0.0.1:5000');
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !['http:', 'https:'].includes(url.protocol)) {
    throw new UsageError(`--url ${text} is not a URL with http:// or https://`);
  }
  if (url.username !== '' || url.password !== '')
    throw new UsageError('give credentials with --user, not in --url');
  if (url.pathname !== '/' || url.search !== '')
    throw new UsageError(`--url ${text} has more than scheme, host and port`);
  return url.origin;
}

function parseUser(text: string | undefined): Credentials | undefined {
  if (text === undefined) return undefined;
  const colon = text.indexOf(':');
  if (colon < 1) throw new UsageError('--user is not name:password');
  return { username: text.slice(0, colon), password: text.slice(colon + 1) };
}

/** One clear line before the first test, instead of one failure for each. */
async function expectRegistry(wire: Wire, flags: Flags, signal: AbortSignal | undefined): Promise<void> {
  let status: number;
  try {
    ({ status } = await wire({ method: 'GET', path: '/v2/', ...(signal === undefined ? {} : { signal }) }));
  } catch (error) {
    signal?.throwIfAborted();
    throw new UsageError(`cannot reach ${wire.origin}: ${causeOf(error)}`);
  }
  if (status === 401) {
    const hint =
      flags.user === undefined ? 'asks for credentials: give --user' : 'refuses the credentials of --user';
    throw new UsageError(`${wire.origin} ${hint}`);
  }
  if (status === 404) throw new UsageError(`${wire.origin} is not a registry: GET /v2/ answered 404`);
}

function causeOf(error: unknown): string {
  // One error for each address of a name.
  if (error instanceof AggregateError) return error.errors.map(causeOf).join('; ');
  return error instanceof Error ? error.message : String(error);
}

function readFile(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new UsageError(`cannot read ${path}: ${causeOf(error)}`);
  }
}

function writeFile(path: string, text: string): void {
  try {
    writeFileSync(path, text);
  } catch (error) {
    throw new UsageError(`cannot write ${path}: ${causeOf(error)}`);
  }
}
