import type { Row } from '../lib/types.js';
import type { Contender, Server } from './servers.mjs';

/** A row on a server that runs: that of the round, or one of its own on an empty folder when it is `fresh`. */
export interface ServedRow extends Row {
  /** What is stored goes before the next sample: nobody pays for the disk space and page cache of those before. */
  readonly fresh?: boolean;
  readonly prepare?: (server: Server) => Promise<void>;
  readonly measure: (server: Server) => Promise<number>;
}

/** A row that starts what it needs by itself, in a folder that is empty and removed afterwards. */
export interface AloneRow extends Row {
  readonly alone: (contender: Contender, folder: string) => Promise<number>;
}
