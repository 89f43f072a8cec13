import {
  MEDIA_TYPES,
  describe,
  digestOf,
  encodeJson,
  type Descriptor,
  type Digest,
} from '../../../oci/index.js';
import { bytesOf } from '../content.js';
import type { Random } from './random.js';

/** Content of a load. */
export interface LoadBlob extends Descriptor {
  readonly bytes: Uint8Array;
}

/** Blobs that many images share, small and large. */
export function blobPool(count: number): LoadBlob[] {
  return Array.from({ length: count }, (_, at) => {
    const size = at % 3 === 0 ? 70_000 + at * 40_000 : 300 + at * 1000;
    const bytes = bytesOf(`pool ${at}`, size);
    return { ...describe(MEDIA_TYPES.ociLayer, bytes), bytes };
  });
}

/** An image of the pool; each has a config of its own. */
export interface LoadImage {
  readonly digest: Digest;
  readonly bytes: Uint8Array;
  readonly blobs: readonly LoadBlob[];
}

const bare = ({ mediaType, digest, size }: Descriptor): Descriptor => ({ mediaType, digest, size });

export function imageOf(seed: string, layers: readonly LoadBlob[]): LoadImage {
  const configBytes = encodeJson({ architecture: 'amd64', os: 'linux', seed });
  const config = { ...describe(MEDIA_TYPES.ociConfig, configBytes), bytes: configBytes };
  const bytes = encodeJson({
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.ociManifest,
    config: bare(config),
    layers: layers.map(bare),
  });
  return { digest: digestOf(bytes), bytes, blobs: [...layers, config] };
}

/** An answer that was not what it should be. */
export class Unexpected extends Error {
  readonly status: number;

  constructor(what: string, status: number, body: string) {
    super(`${what}: ${status} ${body.slice(0, 300)}`);
    this.status = status;
  }
}

/** An upload that was under way. */
export interface Session {
  readonly path: string;
  readonly blob: LoadBlob;
  acknowledged: number;
}

/** Pushes to one repository over HTTP, in every way that there is. */
export class Pusher {
  readonly repo: string;
  readonly #url: string;
  readonly #random: Random;
  /** The upload that is under way in chunks. */
  session: Session | undefined;

  constructor(url: string, repo: string, random: Random) {
    this.#url = url;
    this.repo = repo;
    this.#random = random;
  }

  /** @throws Unexpected when the status is none of those expected */
  async ask(
    method: string,
    path: string,
    expected: readonly number[],
    init: { readonly headers?: Record<string, string>; readonly body?: Uint8Array } = {},
  ): Promise<{ readonly status: number; readonly headers: Headers; readonly bytes: Uint8Array }> {
    const answer = await fetch(this.#url + path, { method, ...init });
    const bytes = new Uint8Array(await answer.arrayBuffer());
    if (!expected.includes(answer.status))
      throw new Unexpected(`${method} ${path}`, answer.status, Buffer.from(bytes).toString());
    return { status: answer.status, headers: answer.headers, bytes };
  }

  /** True when the repository has the blob; it is leased then. */
  async has({ digest }: LoadBlob): Promise<boolean> {
    return (await this.ask('HEAD', `/v2/${this.repo}/blobs/${digest}`, [200, 404])).status === 200;
  }

  async push(blob: LoadBlob, from?: string): Promise<void> {
    const uploads = `/v2/${this.repo}/blobs/uploads/`;
    const { digest, bytes } = blob;
    if (from !== undefined) {
      const mount = await this.ask('POST', `${uploads}?mount=${digest}&from=${from}`, [201, 202]);
      if (mount.status === 201) return;
    }
    if (this.#random.chance(0.3)) {
      await this.ask('POST', `${uploads}?digest=${digest}`, [201], { body: bytes });
      return;
    }
    const path = (await this.ask('POST', uploads, [202])).headers.get('location') ?? '';
    if (this.#random.chance(0.5)) {
      await this.ask('PUT', `${path}?digest=${digest}`, [201], { body: bytes });
      return;
    }
    this.session = { path, blob, acknowledged: 0 };
    await this.goOn(this.session);
  }

  /** Sends what is left of an upload, in chunks. */
  async goOn(session: Session): Promise<void> {
    const { path, blob } = session;
    const chunk = Math.ceil(blob.size / (1 + this.#random.below(4)));
    while (session.acknowledged < blob.size) {
      const start = session.acknowledged;
      const body = blob.bytes.subarray(start, start + chunk);
      const headers = { 'content-range': `${start}-${start + body.byteLength - 1}` };
      await this.ask('PATCH', path, [202], { headers, body });
      session.acknowledged += body.byteLength;
    }
    await this.ask('PUT', `${path}?digest=${blob.digest}`, [201]);
    this.session = undefined;
  }

  /** Where an upload stands; undefined when there is none. */
  async stands({ path, blob }: Session): Promise<number | undefined> {
    const answer = await this.ask('GET', path, [204, 404]);
    if (answer.status === 404) return undefined;
    const end = Number(/^0-(\d+)$/.exec(answer.headers.get('range') ?? '')?.[1]);
    // `0-0` stands for nothing as well as for one byte.
    return end === 0 ? 0 : Math.min(end + 1, blob.size);
  }

  async putManifest({ bytes }: LoadImage, reference: string): Promise<void> {
    const headers = { 'content-type': MEDIA_TYPES.ociManifest };
    await this.ask('PUT', `/v2/${this.repo}/manifests/${reference}`, [201], { headers, body: bytes });
  }

  /** The digest that a tag leads to. */
  async resolve(tag: string): Promise<Digest | undefined> {
    const answer = await this.ask('GET', `/v2/${this.repo}/manifests/${tag}`, [200, 404]);
    return answer.status === 404 ? undefined : digestOf(answer.bytes);
  }

  /** Reads an image whole; its bytes must be what their digests say. */
  async pull({ digest, blobs }: LoadImage): Promise<void> {
    const manifest = await this.ask('GET', `/v2/${this.repo}/manifests/${digest}`, [200]);
    if (digestOf(manifest.bytes) !== digest) throw new Error(`manifest ${digest} is damaged`);
    for (const blob of blobs) {
      const { bytes } = await this.ask('GET', `/v2/${this.repo}/blobs/${blob.digest}`, [200]);
      if (digestOf(bytes) !== blob.digest) throw new Error(`blob ${blob.digest} is damaged`);
    }
  }

  async delete(reference: string): Promise<void> {
    await this.ask('DELETE', `/v2/${this.repo}/manifests/${reference}`, [202]);
  }
}
