import {
  OciError,
  childrenOf,
  isManifestType,
  parseManifest,
  type ByteRange,
  type ByteStream,
  type CallOptions,
  type Descriptor,
  type Digest,
} from '../../oci/index.js';
import type { Origin, Source } from '../../image/media.js';
import type { CopyItem } from './set.js';

/** Where something is, and where it can be mounted from. */
interface Holder {
  readonly source: Source;
  readonly origins: readonly Origin[];
}

/**
 * Things of several places as one source. Which place has a blob is known once the manifest above it was read; one that
 * several have can be mounted from each.
 */
export class GatheredSource implements Source {
  readonly name: string;
  readonly #holders = new Map<Digest, Holder[]>();

  constructor(items: readonly CopyItem[]) {
    this.name = items[0]?.reference.split('@', 1)[0] ?? 'nothing';
    for (const { descriptor, source, origins = [] } of items)
      this.#note(descriptor.digest, {
        source,
        origins: [...(source.origin ? [source.origin] : []), ...origins],
      });
  }

  async resolve(): Promise<undefined> {
    return undefined;
  }

  async manifest(descriptor: Descriptor, options?: CallOptions): Promise<Uint8Array> {
    const holders = this.#of(descriptor, 'MANIFEST_UNKNOWN');
    const bytes = await holders[0].source.manifest(descriptor, options);
    if (isManifestType(descriptor.mediaType)) {
      const below = childrenOf(parseManifest(bytes, descriptor.mediaType));
      for (const { digest } of below) for (const holder of holders) this.#note(digest, holder);
    }
    return bytes;
  }

  blob(descriptor: Descriptor, options?: CallOptions & { readonly range?: ByteRange }): Promise<ByteStream> {
    return this.#of(descriptor, 'BLOB_UNKNOWN')[0].source.blob(descriptor, options);
  }

  originsOf({ digest }: Descriptor): readonly Origin[] {
    return (this.#holders.get(digest) ?? []).flatMap(({ origins }) => origins);
  }

  #note(digest: Digest, holder: Holder): void {
    const known = this.#holders.get(digest);
    if (known === undefined) this.#holders.set(digest, [holder]);
    else if (!known.some(({ source }) => source === holder.source)) known.push(holder);
  }

  #of({ digest }: Descriptor, code: 'BLOB_UNKNOWN' | 'MANIFEST_UNKNOWN'): readonly [Holder, ...Holder[]] {
    const [first, ...others] = this.#holders.get(digest) ?? [];
    if (first !== undefined) return [first, ...others];
    throw new OciError(code, `${this.name} does not have ${digest}`, { detail: { digest } });
  }
}
