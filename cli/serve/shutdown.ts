/** Signals that ask a process to end. */
const SIGNALS = ['SIGTERM', 'SIGINT'] as const;

/**
 * How long the same signal again is the same request, in milliseconds: below `npm start` a Ctrl-C comes twice, from the
 * terminal and from npm.
 */
const ECHO = 500;

/** What signals come from: the process, or a test. */
export interface SignalSource {
  on(event: NodeJS.Signals, listener: () => void): unknown;
  off(event: NodeJS.Signals, listener: () => void): unknown;
}

/** How far the end is. */
export interface Ending {
  /** Resolves at the first signal. */
  readonly asked: Promise<void>;
  /** Resolves at the second: nobody wants to wait any more. */
  readonly hurried: Promise<void>;
  /** Stops to listen for signals. */
  readonly dispose: () => void;
}

/**
 * Watches for the signals that end a server.
 * @param now milliseconds of a clock that never goes back
 */
export function watchSignals(
  source: SignalSource = process,
  now: () => number = () => performance.now(),
): Ending {
  const [asked, ask] = once();
  const [hurried, hurry] = once();
  let first: { readonly signal: NodeJS.Signals; readonly at: number } | undefined;
  const listeners = SIGNALS.map((signal) => {
    const listener = (): void => {
      if (first === undefined) {
        first = { signal, at: now() };
        ask();
      } else if (first.signal !== signal || now() - first.at >= ECHO) hurry();
    };
    source.on(signal, listener);
    return () => source.off(signal, listener);
  });
  return {
    asked,
    hurried,
    dispose: () => {
      for (const remove of listeners) remove();
    },
  };
}

function once(): [promise: Promise<void>, resolve: () => void] {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return [promise, resolve];
}
