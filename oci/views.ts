import type { Descriptor } from './descriptor.js';
import type { Digest } from './digest.js';
import type { ImageManifest, IndexManifest } from './manifest.js';
import type { ByteStream } from './stream.js';

/** Options that every asynchronous call takes. An abort rejects with the signal's reason. */
export interface CallOptions {
  readonly signal?: AbortSignal;
}

/** Inclusive byte positions, as in an HTTP range. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** How content is read. */
export interface ReadBlobOptions extends CallOptions {
  /** Only these bytes. */
  readonly range?: ByteRange;
  /** True for who holds what others wait for, and so must not wait in line for a connection himself. Default false. */
  readonly aside?: boolean;
}

/** Content with a name. `open` gives a fresh stream on every call, so that a retry can replay it. */
export interface Blob {
  readonly descriptor: Descriptor;
  open(options?: ReadBlobOptions): Promise<ByteStream>;
}

/** A layer: its bytes as stored, and as the tar they hold. */
export interface Layer extends Blob {
  diffId(options?: CallOptions): Promise<Digest>;
  uncompressed(options?: CallOptions): Promise<ByteStream>;
}

/** A read-only, lazy view of an image; edits make new views. */
export interface Image {
  readonly kind: 'image';
  readonly descriptor: Descriptor;
  raw(options?: CallOptions): Promise<Uint8Array>;
  manifest(options?: CallOptions): Promise<ImageManifest>;
  config(options?: CallOptions): Promise<Uint8Array>;
  layers(options?: CallOptions): Promise<readonly Layer[]>;
}

/** A read-only, lazy view of an index. */
export interface Index {
  readonly kind: 'index';
  readonly descriptor: Descriptor;
  raw(options?: CallOptions): Promise<Uint8Array>;
  manifest(options?: CallOptions): Promise<IndexManifest>;
  child(descriptor: Descriptor, options?: CallOptions): Promise<Image | Index>;
}
