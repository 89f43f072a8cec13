/** One change of a commit. */
export type Operation =
  | { readonly type: 'put'; readonly key: string; readonly value: Uint8Array }
  | { readonly type: 'delete'; readonly key: string };

/** What must still be true when a commit takes effect. */
export type Precondition =
  /** The value is these bytes; `undefined` means that there is none. */
  | { readonly key: string; readonly value: Uint8Array | undefined }
  /** There is a value, whatever it is. */
  | { readonly key: string; readonly present: true };

export interface RangeOptions {
  /** Only keys that start so, in byte order. */
  readonly prefix: string;
  /** Only keys behind this one, which need not exist. */
  readonly after?: string;
  readonly limit: number;
  /** Ends a range of values early, behind the one that brings their bytes to this sum. */
  readonly bytes?: number;
}

export interface CommitOptions {
  /**
   * True: the change is durable when the commit returns. False: it survives the end of the process but perhaps not a
   * power loss, whatever is committed after it; `flush` makes it durable. Default true.
   */
  readonly sync?: boolean;
}

/**
 * A small ordered key-value store: the first of the two things that a storage driver gives.
 * Keys are ASCII text, values bytes that nobody changes afterwards.
 */
export interface Records {
  /** @param options `large`: the value may be so large that reading it should not hold up the process */
  get(key: string, options?: { readonly large?: boolean }): Promise<Uint8Array | undefined>;
  range(options: RangeOptions): Promise<readonly (readonly [key: string, value: Uint8Array])[]>;
  keys(options: RangeOptions): Promise<readonly string[]>;
  /**
   * Applies all operations or none. Commits take effect one after another, each in the instant in which its
   * preconditions are checked.
   * @returns false when a precondition does not hold, and nothing has changed
   * @throws OciError `STORE_FULL` when the medium has no room, `STORE_CLOSED` after close. After any error the change
   *   was made or not, and a later commit knows which
   */
  commit(
    operations: readonly Operation[],
    preconditions?: readonly Precondition[],
    options?: CommitOptions,
  ): Promise<boolean>;
  /** Returns when every commit that has returned is durable, those made without `sync` included. */
  flush(): Promise<void>;
  /** Everything as it stands at this moment, in key order: later commits do not show. */
  entries(): AsyncIterable<readonly [key: string, value: Uint8Array]>;
  /** Lets commits on their way end, makes all durable and lets go of the medium. */
  close(): Promise<void>;
}

const PAGE = 1000;
const PAGE_BYTES = 4 * 1024 * 1024;

/** All records below a prefix, read in pages; a record written behind the reader may be missed. */
export async function* scan(
  records: Records,
  prefix: string,
  after?: string,
): AsyncGenerator<readonly [string, Uint8Array]> {
  let last = after;
  for (;;) {
    const from = last === undefined ? {} : { after: last };
    const page = await records.range({ prefix, limit: PAGE, bytes: PAGE_BYTES, ...from });
    yield* page;
    const bytes = page.reduce((sum, [, value]) => sum + value.byteLength, 0);
    if (page.length < PAGE && bytes < PAGE_BYTES) return;
    last = page.at(-1)?.[0];
  }
}

/** All keys below a prefix, read in pages. */
export async function* scanKeys(records: Records, prefix: string, after?: string): AsyncGenerator<string> {
  let last = after;
  for (;;) {
    const page = await records.keys({ prefix, limit: PAGE, ...(last === undefined ? {} : { after: last }) });
    yield* page;
    if (page.length < PAGE) return;
    last = page.at(-1);
  }
}

export const put = (key: string, value: Uint8Array): Operation => ({ type: 'put', key, value });
export const remove = (key: string): Operation => ({ type: 'delete', key });

/** True when both are absent, or both are the same bytes. */
export function sameValue(left: Uint8Array | undefined, right: Uint8Array | undefined): boolean {
  if (left === undefined || right === undefined) return left === right;
  return Buffer.compare(left, right) === 0;
}
