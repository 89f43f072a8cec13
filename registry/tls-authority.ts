import { X509Certificate, createPrivateKey } from 'node:crypto';
import { isIP } from 'node:net';
import { hostname } from 'node:os';
import { OciError, quote } from '../oci/index.js';
import type { Vault } from './tls-vault.js';
import { folderVault, memoryVault } from './tls-vault.js';

/** A certificate and its key, both PEM. */
export interface CertificatePair {
  readonly cert: string;
  readonly key: string;
}

const DAY = 24 * 60 * 60 * 1000;

/** How long the authority is good for. */
const AUTHORITY_LIFE = 10 * 365 * DAY;
/** How long a certificate is good for: clients refuse those that last much longer than a year. */
const CERTIFICATE_LIFE = 397 * DAY;
/** What is left of a life when it is time for the next one. */
const RENEW_BEFORE = 30 * DAY;
/** How long after a failed renewal the next is tried. */
const TRY_AGAIN = 60 * 60 * 1000;

const CA = 'ca.pem';
const CA_KEY = 'ca-key.pem';
/** Certificate and key in one file, so that they cannot come apart. */
const SERVER = 'server.pem';

/** What a `LocalAuthority` works with. */
export interface LocalAuthorityOptions {
  /** Where everything is kept. Default: in memory. */
  readonly folder?: string;
  /** What clients call the server, besides its usual names. */
  readonly hosts?: readonly string[];
  /** What the server listens on. */
  readonly host: string;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** A certificate authority for one server: made when it is first needed, and kept, so that clients trust it once. */
export class LocalAuthority {
  readonly #vault: Vault;
  readonly #hosts: readonly string[];
  readonly #now: () => number;
  #pem = '';
  #renewAt = 0;

  /** @throws OciError `INVALID_OPTION` when a host is not one */
  constructor({ folder, hosts = [], host, now }: LocalAuthorityOptions) {
    this.#vault = folder === undefined ? memoryVault() : folderVault(folder);
    this.#hosts = namesOf(hosts, host);
    this.#now = now;
  }

  /** What clients must trust; known after `load`. */
  get public(): { readonly pem: string; readonly path?: string } {
    const path = this.#vault.path(CA);
    return { pem: this.#pem, ...(path === undefined ? {} : { path }) };
  }

  /** True when it is time for a new certificate. */
  changed(): Promise<boolean> {
    return Promise.resolve(this.#now() >= this.#renewAt);
  }

  /**
   * The certificate that was kept if it will do, else a new one.
   * @throws OciError `INVALID_OPTION` when what was kept is damaged, or cannot be kept
   */
  async load(): Promise<CertificatePair> {
    this.#renewAt = this.#now() + TRY_AGAIN;
    const authority = (await this.#readAuthority()) ?? (await this.#makeAuthority());
    const pair = (await this.#readPair(authority)) ?? (await this.#makePair(authority));
    this.#pem = authority.cert;
    this.#renewAt = renewalOf(new X509Certificate(pair.cert));
    return pair;
  }

  async #readAuthority(): Promise<CertificatePair | undefined> {
    const cert = await this.#vault.read(CA);
    // A key alone is what a crash leaves behind before the authority was shown to anybody.
    if (cert === undefined) return undefined;
    const key = await this.#vault.read(CA_KEY);
    const parsed = parsePair(cert, key ?? '');
    if (parsed?.ca !== true) {
      throw new OciError(
        'INVALID_OPTION',
        `${this.#vault.path(CA) ?? CA} and ${CA_KEY} beside it are not an authority and its key: put them back, or delete both and trust the new ones`,
      );
    }
    return this.#now() >= renewalOf(parsed) ? undefined : { cert, key: key ?? '' };
  }

  async #makeAuthority(): Promise<CertificatePair> {
    const { makeAuthority } = await import('./tls-certificates.js');
    const pair = await makeAuthority(this.#life(AUTHORITY_LIFE));
    await this.#vault.write(CA_KEY, pair.key, 'secret');
    await this.#vault.write(CA, pair.cert, 'public');
    return pair;
  }

  async #readPair(authority: CertificatePair): Promise<CertificatePair | undefined> {
    const text = await this.#vault.read(SERVER);
    if (text === undefined) return undefined;
    const pair = { cert: text, key: text };
    const parsed = parsePair(pair.cert, pair.key);
    if (parsed === undefined || !parsed.verify(new X509Certificate(authority.cert).publicKey))
      return undefined;
    const now = this.#now();
    if (now < Date.parse(parsed.validFrom) || now >= renewalOf(parsed)) return undefined;
    return this.#hosts.every((host) => covers(parsed, host)) ? pair : undefined;
  }

  async #makePair(authority: CertificatePair): Promise<CertificatePair> {
    const { makeCertificate } = await import('./tls-certificates.js');
    const ends = Date.parse(new X509Certificate(authority.cert).validTo);
    const pair = await makeCertificate(authority, this.#hosts, this.#life(CERTIFICATE_LIFE, ends));
    await this.#vault.write(SERVER, pair.cert + pair.key, 'secret');
    return pair;
  }

  /** From a day ago, for clients whose clock is late. */
  #life(length: number, end = Number.POSITIVE_INFINITY): { readonly from: Date; readonly to: Date } {
    const now = this.#now();
    return { from: new Date(now - DAY), to: new Date(Math.min(now + length, end)) };
  }
}

const renewalOf = (certificate: X509Certificate): number => Date.parse(certificate.validTo) - RENEW_BEFORE;

/** A certificate that belongs to its key; undefined when either is damaged. */
function parsePair(cert: string, key: string): X509Certificate | undefined {
  try {
    const certificate = new X509Certificate(cert);
    return certificate.checkPrivateKey(createPrivateKey(key)) ? certificate : undefined;
  } catch {
    return undefined;
  }
}

function covers(certificate: X509Certificate, host: string): boolean {
  const found = isIP(host) > 0 ? certificate.checkIP(host) : certificate.checkHost(host.replace('*', 'any'));
  return found !== undefined;
}

const DNS_NAME = /^(?:\*\.)?[a-z0-9](?:[a-z0-9_-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9_-]*[a-z0-9])?)*$/;
const ANY_ADDRESS: ReadonlySet<string> = new Set(['0.0.0.0', '::']);

/** Every name and address once. */
function namesOf(hosts: readonly string[], listening: string): readonly string[] {
  const given = hosts.map((host) => host.toLowerCase().replace(/^\[(.*)\]$/, '$1'));
  const wrong = given.findIndex((host) => !isName(host));
  if (wrong >= 0) {
    throw new OciError(
      'INVALID_OPTION',
      `TLS host ${quote(hosts[wrong] ?? '')} is not valid: expected a DNS name or an address, without a port`,
    );
  }
  const usual = [hostname().toLowerCase(), listening.toLowerCase()].filter(
    (host) => isName(host) && !ANY_ADDRESS.has(host),
  );
  return [...new Set(['localhost', '127.0.0.1', '::1', ...usual, ...given])];
}

const isName = (host: string): boolean => isIP(host) > 0 || (host.length <= 253 && DNS_NAME.test(host));
