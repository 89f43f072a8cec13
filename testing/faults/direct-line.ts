import type { Ending, Line } from './line.js';

/** A request that came as a call of `fetch`: faults look as they do in a `fetch` over a network. */
export class DirectLine implements Line {
  readonly gone: AbortSignal;

  constructor(request: Request) {
    this.gone = request.signal;
  }

  flush(): void {
    // Whoever called has the head already.
  }

  rest(): void {
    // A promise keeps no process alive.
  }

  resume(): void {
    // Nor does this one.
  }

  finish(ending: Ending): Promise<void> {
    // The body ends, and whoever reads it must see by itself that it is short.
    return ending === 'reset' ? Promise.reject(resetError()) : Promise.resolve();
  }

  reset(): Response {
    throw resetError();
  }

  drop(): Response {
    this.gone.throwIfAborted();
    throw resetError();
  }
}

/** Not an `OciError`: it stands for what the global `fetch` fails with, and clients must translate that. */
function resetError(): TypeError {
  const cause = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET', syscall: 'read' });
  return new TypeError('fetch failed', { cause });
}
