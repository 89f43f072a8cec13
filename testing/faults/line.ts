import type { NodeBindings } from '../../registry/call.js';

/** How a faulty answer ends: as it should, short of what it promised, or with a reset. */
export type Ending = 'whole' | 'short' | 'reset';

/** What a registry is asked with. */
export interface Incoming {
  readonly request: Request;
  readonly env: NodeBindings | undefined;
}

/** The way back to whoever asked: a socket, or a plain call of `fetch`. */
export interface Line {
  /** Aborted when the other side has left. */
  readonly gone: AbortSignal;
  /** Sends on its way what was said so far. */
  flush(): void;
  /** The request goes silent: what was said so far is on its way, and the process need not live for it. */
  rest(): void;
  /** The request goes on after a silence. */
  resume(): void;
  /** Called at the end of a faulty body; what it throws, the body fails with. */
  finish(ending: Ending): Promise<void>;
  /** Resets the connection; the handler answers what this does, or fails as it does. */
  reset(): Response;
  /** Ends the connection of somebody who has left, or of a registry that closes. */
  drop(): Response;
}
