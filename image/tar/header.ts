/** What an entry is. Anything else in an archive is refused. */
export type TarType = 'block' | 'character' | 'directory' | 'fifo' | 'file' | 'link' | 'symlink';

/** One entry's facts. */
export interface TarHeader {
  /** The path, as it stands in the archive: unchecked, a directory's with or without a slash at its end. */
  readonly name: string;
  readonly type: TarType;
  /** Permission bits; 0 by default, as Go writes them. */
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly uname?: string;
  readonly gname?: string;
  /** Bytes of the body: only a file has one. */
  readonly size?: number;
  /** Whole seconds since 1970; may be negative. A finer time stands in `pax`, under `mtime`. */
  readonly mtime?: number;
  /** Where a link leads. */
  readonly linkname?: string;
  /** Numbers of a device. */
  readonly major?: number;
  readonly minor?: number;
  /** Further PAX records: extended attributes (`SCHILY.xattr.…`, a character for each byte), exact times (`mtime`, `atime`, `ctime`). */
  readonly pax?: Readonly<Record<string, string>>;
}

/** Archives are made of blocks of this size. */
export const BLOCK = 512;

/** Where each field lies in a header block: its first byte and its length (POSIX ustar; GNU tar shares all of these). */
export const FIELDS = {
  name: [0, 100],
  mode: [100, 8],
  uid: [108, 8],
  gid: [116, 8],
  size: [124, 12],
  mtime: [136, 12],
  checksum: [148, 8],
  type: [156, 1],
  linkname: [157, 100],
  magic: [257, 8],
  uname: [265, 32],
  gname: [297, 32],
  major: [329, 8],
  minor: [337, 8],
  prefix: [345, 155],
} as const satisfies Readonly<Record<string, readonly [number, number]>>;

/** The name of a field. */
export type Field = keyof typeof FIELDS;

/** The type flags of headers. */
export const FLAGS: Readonly<Record<TarType, string>> = {
  file: '0',
  link: '1',
  symlink: '2',
  character: '3',
  block: '4',
  directory: '5',
  fifo: '6',
};

/** Magic and version of the two families of headers. */
export const MAGIC = { ustar: 'ustar\u000000', gnu: 'ustar  \0' } as const;

/** The bytes of a field, as a view. */
export function fieldOf(block: Uint8Array, field: Field): Uint8Array {
  const [at, size] = FIELDS[field];
  return block.subarray(at, at + size);
}

/** The sum over a header block, its own field counted as spaces. */
export function checksumOf(block: Uint8Array): number {
  const [at, size] = FIELDS.checksum;
  let sum = 32 * size;
  for (let index = 0; index < BLOCK; index++) {
    if (index < at || index >= at + size) sum += block[index] ?? 0;
  }
  return sum;
}

/** How many bytes fill up the last block of a body. */
export function paddingOf(size: number): number {
  return (BLOCK - (size % BLOCK)) % BLOCK;
}
