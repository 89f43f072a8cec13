/** Signals that ask a process to end. */
const SIGNALS = ['SIGTERM', 'SIGINT'] as const;

/** What signals come from: the process, or a test. */
export interface SignalSource {
  on(signal: NodeJS.Signals, listener: () => void): unknown;
  off(signal: NodeJS.Signals, listener: () => void): unknown;
}

/** How far the end is. */
export interface Ending {
  /** Resolves at the first signal. */
  readonly asked: Promise<void>;
  /** Resolves at the second: nobody wants to wait any more. */
  readonly hurried: Promise<void>;
  /** Stops to listen for signals. */
  dispose(): void;
}

/** Watches for the signals that end a server. */
export function watchSignals(source: SignalSource = process): Ending {
  const [asked, ask] = once();
  const [hurried, hurry] = once();
  let count = 0;
  const listener = (): void => {
    count++;
    if (count === 1) ask();
    else hurry();
  };
  for (const signal of SIGNALS) source.on(signal, listener);
  return {
    asked,
    hurried,
    dispose: () => {
      for (const signal of SIGNALS) source.off(signal, listener);
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
