import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What clients must know of a registry. */
export interface ClientFacts {
  /** `host:port`. */
  readonly host: string;
  readonly users?: Readonly<Record<string, string>> | undefined;
  /** The certificate to trust, in PEM. */
  readonly ca?: string | undefined;
}

/** A folder that client programs find credentials and certificates in; made when it is first asked for. */
export class ClientHome {
  readonly #facts: ClientFacts;
  #folder: string | undefined;

  constructor(facts: ClientFacts) {
    this.#facts = facts;
  }

  /** Its path. Readable by nobody else. */
  get folder(): string {
    this.#folder ??= this.#make();
    return this.#folder;
  }

  /** Variables that docker, podman, skopeo, buildah, crane, cosign, oras, Go and node look at. */
  get env(): Readonly<Record<string, string>> {
    const { folder } = this;
    const ca = join(folder, 'ca.pem');
    return {
      DOCKER_CONFIG: folder,
      REGISTRY_AUTH_FILE: join(folder, 'config.json'),
      ...(this.#facts.ca === undefined
        ? {}
        : { SSL_CERT_FILE: ca, NODE_EXTRA_CA_CERTS: ca, CURL_CA_BUNDLE: ca }),
    };
  }

  async remove(): Promise<void> {
    const folder = this.#folder;
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  }

  #make(): string {
    const { host, users = {}, ca } = this.#facts;
    const folder = mkdtempSync(join(tmpdir(), 'ocilot-client-'));
    const [user] = Object.entries(users);
    const auths =
      user === undefined ? {} : { [host]: { auth: Buffer.from(user.join(':')).toString('base64') } };
    writeFileSync(join(folder, 'config.json'), `${JSON.stringify({ auths }, null, 2)}\n`, { mode: 0o600 });
    if (ca === undefined) return folder;
    writeFileSync(join(folder, 'ca.pem'), ca);
    const certs = join(folder, 'certs.d', host);
    mkdirSync(certs, { recursive: true });
    writeFileSync(join(certs, 'ca.crt'), ca);
    return folder;
  }
}
