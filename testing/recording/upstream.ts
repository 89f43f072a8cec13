import { DEFAULT_REGISTRY, OciError, isHost, quote } from '../../oci/index.js';
import type * as Library from '../../client/index.js';
import type { Client, RemoteRepository } from '../../client/index.js';

/** The registry that is recorded. */
export interface Upstream {
  /** A repository of it by the name that clients of the recorder use. Throws OciError `NAME_INVALID`. */
  repository(name: string): RemoteRepository;
  /** Ends connections that were made for this. */
  close(): Promise<void>;
}

/**
 * Gets ready to ask a registry; nothing is sent yet.
 * @param address a host as references spell it, or a URL of one: `http://` allows plain HTTP there, credentials included
 * @param given what to ask with. Default: a client with the credentials, certificates and mirrors of this machine
 * @throws OciError `INVALID_OPTION` for an address that is none, or settings of this machine that cannot be read
 */
export async function openUpstream(
  address: string,
  given: Pick<Client, 'transport'> | undefined,
): Promise<Upstream> {
  const { registry, plain } = parseUpstream(address);
  const library = await import('../../client/index.js');
  const own = given === undefined ? await clientOfMachine(library, plain ? registry : undefined) : undefined;
  const transport = given?.transport ?? own?.transport;
  if (transport === undefined) throw new OciError('INVALID_OPTION', 'client: expected one with a transport');
  return {
    repository: (name) =>
      new library.RemoteRepository(transport, {
        registry,
        // Docker's own clients write this out; others leave it to the host.
        repository: registry === DEFAULT_REGISTRY && !name.includes('/') ? `library/${name}` : name,
      }),
    close: async () => {
      await own?.close();
    },
  };
}

/**
 * Reads the address of an upstream.
 * @throws OciError `INVALID_OPTION`
 */
export function parseUpstream(address: string): { readonly registry: string; readonly plain: boolean } {
  const [, scheme, host = ''] = /^(?:(https?):\/\/)?([^/]+)\/?$/.exec(address) ?? [];
  if (!isHost(host))
    throw new OciError(
      'INVALID_OPTION',
      `upstream ${quote(address)} is not valid: expected a host such as quay.io or http://127.0.0.1:5000`,
    );
  return { registry: host === 'docker.io' ? DEFAULT_REGISTRY : host, plain: scheme === 'http' };
}

async function clientOfMachine(library: typeof Library, plainHost: string | undefined): Promise<Client> {
  const plain = (host: string): boolean => host === plainHost;
  const [headers, registries] = await Promise.all([library.dockerHeaders(), library.readRegistries()]);
  return library.createClient({
    keychain: library.defaultKeychain(),
    headers,
    registries,
    sockets: { tls: library.hostCertificates() },
    plainHttp: plain,
    plainCredentials: plain,
  });
}
