import type {
  Blob,
  ByteStream,
  CallOptions,
  Descriptor,
  Digest,
  OnProgress,
  ReadBlobOptions,
} from '../oci/index.js';

/** A repository of a registry, as far as another repository of it can mount blobs from there. */
export interface Origin {
  /** `host[:port]` as references spell it. */
  readonly registry: string;
  readonly repository: string;
}

/**
 * A place that content is read from: a remote repository, a layout, an archive, images in memory. Three methods are
 * enough. What they give is not checked by them: `readManifest` and `openBlob`, through which all reading goes, check
 * sizes and digests.
 */
export interface Source {
  /** For messages: `127.0.0.1:5000/app`, `oci:./layout`. */
  readonly name: string;
  /** Whose blobs these are, where they can be mounted. */
  readonly origin?: Origin;
  /** The same for one blob, where they differ: images that were made of parts from several places. */
  originsOf?(descriptor: Descriptor): readonly Origin[];
  /** What a tag or a digest names; undefined when nothing. The platform and annotations of the place may come along. */
  resolve(reference: string, options?: CallOptions): Promise<Descriptor | undefined>;
  /** The bytes of a manifest. Throws OciError `MANIFEST_UNKNOWN`. */
  manifest(descriptor: Descriptor, options?: CallOptions): Promise<Uint8Array>;
  /** The bytes of a blob, or an inclusive range of them. Throws OciError `BLOB_UNKNOWN`. */
  blob(descriptor: Descriptor, options?: ReadBlobOptions): Promise<ByteStream>;
  /** The tags in the order of their bytes, where the place has such a list. Roots without a tag are not among them. */
  tags?(options?: CallOptions): AsyncIterable<string>;
  /** What stands at the top of the place, tagged or not, in its order: the entries of a layout's index. */
  roots?(options?: CallOptions): AsyncIterable<Root>;
  /** What refers to a manifest by its `subject`. */
  referrers?(digest: Digest, options?: CallOptions): AsyncIterable<Descriptor>;
  /** Lets go of files and connections. */
  close?(): Promise<void>;
}

/** Something at the top of a place. */
export interface Root {
  readonly descriptor: Descriptor;
  /** Its name there: a tag, or what `org.opencontainers.image.ref.name` says. */
  readonly tag?: string;
}

/** How a blob is put. */
export interface PutBlobOptions extends CallOptions {
  /** Repositories that have the blob, the likeliest first: a registry may mount it from one of them. */
  readonly from?: readonly Origin[];
  /** Hears of `bytes` as they go out. */
  readonly onProgress?: OnProgress;
}

/** How a manifest is put. */
export interface PutManifestOptions extends CallOptions {
  /** Names it gets in the same breath. Without any it is there by its digest. */
  readonly tags?: readonly string[];
  /** It refers to a subject, or is at the top of what is copied: a place that keeps a list of such puts it there. */
  readonly top?: boolean;
}

/**
 * A place that content is put to. Blobs come before the manifest that lists them, children before their index. A place
 * that has a manifest has all below it.
 */
export interface Sink {
  /** For messages. */
  readonly name: string;
  /** Blobs it takes at once. Default: as many as come; an archive takes one after another. */
  readonly parallel?: number;
  /** Whose blobs these are, where they can be mounted. */
  readonly origin?: Origin;
  hasManifest(descriptor: Descriptor, options?: CallOptions): Promise<boolean>;
  hasBlob(descriptor: Descriptor, options?: CallOptions): Promise<boolean>;
  /** What a tag names now; undefined when nothing. */
  resolve(reference: string, options?: CallOptions): Promise<Descriptor | undefined>;
  /**
   * The bytes of a manifest that is there, where the place can be read from: a differential archive does not have them
   * when a name moves to it. Throws OciError `MANIFEST_UNKNOWN`.
   */
  manifest?(descriptor: Descriptor, options?: CallOptions): Promise<Uint8Array>;
  /**
   * Puts a blob there unless it is. Bytes that are not what the descriptor names do not become visible.
   * @throws OciError of the place; what opening and reading the blob throws
   */
  putBlob(blob: Blob, options?: PutBlobOptions): Promise<'present' | 'mounted' | 'sent'>;
  /**
   * Puts the exact bytes of a manifest, and names them.
   * @throws OciError of the place, `UNSUPPORTED` for what it cannot hold
   */
  putManifest(descriptor: Descriptor, bytes: Uint8Array, options?: PutManifestOptions): Promise<void>;
  /** Ends the work: an archive is written out and gets its name. Nothing can be put after it. */
  finish?(options?: CallOptions): Promise<void>;
  /** Gives up the work, and takes away what is half written. Does nothing after `finish`. */
  abandon?(): Promise<void>;
}
