import { constants } from 'node:fs';
import { mkdir, open, readdir, rename, rm, stat, statfs } from 'node:fs/promises';
import { NodeFile, guarded } from './node-file.js';

/** An open file. */
export interface FileHandle {
  /** Writes all buffers at a position. */
  writev(buffers: readonly Uint8Array[], position: number): Promise<void>;
  /** Reads into a buffer; returns the bytes read, 0 at the end. */
  read(buffer: Uint8Array, position: number): Promise<number>;
  /** Returns when the content is durable. */
  sync(): Promise<void>;
  size(): Promise<number>;
  close(): Promise<void>;
}

/** How a file is opened. */
export type OpenMode = 'create' | 'direct' | 'read' | 'write';

/**
 * Every file operation that durability depends on. A test double stands in for it that loses or reorders what was not
 * synced.
 */
export interface Files {
  /**
   * `create` fails when the file exists, the others when it does not (`undefined` is returned). `direct` writes past the
   * cache of the system, and only what is aligned as `lendAligned` lends it; `undefined` where that cannot be.
   */
  open(path: string, mode: OpenMode): Promise<FileHandle | undefined>;
  rename(from: string, to: string): Promise<void>;
  /** Deletes a file; one that does not exist is no error. */
  remove(path: string): Promise<void>;
  /** Makes a folder, and those above it, where there is none. */
  makeFolder(path: string): Promise<void>;
  /** Returns when the entries of a folder (files made, renamed, deleted in it) are durable. */
  syncFolder(path: string): Promise<void>;
  /** Names in a folder; none when it does not exist. */
  list(path: string): Promise<readonly string[]>;
  size(path: string): Promise<number | undefined>;
  /** Free bytes for this user on the file system that holds the path. */
  free(path: string): Promise<number>;
}

const code = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;

/** Linux has it, other systems do not. */
const DIRECT = (constants as { readonly O_DIRECT?: number }).O_DIRECT;

const MODES = {
  create: constants.O_CREAT | constants.O_EXCL | constants.O_RDWR,
  direct: constants.O_WRONLY | (DIRECT ?? 0),
  write: constants.O_RDWR,
  read: constants.O_RDONLY,
};

/** The files of the operating system. */
export const nodeFiles: Files = {
  async open(path, mode) {
    if (mode === 'direct' && DIRECT === undefined) return undefined;
    try {
      return await NodeFile.open(path, MODES[mode], 0o640);
    } catch (error) {
      if (mode === 'direct' && ['EINVAL', 'ENOTSUP', 'EOPNOTSUPP'].includes(code(error) ?? ''))
        return undefined;
      if (mode !== 'create' && code(error) === 'ENOENT') return undefined;
      throw error;
    }
  },
  rename: (from, to) => guarded(rename(from, to)),
  remove: (path) => rm(path, { force: true }),
  async makeFolder(path) {
    await guarded(mkdir(path, { recursive: true, mode: 0o750 }));
  },
  async syncFolder(path) {
    // Windows cannot open a folder; its renames are durable with the journal.
    if (process.platform === 'win32') return;
    const folder = await open(path, constants.O_RDONLY);
    try {
      await guarded(folder.sync());
    } finally {
      await folder.close();
    }
  },
  async list(path) {
    try {
      return await readdir(path);
    } catch (error) {
      if (code(error) === 'ENOENT') return [];
      throw error;
    }
  },
  async size(path) {
    try {
      return (await stat(path)).size;
    } catch (error) {
      if (code(error) === 'ENOENT') return undefined;
      throw error;
    }
  },
  async free(path) {
    const { bavail, bsize } = await statfs(path);
    return bavail * bsize;
  },
};
