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
import { responseDetail } from '../../client/index.js';
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

  /** A tag that is made of a digest, as cosign's, where that digest is; no other name. */
  async resolve(reference: string, options?: CallOptions): Promise<Descriptor | undefined> {
    const [, hex] = /^sha256-([0-9a-f]{64})\.\w+$/.exec(reference) ?? [];
    for (const { source } of this.#holders.get(`sha256:${hex}` as Digest) ?? []) {
      // oxlint-disable-next-line no-await-in-loop -- mostly one
      const found = await unlessHidden(source.resolve(reference, options));
      if (found === undefined) continue;
      this.#note(found.digest, { source, origins: source.origin ? [source.origin] : [] });
      return found;
    }
    return undefined;
  }

  async *referrers(digest: Digest, options?: CallOptions): AsyncGenerator<Descriptor> {
    for (const holder of this.#holders.get(digest) ?? []) {
      const found: Descriptor[] = [];
      const list = async (): Promise<void> => {
        for await (const one of holder.source.referrers?.(digest, options) ?? []) found.push(one);
      };
      // oxlint-disable-next-line no-await-in-loop
      await unlessHidden(list());
      for (const one of found) this.#note(one.digest, holder);
      yield* found;
    }
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

/** What a registry does not let everybody see is not carried: most say so of what is not there. */
async function unlessHidden<T>(found: Promise<T>): Promise<T | undefined> {
  try {
    return await found;
  } catch (error) {
    const status = responseDetail(error)?.status;
    if (status === 401 || status === 403) return undefined;
    throw error;
  }
}
