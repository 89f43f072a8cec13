import { OciError, isObject, quote } from '../../oci/index.js';
import { fromPair } from './auth-file.js';
import type { Credentials } from './keychain.js';
import { runProgram, type ProgramEnd, type ProgramOptions } from './run-program.js';

/** What a helper is run with. */
export interface HelperOptions extends Omit<ProgramOptions, 'input'> {
  /** Who names the helper, for messages: `~/.docker/config.json`. */
  readonly namedBy?: string;
}

const PREFIX = 'docker-credential-';
const NAME = /^[A-Za-z0-9][\w.-]*$/;
const DEFAULT_NAMER = 'the configuration';

/** What helpers print when they have nothing; they do so with exit code 1. */
const NOTHING = [
  'credentials not found in native keychain',
  'no credentials server URL',
  'no credentials username',
];

/**
 * Asks a helper, `docker-credential-NAME get`, for the credentials of a server.
 * @returns undefined when it has none
 * @throws OciError `INVALID_OPTION` when it cannot be run or fails; the message names it
 */
export async function helperGet(
  helper: string,
  server: string,
  options: HelperOptions = {},
): Promise<Credentials | undefined> {
  const { code, output, errors } = await run(helper, 'get', server, options);
  const said = output.trim();
  if (code !== 0) {
    if (NOTHING.some((text) => said.includes(text))) return undefined;
    throw failed(helper, 'get', server, options, said || errors.trim() || `it ended with ${code}`);
  }
  const answer = parse(said);
  const { Username: username, Secret: secret } = answer ?? {};
  if (typeof username !== 'string' || typeof secret !== 'string')
    throw failed(helper, 'get', server, options, 'its answer is not JSON with Username and Secret');
  return username === '' && secret === '' ? undefined : fromPair(username, secret);
}

/**
 * Gives a helper credentials to keep.
 * @throws OciError `INVALID_OPTION`
 */
export async function helperStore(
  helper: string,
  server: string,
  { username, secret }: { readonly username: string; readonly secret: string },
  options: HelperOptions = {},
): Promise<void> {
  const input = JSON.stringify({ ServerURL: server, Username: username, Secret: secret });
  const { code, output, errors } = await run(helper, 'store', input, options);
  if (code !== 0)
    throw failed(helper, 'store', server, options, (output + errors).trim() || `it ended with ${code}`);
}

/**
 * Makes a helper forget the credentials of a server; that it has none is no error.
 * @throws OciError `INVALID_OPTION`
 */
export async function helperErase(
  helper: string,
  server: string,
  options: HelperOptions = {},
): Promise<void> {
  const { code, output, errors } = await run(helper, 'erase', server, options);
  if (code === 0 || NOTHING.some((text) => output.includes(text))) return;
  throw failed(helper, 'erase', server, options, (output + errors).trim() || `it ended with ${code}`);
}

async function run(helper: string, verb: string, input: string, options: HelperOptions): Promise<ProgramEnd> {
  const { namedBy = DEFAULT_NAMER } = options;
  if (!NAME.test(helper))
    throw new OciError('INVALID_OPTION', `${quote(helper)} in ${namedBy} is no name of a credential helper`);
  try {
    return await runProgram(`${PREFIX}${helper}`, [verb], { ...options, input });
  } catch (cause) {
    options.signal?.throwIfAborted();
    throw failed(helper, verb, undefined, options, (cause as Error).message, cause);
  }
}

function parse(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function failed(
  helper: string,
  verb: string,
  server: string | undefined,
  { namedBy = DEFAULT_NAMER }: HelperOptions,
  why: string,
  cause?: unknown,
): OciError {
  const about = server === undefined ? '' : ` for ${server}`;
  return new OciError(
    'INVALID_OPTION',
    `credential helper ${PREFIX}${helper} ${verb}${about} failed: ${quote(why)}; ` +
      `install it, or take it out of ${namedBy} and log in again`,
    { cause },
  );
}
