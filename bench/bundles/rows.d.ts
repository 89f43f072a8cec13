import type { Row } from '../lib/types.js';
import type { Server } from '../registry/servers.mjs';
import type { Content } from './content.mjs';
import type { IndexContent } from './content.mjs';
import type { Command, Tool } from './tools.mjs';

/** Folders that are pushed and pulled, by what is in them. */
export type FolderName = 'files' | 'noise' | 'text';

/** Who takes part. */
export interface Contender {
  readonly id: string;
  readonly label: string;
  readonly tool: Tool;
}

/** What all rows of a run share. What takes long to make is made when a row first asks for it. */
export interface Bench {
  /** Holds everything that the run makes. */
  readonly folder: string;
  /** Serves what is pulled and copied. */
  readonly source: Server;
  readonly content: (name: FolderName) => Promise<Content>;
  /** A bundle of `content`, in `source`. */
  readonly pushed: (name: FolderName) => Promise<Pushed>;
  /** A bundle that lists an index of images, in `source`. */
  readonly bundle: () => Promise<BundleOfImages>;
  /** A name that nothing has had. */
  readonly fresh: () => string;
  /** A registry of its own on an empty folder. */
  readonly withServer: <T>(work: (server: Server) => Promise<T>) => Promise<T>;
  /** Runs commands one after another; gives their seconds, and notes the memory of whoever it is in this row. */
  readonly timed: (row: string, contender: Contender, commands: readonly Command[]) => Promise<number>;
  /** Highest resident memory of a contender in a row so far, in MiB. */
  readonly peak: (row: string, contender: Contender) => number;
}

/** A folder that was pushed. */
export interface Pushed {
  readonly reference: string;
  /** A file with the bytes of its layer. */
  readonly layer: string;
}

/** A bundle, and the one thing that it lists. */
export interface BundleOfImages {
  readonly bundle: string;
  readonly index: string;
  readonly content: IndexContent;
}

export interface BundlesRow extends Row {
  /** One sample. */
  readonly measure: (contender: Contender, bench: Bench) => Promise<number>;
}
