import type { Keychain } from './credentials/keychain.js';
import type { TrustByHost } from './drivers/tls-trust.js';
import { undiciDriver, type UndiciOptions } from './drivers/undici.js';
import { auth } from './layers/auth.js';
import { httpHeaders } from './layers/http-headers.js';
import { limit } from './layers/limit.js';
import { log, type LogEntry } from './layers/log.js';
import { mirrors } from './layers/mirrors.js';
import { redirect } from './layers/redirect.js';
import { retry, type RetryOptions } from './layers/retry.js';
import { scheme } from './layers/scheme.js';
import { stall, type StallOptions } from './layers/stall.js';
import { userAgent } from './layers/user-agent.js';
import { warnings } from './layers/warnings.js';
import { includes, type PlainHttpOptions } from './plain-http.js';
import { insecureBy, type RegistryRule } from './registries/rules.js';
import { fold, type Driver, type Transport } from './transport.js';

/** How registries are spoken to. Everything has a default. */
export interface ClientOptions extends PlainHttpOptions, StallOptions {
  /** Default: nobody's credentials. */
  readonly keychain?: Keychain;
  readonly retry?: RetryOptions;
  /** Requests under way to one host at most, reads and writes apart. Default 8. */
  readonly perHost?: number;
  /** Default `ocilot`. */
  readonly userAgent?: string;
  /** Mirrors and other places of registries. Default: each is where its name says. */
  readonly registries?: readonly RegistryRule[];
  /** Sent along to registries, and to nobody else, as Docker's `HttpHeaders`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Told of every request that goes out, with nothing secret in it. */
  readonly onRequest?: (entry: LogEntry) => void;
  /** Connections, when there is no `driver`. */
  readonly sockets?: UndiciOptions;
  /** What requests are sent with. Default: sockets. */
  readonly driver?: Driver | Transport;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

/** A transport with everything on it, and what it has learnt: schemes, tokens, connections. To be shared. */
export interface Client {
  readonly transport: Transport;
  /** What registries have warned of so far: distinct texts, sorted. */
  warnings(): string[];
  /** Ends its connections; requests under way fail. A driver that was given is closed too. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Makes a client for any number of registries. Nothing is loaded or connected before the first request.
 * @throws OciError `INVALID_OPTION`
 */
export function createClient(options: ClientOptions = {}): Client {
  const { now, perHost, onRequest } = options;
  const insecure = insecureBy(options.registries ?? []);
  const { driver = socketsOf(options, insecure) } = options;
  const plain = plainOf(options, insecure);
  const clock = now === undefined ? {} : { now };
  const heard = warnings();
  const transport = fold(typeof driver === 'function' ? driver : driver.transport, [
    heard.layer,
    mirrors({ ...options, ...clock }),
    // Above retries: tokens are asked for by requests of their own, which are retried too.
    auth({ ...options, ...plain, ...clock }),
    retry({ ...clock, ...options.retry }),
    redirect(),
    ...(options.headers === undefined ? [] : [httpHeaders(options.headers)]),
    scheme(plain),
    limit(perHost === undefined ? {} : { perHost }),
    stall(options),
    userAgent(options.userAgent ?? 'ocilot'),
    ...(onRequest === undefined ? [] : [log({ onEntry: onRequest })]),
  ]);
  const close = async (): Promise<void> => {
    if (typeof driver !== 'function') await driver.close();
  };
  return { transport, warnings: () => heard.list(), close, [Symbol.asyncDispose]: close };
}

/** What rules call insecure is meant for plain HTTP, credentials included. */
function plainOf(options: ClientOptions, insecure: (host: string) => boolean): PlainHttpOptions {
  const { plainHttp, plainCredentials } = options;
  return {
    plainHttp: (host) => insecure(host) || includes(plainHttp, host),
    plainCredentials: (host) => insecure(host) || includes(plainCredentials, host),
  };
}

/** Silence is watched by a layer of our own, over any driver. */
function socketsOf({ sockets = {} }: ClientOptions, insecure: (host: string) => boolean): Driver {
  const { tls } = sockets;
  const trust: TrustByHost = async (host) => {
    const given = typeof tls === 'function' ? await tls(host) : tls;
    return insecure(host) ? { ...given, insecure: true } : given;
  };
  return undiciDriver({ headersTimeout: 0, bodyTimeout: 0, ...sockets, tls: trust });
}
