import { readFile } from 'node:fs/promises';
import type {
  Client,
  Credentials,
  Keychain,
  KeychainOptions,
  LogEntry,
  PlainHttpOptions,
  RemoteRepository,
  RetryEvent,
  RetryOptions,
  TlsTrust,
} from '../client/index.js';
import { OciError, printable } from '../oci/index.js';
import type { ClientFlags } from './client-options.js';
import type { Context } from './context.js';
import { UsageError } from './exit.js';
import { interruptible } from './interrupt.js';
import { registryMap, type Place } from './registry-map.js';
import { delayTierUp } from './slow-tier-up.js';
import { VERSION } from './version.js';
import { whyUnreadable } from './values/unreadable.js';

/** What a command talks to registries with. */
export interface Session {
  readonly client: Client;
  readonly keychain: Keychain;
  /** Where plain HTTP was allowed; the client knows. */
  readonly plain: PlainHttpOptions;
  /** How often what breaks off is gone on with; for `remoteSource` and `remoteSink`. */
  readonly retry: RetryOptions;
  /** Aborts when the command is interrupted. */
  readonly signal: AbortSignal;
  /** Where a repository is to be looked for, by `--registry-map`. */
  place(place: Place): Place;
  /** The repository of a reference, there. Throws OciError `NAME_INVALID`. */
  repository(place: Place): RemoteRepository;
}

/** What a command knows that its flags do not say. */
interface SessionOptions {
  /** Whose credentials are used, whatever the flags say. */
  readonly keychain?: Keychain;
  /** Credentials of flags, `IMGPKG_USERNAME` and the like are for the registries of these. Default all. */
  readonly givenFor?: readonly Place[];
  /** Sent with every request to a registry. */
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * Does a command's work with a client as its flags and the environment say, and ends its connections. What registries
 * warned of is printed once at the end, as `[WARNING]: text` on stderr, whether the work succeeded or not.
 * @throws OciError `INVALID_OPTION`, UsageError for flags that contradict each other; what the work throws
 */
export async function withClient<T>(
  context: Context,
  flags: ClientFlags,
  work: (session: Session) => Promise<T>,
  { keychain: own, givenFor, headers = {} }: SessionOptions = {},
): Promise<T> {
  const place = registryMap(flags.registryMap);
  delayTierUp();
  const library = await import('../client/index.js');
  const registries = givenFor?.map((named) => place(named).registry);
  const places = { ...keychainOptions(flags, context), ...(registries && { givenFor: registries }) };
  const keychain = own ?? library.defaultKeychain(places);
  const plainHttp = flags.insecure === true || flags.plainHttp === true || flags.registryInsecure === true;
  // Who allows plain HTTP means it for credentials too.
  const plain = { plainHttp, plainCredentials: plainHttp };
  const tls = library.hostCertificates(library.certificateFolders(places), await trustOf(flags));
  const { verbose, debug } = flags;
  const stallTimeout = flags.timeout ?? flags.registryResponseHeaderTimeout;
  const attempts = flags.retry ?? flags.registryRetryCount;
  // Who puts Docker's file aside means all of it.
  const aside = places.given === 'none' || places.authFile !== undefined;
  const retry: RetryOptions = attempts === undefined ? {} : { attempts };
  await using client = library.createClient({
    keychain,
    userAgent: `ocilot/${VERSION}`,
    ...plain,
    retry: { ...retry, onRetry: (event) => context.err.write(describeRetry(event)) },
    ...(stallTimeout === undefined ? {} : { stallTimeout }),
    headers: { ...(aside ? {} : await library.dockerHeaders(places)), ...headers },
    registries: await library.readRegistries(places),
    sockets: { tls, environment: context.env },
    ...(verbose === true || debug === true
      ? { onRequest: (entry: LogEntry) => context.err.write(describeEntry(entry)) }
      : {}),
  });
  const repository = (where: Place): RemoteRepository =>
    new library.RemoteRepository(client.transport, place(where));
  try {
    return await interruptible((signal) =>
      work({ client, keychain, plain, retry, signal, place, repository }),
    );
  } finally {
    printWarnings(context, client.warnings());
  }
}

/**
 * What flags and `IMGPKG_*` say about credentials, for `defaultKeychain`.
 * @throws UsageError
 */
export function keychainOptions(flags: ClientFlags, context: Context): KeychainOptions {
  const { env } = context;
  const given = givenCredentials(flags, env);
  return {
    environment: env,
    onWarning: (text) => printWarnings(context, [text]),
    ...(env['HOME'] ? { home: env['HOME'] } : {}),
    ...(given === undefined ? {} : { given }),
    ...(flags.authfile === undefined ? {} : { authFile: flags.authfile }),
  };
}

function givenCredentials(flags: ClientFlags, env: Context['env']): Credentials | 'none' | undefined {
  const username = flags.registryUsername ?? env['IMGPKG_USERNAME'] ?? '';
  const password = flags.registryPassword ?? env['IMGPKG_PASSWORD'] ?? '';
  const token = flags.registryToken ?? env['IMGPKG_TOKEN'] ?? '';
  if ((username === '') !== (password === ''))
    throw new UsageError(
      '--registry-username and --registry-password (IMGPKG_USERNAME, IMGPKG_PASSWORD) need each other',
    );
  if (username !== '') return { kind: 'password', username, password };
  if (token !== '') return { kind: 'token', token };
  return (flags.registryAnon ?? env['IMGPKG_ANON'] === 'true') ? 'none' : undefined;
}

async function trustOf(flags: ClientFlags): Promise<TlsTrust> {
  const { certFile, keyFile, insecure, registryVerifyCerts } = flags;
  if ((certFile === undefined) !== (keyFile === undefined))
    throw new UsageError('--cert-file and --key-file need each other');
  const authorities = [...(flags.caFile ?? []), ...(flags.registryCaCertPath ?? [])];
  const ca = await Promise.all(authorities.map(readPem));
  return {
    ...(ca.length === 0 ? {} : { ca }),
    ...(certFile === undefined || keyFile === undefined
      ? {}
      : { cert: await readPem(certFile), key: await readPem(keyFile) }),
    ...(insecure === true || registryVerifyCerts === false ? { insecure: true } : {}),
  };
}

async function readPem(path: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new OciError('INVALID_OPTION', `${path} cannot be read: ${whyUnreadable(cause)}`, { cause });
  });
  // A file of the wrong kind would be taken for an empty list.
  if (/-----BEGIN [A-Z ]+-----/.test(text)) return text;
  throw new OciError('INVALID_OPTION', `${path} is not PEM: expected -----BEGIN …`);
}

function describeRetry({ request, attempt, wait, cause }: RetryEvent): string {
  const why = typeof cause === 'number' ? `answered ${cause}` : `failed: ${cause.message}`;
  const { host } = new URL(request.url);
  return `${request.method} to ${host} ${printable(why)}; again in ${wait / 1000} s (attempt ${attempt})\n`;
}

/** A request and its answer, as lines. */
function describeEntry(entry: LogEntry): string {
  const { n, method, url, requestHeaders, status, responseHeaders = {}, error, elapsed } = entry;
  const headers = (mark: string, all: Readonly<Record<string, string>>): string[] =>
    Object.entries(all).map(([name, value]) => `${n} ${mark}   ${name}: ${value}`);
  const outcome = status ?? (error instanceof Error ? error.message : String(error));
  return [
    `${n} > ${method} ${url}`,
    ...headers('>', requestHeaders),
    `${n} < ${outcome} after ${Math.round(elapsed)} ms`,
    ...headers('<', responseHeaders),
  ]
    .map((line) => `${printable(line)}\n`)
    .join('');
}

function printWarnings({ err, env }: Context, texts: readonly string[]): void {
  const colour = err.isTerminal && !env['NO_COLOR'] && env['TERM'] !== 'dumb';
  const label = colour ? '\u001B[1;33m[WARNING]\u001B[0m' : '[WARNING]';
  for (const text of texts) err.write(`${label}: ${printable(text)}\n`);
}
