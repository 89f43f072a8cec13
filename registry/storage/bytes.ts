import type { ByteRange, ByteStream, Digest } from '../../oci/index.js';

/** Takes the bytes of one upload, in order. */
export interface Appender {
  /** Bytes taken so far, those before this appender included. */
  readonly size: number;
  /** True when what was written has been copied, as soon as the next may come. */
  readonly copies?: boolean;
  /** Takes a chunk. A promise means: wait for it before the next one. The chunk must not change afterwards. */
  write(chunk: Uint8Array): Promise<void> | undefined;
  /**
   * Hands everything to the medium, so that it survives the end of the process, and lets go of the upload.
   * @throws OciError `STORE_FULL` when the medium has no room
   */
  close(): Promise<void>;
}

/** A chunk that is good until it is given back. */
export interface Lent {
  readonly chunk: Uint8Array;
  /** Call it once, when nobody needs the chunk any more. */
  readonly give: () => void;
}

/** A stream that can also lend its own buffers; one of the two ways may be taken, once. */
export interface Lender {
  /** The next chunk may only come when an earlier one was given back. */
  lend(): AsyncGenerator<Lent, void, undefined>;
}

/** Where published bytes lie; made and understood by one driver only. */
export type Location = string;

/**
 * Large bytes: the second of the two things that a storage driver gives. An upload has an id and grows at its end only;
 * published bytes never change.
 */
export interface Bytes {
  /** Starts an upload under an id that no upload had before. */
  begin(id: string): Promise<void>;
  /** How much of an upload is there: what a kill of the process would leave. */
  size(id: string): Promise<number | undefined>;
  /** Continues an upload at its end. At most one appender is open for an upload. */
  append(id: string): Promise<Appender>;
  /**
   * Makes the bytes of an upload durable under a location of their own, which nothing had before. The upload is gone
   * afterwards.
   */
  publish(id: string, digest: Digest): Promise<Location>;
  /** Drops an upload; one that does not exist is no error, and what was published under its id stays. */
  abort(id: string): Promise<void>;
  /**
   * Makes an upload again of what was published under its id with this digest, for a publisher that ended before it
   * could note the location; nothing when there is no such thing.
   */
  recall(id: string, digest: Digest): Promise<void>;
  /** Opens an upload for reading back, as after a restart. */
  read(id: string): Promise<ByteStream>;
  /**
   * Opens published bytes. They stay readable to the end when they are deleted meanwhile.
   * @throws OciError `STORE_CORRUPT` when nothing lies there
   */
  open(location: Location, range: ByteRange): Promise<ByteStream>;
  /** Deletes published bytes; those that do not exist are no error. */
  delete(location: Location): Promise<void>;
  /** Everything published. */
  list(): AsyncIterable<{ readonly location: Location; readonly digest: Digest }>;
  /** Every upload. */
  uploads(): AsyncIterable<string>;
  /** Makes the bytes of every upload durable as far as it has come. */
  flush(): Promise<void>;
}
