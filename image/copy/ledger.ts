import { OciError, type Descriptor, type Digest } from '../../oci/index.js';

/** Manifests and blobs of one copy: more than any place of images has, and as many as memory is meant for. */
const ENTRIES = 200_000;
/** Bytes of manifests that are kept until they are put; the others are read once more. */
const KEPT = 32 << 20;

/** What a walk of a graph remembers: so much, whatever the graph says of itself. */
export class Ledger {
  readonly #name: string;
  readonly #limit: number;
  readonly #sizes = new Map<Digest, number>();
  readonly #known = new Map<string, Descriptor>();
  #kept = 0;

  /**
   * @param name of the source, for messages
   * @param limit entries
   */
  constructor(name: string, limit = ENTRIES) {
    this.#name = name;
    this.#limit = limit;
  }

  /**
   * The one descriptor for content of this digest and type.
   * @throws OciError `CONTENT_INVALID` when the same content is said to have two sizes, `SIZE_LIMIT` for too much
   */
  note(descriptor: Descriptor): Descriptor {
    const { digest, mediaType, size } = descriptor;
    const other = this.#sizes.get(digest);
    if (other !== undefined && other !== size)
      throw new OciError(
        'CONTENT_INVALID',
        `${this.#name}: ${digest} is listed with two sizes, ${other} and ${size} bytes: one of them is wrong`,
        { detail: { digest } },
      );
    this.#sizes.set(digest, size);
    const key = `${digest} ${mediaType}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    if (this.#known.size === this.#limit)
      throw new OciError(
        'SIZE_LIMIT',
        `${this.#name}: more than ${this.#limit} manifests and blobs are to be copied; copy some of them at a time`,
        { detail: { limit: this.#limit } },
      );
    this.#known.set(key, descriptor);
    return descriptor;
  }

  /** The bytes of a manifest, when there is room for them. */
  keep(bytes: Uint8Array): Uint8Array | undefined {
    if (this.#kept + bytes.byteLength > KEPT) return undefined;
    this.#kept += bytes.byteLength;
    return bytes;
  }
}
