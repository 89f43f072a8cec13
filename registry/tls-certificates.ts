import { KeyObject, createPrivateKey, randomBytes, webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import type { CertificatePair } from './tls-authority.js';

/** When a certificate is good. */
export interface Life {
  readonly from: Date;
  readonly to: Date;
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

/** Makes an authority that may sign for servers, and for nothing below it (RFC 5280, sections 4.2.1.3 and 4.2.1.9). */
export async function makeAuthority(life: Life): Promise<CertificatePair> {
  const x509 = await loadX509();
  const keys = await makeKeys();
  const flags = x509.KeyUsageFlags;
  const certificate = await x509.X509CertificateGenerator.createSelfSigned(
    {
      serialNumber: serialNumber(),
      // Told apart in a list of trusted ones.
      name: `CN=Ocilot local authority ${randomBytes(3).toString('hex')}`,
      notBefore: life.from,
      notAfter: life.to,
      signingAlgorithm: ALGORITHM,
      keys,
      extensions: [
        new x509.BasicConstraintsExtension(true, 0, true),
        new x509.KeyUsagesExtension(flags.keyCertSign | flags.cRLSign, true),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey, false, webcrypto),
      ],
    },
    webcrypto,
  );
  return { cert: `${certificate.toString('pem')}\n`, key: pemOf(keys.privateKey) };
}

/** Makes a server's certificate for names and addresses, signed by an authority. */
export async function makeCertificate(
  authority: CertificatePair,
  hosts: readonly string[],
  life: Life,
): Promise<CertificatePair> {
  const x509 = await loadX509();
  const issuer = new x509.X509Certificate(authority.cert);
  const keys = await makeKeys();
  const certificate = await x509.X509CertificateGenerator.create(
    {
      serialNumber: serialNumber(),
      subject: 'CN=Ocilot',
      issuer: issuer.subject,
      notBefore: life.from,
      notAfter: life.to,
      signingAlgorithm: ALGORITHM,
      publicKey: keys.publicKey,
      signingKey: await signingKey(authority.key),
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
        new x509.SubjectAlternativeNameExtension(
          hosts.map((value) => ({ type: isIP(value) > 0 ? ('ip' as const) : ('dns' as const), value })),
        ),
        await x509.AuthorityKeyIdentifierExtension.create(issuer, false, webcrypto),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey, false, webcrypto),
      ],
    },
    webcrypto,
  );
  return { cert: `${certificate.toString('pem')}\n`, key: pemOf(keys.privateKey) };
}

const makeKeys = async (): Promise<webcrypto.CryptoKeyPair> =>
  await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);

const pemOf = (key: webcrypto.CryptoKey): string =>
  KeyObject.from(key).export({ type: 'pkcs8', format: 'pem' }).toString();

async function signingKey(pem: string): Promise<webcrypto.CryptoKey> {
  const der = createPrivateKey(pem).export({ type: 'pkcs8', format: 'der' });
  return await webcrypto.subtle.importKey('pkcs8', der, ALGORITHM, false, ['sign']);
}

/** Sixteen random bytes that are a positive number (RFC 5280, section 4.1.2.2). */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes.writeUInt8((bytes.readUInt8() & 0x7f) | 0x40);
  return bytes.toString('hex');
}

let loading: ReturnType<typeof importX509> | undefined;

const loadX509 = (): ReturnType<typeof importX509> => (loading ??= importX509());

/**
 * Imports the library. It refuses to load without the metadata functions of decorators, which it then uses while it
 * loads and never again: they are lent for that time, so that this process's `Reflect` stays as it was.
 * It is CommonJS, and bundled it has its exports under `default` only.
 */
async function importX509() {
  if ('getMetadata' in Reflect) return (await import('@peculiar/x509')).default;
  const tables = new WeakMap<object, Map<unknown, unknown>>();
  const getMetadata = (key: unknown, target: object): unknown => tables.get(target)?.get(key);
  const lent = {
    getMetadata,
    getOwnMetadata: getMetadata,
    defineMetadata(key: unknown, value: unknown, target: object): void {
      tables.set(target, new Map(tables.get(target)).set(key, value));
    },
  };
  Object.assign(Reflect, lent);
  try {
    return (await import('@peculiar/x509')).default;
  } finally {
    for (const name of Object.keys(lent)) Reflect.deleteProperty(Reflect, name);
  }
}
