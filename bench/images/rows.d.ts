import type { Row } from '../lib/types.js';
import type { Server } from '../registry/servers.mjs';
import type { Layout } from './content.mjs';
import type { Tool } from './tools.mjs';

/** Who takes part: ours with one way to do the work, the peers together with all of theirs. */
export interface Contender {
  readonly id: string;
  readonly label: string;
  readonly tools: readonly Tool[];
}

/** What all rows of a run share. */
export interface Bench {
  /** Holds everything that the run makes. */
  readonly folder: string;
  /** Serves `images` and `big`, and what rows copy within it. */
  readonly source: Server;
  readonly images: Layout;
  readonly big: Layout;
  /** A name that nothing has had. */
  readonly fresh: () => string;
  /** Variables of a home where nothing is. */
  readonly environment: () => Promise<Record<string, string>>;
  /** A registry of its own on an empty folder. */
  readonly withServer: <T>(work: (server: Server) => Promise<T>) => Promise<T>;
  /** Runs commands one after another; gives their seconds, and notes the memory of whoever it is. */
  readonly timed: (
    contender: Contender,
    commands: readonly (readonly [program: string, args: readonly string[]])[],
  ) => Promise<number>;
  /** Highest resident memory of a contender so far, in MiB. */
  readonly peak: (contender: Contender) => number;
}

export interface ImagesRow extends Row {
  /** One sample of one way; undefined where a tool has no such way. The best of a contender's ways counts. */
  readonly measure: (tool: Tool, contender: Contender, bench: Bench) => Promise<number | undefined>;
}
