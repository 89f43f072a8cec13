import {
  OciError,
  isDigest,
  isManifestType,
  streamOf,
  type Blob,
  type CallOptions,
  type Descriptor,
  type Digest,
} from '../../oci/index.js';
import type { Origin, Source } from '../media.js';
import type { ImageView } from './image.js';
import type { IndexView, View } from './image-index.js';

/** A blob of a view, and who else has it. */
interface Held {
  readonly blob: Blob;
  readonly origin?: Origin | undefined;
}

/**
 * The content of a view as a source, so that what was made in memory can be copied anywhere. It resolves digests only.
 * Layers that come unchanged from a remote repository name it as their origin, once their manifest has been read.
 */
export function sourceOf(view: View): Source {
  return new ViewSource(view);
}

class ViewSource implements Source {
  readonly name: string;
  readonly #views = new Map<Digest, View>();
  readonly #blobs = new Map<Digest, Held>();
  /** Views whose content has not been looked at, in the order they were found. */
  readonly #unread: View[];

  constructor(view: View) {
    this.name = `${view.kind} ${view.descriptor.digest}`;
    this.#views.set(view.descriptor.digest, view);
    this.#unread = [view];
  }

  async resolve(reference: string, options: CallOptions = {}): Promise<Descriptor | undefined> {
    return isDigest(reference) ? (await this.#view(reference, options))?.descriptor : undefined;
  }

  async manifest({ digest }: Descriptor, options: CallOptions = {}): Promise<Uint8Array> {
    const view = await this.#view(digest, options);
    if (view === undefined)
      throw new OciError('MANIFEST_UNKNOWN', `${this.name} has no manifest ${digest}`, {
        detail: { digest },
      });
    const bytes = await view.raw(options);
    await this.#read(view, options);
    return bytes;
  }

  async blob(
    { digest }: Descriptor,
    options: CallOptions & { readonly range?: { readonly start: number; readonly end: number } } = {},
  ): ReturnType<Source['blob']> {
    const held = await this.#find(() => this.#blobs.get(digest), options);
    if (held === undefined)
      throw new OciError('BLOB_UNKNOWN', `${this.name} has no blob ${digest}`, { detail: { digest } });
    return await held.blob.open(options);
  }

  originsOf({ digest }: Descriptor): readonly Origin[] {
    const origin = this.#blobs.get(digest)?.origin;
    return origin === undefined ? [] : [origin];
  }

  async *roots(): ReturnType<NonNullable<Source['roots']>> {
    for (const { descriptor } of [...this.#views.values()].slice(0, 1)) yield { descriptor };
  }

  #view(digest: Digest, options: CallOptions): Promise<View | undefined> {
    return this.#find(() => this.#views.get(digest), options);
  }

  /** Looks into one manifest after another until it is found. */
  async #find<T>(look: () => T | undefined, options: CallOptions): Promise<T | undefined> {
    for (;;) {
      const found = look();
      const next = this.#unread[0];
      if (found !== undefined || next === undefined) return found;
      // oxlint-disable-next-line no-await-in-loop
      await this.#read(next, options);
    }
  }

  /** Notes what a view holds. Twice does no harm: two callers may be at it. */
  async #read(view: View, options: CallOptions): Promise<void> {
    if (!this.#unread.includes(view)) return;
    if (view.kind === 'image') await this.#readImage(view, options);
    else await this.#readIndex(view, options);
    const at = this.#unread.indexOf(view);
    if (at >= 0) this.#unread.splice(at, 1);
  }

  async #readImage(image: ImageView, options: CallOptions): Promise<void> {
    const [{ config }, layers] = await Promise.all([image.manifest(options), image.layers(options)]);
    const blob: Blob = {
      descriptor: config,
      open: async ({ range, ...call } = {}) => {
        const bytes = await image.config(call);
        return streamOf(range === undefined ? bytes : bytes.subarray(range.start, range.end + 1));
      },
    };
    this.#blobs.set(config.digest, { blob, origin: image.origin });
    for (const layer of layers)
      this.#blobs.set(layer.descriptor.digest, { blob: layer, origin: layer.origin });
  }

  async #readIndex(index: IndexView, options: CallOptions): Promise<void> {
    const { manifests } = await index.manifest(options);
    const children = await Promise.all(
      manifests.filter(isManifest).map((entry) => index.child(entry, options)),
    );
    for (const child of children) {
      if (this.#views.has(child.descriptor.digest)) continue;
      this.#views.set(child.descriptor.digest, child);
      this.#unread.push(child);
    }
    for (const entry of manifests) {
      const blob = isManifest(entry) ? undefined : index.blob?.(entry);
      if (blob !== undefined) this.#blobs.set(entry.digest, { blob });
    }
  }
}

const isManifest = ({ mediaType }: Descriptor): boolean => isManifestType(mediaType);
