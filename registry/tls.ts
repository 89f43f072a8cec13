import { readFile } from 'node:fs/promises';
import type { Server } from 'node:https';
import { createSecureContext } from 'node:tls';
import { OciError } from '../oci/index.js';
import { fileStamp } from './access/file-stamp.js';
import { LocalAuthority, type CertificatePair } from './tls-authority.js';

/** A certificate chain and its key, as PEM files; both are read again when one of them changes. */
export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
}

/** A certificate made on the spot by an authority of its own, and renewed before it ends. */
export interface TlsAuto {
  readonly auto: true;
  /** Where authority and certificate are kept, such as `tls` in the data folder. Default: in memory. */
  readonly folder?: string;
  /**
   * Names and addresses that clients use, besides `localhost`, `127.0.0.1`, `::1`, the name of this machine and the
   * address it listens on.
   */
  readonly hosts?: readonly string[];
}

/** How a server gets its certificate. */
export type TlsOptions = (TlsFiles | TlsAuto) & {
  /** How often to look for a change, in milliseconds. Default one second. */
  readonly every?: number;
  /** Told once of each new certificate that cannot be used: the one before it stays. */
  readonly onError?: (error: unknown) => void;
  /** Milliseconds since the epoch. Default `Date.now`. */
  readonly now?: () => number;
};

/** What clients must trust. */
export interface TlsAuthority {
  /** The certificate. */
  readonly pem: string;
  /** Where it lies, when it is kept. */
  readonly path?: string;
}

/** The certificate of a server, now and later. */
export interface Tls {
  readonly pair: CertificatePair;
  /** Of a certificate that was made here. */
  readonly authority?: TlsAuthority;
  /** Gives the server every new certificate, until the function that it returns is called. */
  follow(server: Server): () => void;
}

/** Where certificates come from. */
interface Source {
  /** True when `load` has something new, or wants to be tried again. */
  changed(): Promise<boolean>;
  /** @throws OciError `INVALID_OPTION` */
  load(): Promise<CertificatePair>;
}

/**
 * Gets the certificate of a server.
 * @param host what it listens on
 * @throws OciError `INVALID_OPTION` when files cannot be read or do not fit together, or a host is not one
 */
export async function openTls(options: TlsOptions, host: string): Promise<Tls> {
  const { every = 1000, onError = () => undefined, now = Date.now } = options;
  if (!Number.isFinite(every) || every <= 0)
    throw new OciError('INVALID_OPTION', `tls every is ${every}, expected milliseconds`);
  const authority = 'auto' in options ? new LocalAuthority({ ...options, now, host }) : undefined;
  const source: Source = authority ?? fileSource(options as TlsFiles);
  const pair = await source.load();
  return {
    pair,
    ...(authority === undefined ? {} : { authority: authority.public }),
    follow: (server) => follow(server, source, every, onError),
  };
}

function follow(
  server: Server,
  source: Source,
  every: number,
  onError: (error: unknown) => void,
): () => void {
  let busy = false;
  const check = async (): Promise<void> => {
    if (busy) return;
    busy = true;
    try {
      if (await source.changed()) server.setSecureContext(await source.load());
    } catch (error) {
      onError(error);
    } finally {
      busy = false;
    }
  };
  const timer = setInterval(() => void check(), every);
  timer.unref();
  return () => clearInterval(timer);
}

function fileSource({ cert, key }: TlsFiles): Source {
  const stamp = async (): Promise<string> => `${await fileStamp(cert)} ${await fileStamp(key)}`;
  let seen = '';
  return {
    changed: async () => (await stamp()) !== seen,
    async load() {
      seen = await stamp();
      const pair = { cert: await read('certificate', cert), key: await read('key', key) };
      try {
        createSecureContext(pair);
      } catch (cause) {
        throw unusable(`certificate ${cert} and key ${key} cannot be used together`, cause);
      }
      return pair;
    },
  };
}

async function read(what: string, path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw unusable(`${what} ${path} cannot be read`, cause);
  }
}

const unusable = (problem: string, cause: unknown): OciError =>
  new OciError('INVALID_OPTION', `TLS ${problem}: ${(cause as Error).message}`, { cause });
