import { readFile } from 'node:fs/promises';
import * as tls from 'node:tls';
import { OciError } from '../../oci/index.js';
import type { Environment } from './proxies.js';

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

/** What a TLS connection is made with. */
export interface ConnectOptions {
  readonly ca?: string[];
  readonly cert?: string;
  readonly key?: string;
  readonly passphrase?: string;
  readonly rejectUnauthorized?: boolean;
}

/**
 * Options of TLS for a host. Authorities of our own are added to the built-in ones and those of `NODE_EXTRA_CA_CERTS`,
 * which Node would leave out once a list is given.
 * @throws OciError `INVALID_OPTION` for a certificate without its key, or a file of authorities that cannot be read
 */
export async function connectOptions(trust: TlsTrust, environment: Environment): Promise<ConnectOptions> {
  const { ca, cert, key, passphrase, insecure } = trust;
  if ((cert === undefined) !== (key === undefined))
    throw new OciError('INVALID_OPTION', 'a client certificate needs both cert and key');
  return {
    ...(ca === undefined ? {} : { ca: [...(await trustedAnyhow(environment)), ...[ca].flat()] }),
    ...(cert === undefined || key === undefined ? {} : { cert, key }),
    ...(passphrase === undefined ? {} : { passphrase }),
    ...(insecure === true ? { rejectUnauthorized: false } : {}),
  };
}

async function trustedAnyhow(environment: Environment): Promise<readonly string[]> {
  const file = environment.NODE_EXTRA_CA_CERTS;
  if (!file) return tls.rootCertificates;
  try {
    return [...tls.rootCertificates, await readFile(file, 'utf8')];
  } catch (cause) {
    throw new OciError('INVALID_OPTION', `NODE_EXTRA_CA_CERTS ${file} cannot be read`, { cause });
  }
}
