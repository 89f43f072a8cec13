import type { ByteStream, CallOptions, Digest } from '../../oci/index.js';

/** Where the files of a layout lie: in a folder, in a tar. */
export interface LayoutMedium {
  /** For messages: `oci:./layout`. */
  readonly name: string;
  /** The bytes of `index.json`, as they are now. */
  index(options?: CallOptions): Promise<Uint8Array>;
  /** The size of a blob in bytes, undefined when it is not there. Throws OciError `CONTENT_INVALID` for what is no file. */
  size(digest: Digest, options?: CallOptions): Promise<number | undefined>;
  /** Bytes of a blob that is there, from a position on. */
  read(digest: Digest, start: number, length: number, options?: CallOptions): ByteStream;
  close?(): Promise<void>;
}
