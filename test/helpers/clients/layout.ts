import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  MEDIA_TYPES,
  digestOf,
  encodeJson,
  hexOf,
  type Descriptor,
  type Digest,
  type Platform,
} from '../../../oci/index.js';

/** An image layout on disk (image-spec, "OCI Image Layout"), written byte by byte. */
export class Layout {
  readonly folder: string;
  readonly #entries: Descriptor[] = [];

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** Makes an empty layout. */
  static async create(folder: string): Promise<Layout> {
    const layout = new Layout(folder);
    await mkdir(join(folder, 'blobs/sha256'), { recursive: true });
    await writeFile(join(folder, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
    await layout.#writeIndex();
    return layout;
  }

  /** Stores bytes. */
  async blob(mediaType: string, bytes: Uint8Array): Promise<Descriptor> {
    const digest = digestOf(bytes);
    await writeFile(this.#path(digest), bytes);
    return { mediaType, digest, size: bytes.byteLength };
  }

  /** Stores a manifest, and gives it a tag when there is one. */
  async manifest(document: { readonly mediaType: string }, tag?: string): Promise<Descriptor> {
    const descriptor = await this.blob(document.mediaType, encodeJson(document));
    if (tag !== undefined) {
      this.#entries.push({ ...descriptor, annotations: { 'org.opencontainers.image.ref.name': tag } });
      await this.#writeIndex();
    }
    return descriptor;
  }

  /** An index of images, one a platform. */
  async index(
    images: readonly { readonly image: Descriptor; readonly platform: Platform }[],
    tag?: string,
  ): Promise<Descriptor> {
    const manifests = images.map(({ image, platform }) => ({ ...image, platform }));
    return await this.manifest(
      { schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests } as { mediaType: string },
      tag,
    );
  }

  /** The bytes of a blob or manifest. */
  read(digest: Digest): Promise<Uint8Array> {
    return readFile(this.#path(digest));
  }

  #path(digest: Digest): string {
    return join(this.folder, 'blobs/sha256', hexOf(digest));
  }

  async #writeIndex(): Promise<void> {
    const document = { schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests: this.#entries };
    await writeFile(join(this.folder, 'index.json'), encodeJson(document));
  }
}

/** What a layout's index says a tag leads to. */
export async function tagOf(folder: string, tag?: string): Promise<Descriptor> {
  const { manifests } = JSON.parse(await readFile(join(folder, 'index.json'), 'utf8')) as {
    manifests: Descriptor[];
  };
  const found = manifests.find(
    ({ annotations }) => tag === undefined || annotations?.['org.opencontainers.image.ref.name'] === tag,
  );
  if (found === undefined) throw new Error(`${folder} has no ${tag ?? 'manifest'}`);
  return found;
}
