import type { ByteRange, ByteStream, Digest } from '../../oci/index.js';

/** Takes the bytes of one upload, in order. */
export interface Appender {
  /** Bytes taken so far, those before this appender included. */
  readonly size: number;
  /** Takes a chunk. A promise means: wait for it before the next one. The chunk must not change afterwards. */
  write(chunk: Uint8Array): Promise<void> | undefined;
  /**
   * Hands everything to the medium, so that it survives the end of the process, and lets go of the upload.
   * @throws OciError `STORE_FULL` when the medium has no room
   */
  close(): Promise<void>;
}

/** Where published bytes lie; made and understood by one driver only. */
export type Location = string;

/**
 * Large bytes: the second of the two things that a storage driver gives. An upload has an id and grows at its end only;
 * published bytes never change.
 */
export interface Bytes {
  begin(id: string): Promise<void>;
  /** How much of an upload is there: what a kill of the process would leave. */
  size(id: string): Promise<number | undefined>;
  /** Continues an upload at its end. At most one appender is open for an upload. */
  append(id: string): Promise<Appender>;
  /** Makes the bytes of an upload durable under a location of their own. The upload is gone afterwards. */
  publish(id: string, digest: Digest): Promise<Location>;
  /** Drops an upload; one that does not exist is no error. */
  abort(id: string): Promise<void>;
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
}
