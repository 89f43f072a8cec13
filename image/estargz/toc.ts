import type { TarHeader } from '../tar/index.js';

/** The entry at the end of the tar that lists all others. */
export const TOC_NAME = 'stargz.index.json';
/** Where a manifest says what the list must be. */
export const TOC_DIGEST = 'containerd.io/snapshot/stargz/toc.digest';

/** An entry of the list: a file, a folder, a link, or a further chunk of a file (eStargz, "TOC"). */
export interface TocEntry {
  readonly name: string;
  readonly type: 'block' | 'char' | 'chunk' | 'dir' | 'fifo' | 'hardlink' | 'reg' | 'symlink';
  /** Bytes of a file, unpacked. */
  readonly size?: number;
  readonly modtime?: string;
  readonly linkName?: string;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly userName?: string;
  readonly groupName?: string;
  /** Where the gzip member begins whose first bytes are the content, or the chunk of it. */
  readonly offset?: number;
  readonly devMajor?: number;
  readonly devMinor?: number;
  /** Base64. */
  readonly xattrs?: Readonly<Record<string, string>>;
  /** Of a file's whole content. */
  readonly digest?: string;
  readonly chunkOffset?: number;
  /** 0 for the last chunk of a file, which reaches to its end. */
  readonly chunkSize?: number;
  readonly chunkDigest?: string;
}

const TYPES = {
  file: 'reg',
  directory: 'dir',
  symlink: 'symlink',
  link: 'hardlink',
  character: 'char',
  block: 'block',
  fifo: 'fifo',
} as const satisfies Readonly<Record<TarHeader['type'], TocEntry['type']>>;

const XATTR = 'SCHILY.xattr.';

/** What a header says of an entry, without what says nothing. */
export function tocEntryOf(header: TarHeader): TocEntry {
  const { name, type, size = 0, mtime = 0, linkname = '', mode = 0, uid = 0, gid = 0 } = header;
  const { uname = '', gname = '', major = 0, minor = 0, pax = {} } = header;
  const xattrs = Object.entries(pax)
    .filter(([key]) => key.startsWith(XATTR))
    .map(([key, value]) => [key.slice(XATTR.length), Buffer.from(value, 'latin1').toString('base64')]);
  return {
    name,
    type: TYPES[type],
    ...(size > 0 && { size }),
    ...(mtime !== 0 && { modtime: new Date(mtime * 1000).toISOString().replace('.000Z', 'Z') }),
    ...(linkname !== '' && { linkName: linkname }),
    mode,
    uid,
    gid,
    ...(uname !== '' && { userName: uname }),
    ...(gname !== '' && { groupName: gname }),
    ...(major !== 0 && { devMajor: major }),
    ...(minor !== 0 && { devMinor: minor }),
    ...(xattrs.length > 0 && { xattrs: Object.fromEntries(xattrs) as Record<string, string> }),
  };
}
