import { readFile, readdir } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import * as tls from 'node:tls';
import { OciError } from '../../oci/index.js';
import type { Environment } from './proxies.js';

const CERTIFICATE = /-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----/;

/** How one host is trusted, and how it knows us. */
export interface TlsTrust {
  /** Authorities, as PEM, besides those that this process trusts anyhow. */
  readonly ca?: string | readonly string[];
  /** Our certificate chain, as PEM. */
  readonly cert?: string;
  /** Its key, as PEM. */
  readonly key?: string;
  /** Of the key, if it is locked. */
  readonly passphrase?: string;
  /** True: whoever answers is believed. Default false. */
  readonly insecure?: boolean;
}

/** How each host is trusted, by its `host[:port]`; asked once for each connection pool. */
export type TrustByHost = (host: string) => TlsTrust | undefined | Promise<TlsTrust | undefined>;

/** What a TLS connection is made with. */
export interface ConnectOptions {
  readonly ca?: string[];
  readonly cert?: string;
  readonly key?: string;
  readonly passphrase?: string;
  readonly rejectUnauthorized?: boolean;
}

/**
 * Options of TLS for a host. Authorities of our own are added to the built-in ones and to those that the environment
 * names: Node would leave these out once a list is given.
 * @throws OciError `INVALID_OPTION` for a certificate without its key, or authorities that cannot be read
 */
export async function connectOptions(trust: TlsTrust, environment: Environment): Promise<ConnectOptions> {
  const { ca = [], cert, key, passphrase, insecure } = trust;
  if ((cert === undefined) !== (key === undefined))
    throw new OciError('INVALID_OPTION', 'a client certificate needs both cert and key');
  const ours = [...[ca].flat(), ...(await ofOpenssl(environment))];
  return {
    ...(ours.length === 0 ? {} : { ca: [...tls.rootCertificates, ...(await ofNode(environment)), ...ours] }),
    ...(cert === undefined || key === undefined ? {} : { cert, key }),
    ...(passphrase === undefined ? {} : { passphrase }),
    ...(insecure === true ? { rejectUnauthorized: false } : {}),
  };
}

/** `NODE_EXTRA_CA_CERTS`, which Node takes in by itself as long as no list is given. */
async function ofNode(environment: Environment): Promise<string[]> {
  const file = environment.NODE_EXTRA_CA_CERTS;
  return file ? [await readPem('NODE_EXTRA_CA_CERTS', file)] : [];
}

/** `SSL_CERT_FILE` and `SSL_CERT_DIR`, a list of folders, as OpenSSL and Go read them. */
async function ofOpenssl(environment: Environment): Promise<string[]> {
  const { SSL_CERT_FILE: file, SSL_CERT_DIR: folders } = environment;
  const found = file ? [await readPem('SSL_CERT_FILE', file)] : [];
  for (const folder of (folders ?? '').split(delimiter).filter((path) => path !== ''))
    found.push(...(await readFolder(folder)));
  return found;
}

async function readPem(name: string, file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new OciError('INVALID_OPTION', `${name} ${file} cannot be read: ${(cause as Error).message}`, {
      cause,
    });
  });
  if (CERTIFICATE.test(text)) return text;
  throw new OciError('INVALID_OPTION', `${name} ${file} holds no certificate: expected PEM`);
}

/** What in a folder is a certificate: such folders hold much else, links to nowhere among it. */
async function readFolder(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => []);
  const texts = await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8').catch(() => '')));
  // Most stand there under two names.
  return [...new Set(texts.filter((text) => CERTIFICATE.test(text)))];
}
