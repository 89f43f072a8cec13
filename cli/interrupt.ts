import { setMaxListeners } from 'node:events';
import { OciError } from '../oci/index.js';
import { EXIT } from './exit.js';
import { watchSignals } from './serve/shutdown.js';

/** Milliseconds for what is still to be written after an interrupt. */
const GRACE = 200;

/**
 * Does work that Ctrl-C or a request to end aborts; a second one does not wait for the work to end.
 * @throws OciError `ABORTED` after a signal, when the work passes it on; what the work throws
 */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const ending = watchSignals();
  const abort = new AbortController();
  // All that is under way at once may listen to it: of more than ten, Node warns on stderr.
  setMaxListeners(0, abort.signal);
  void ending.asked.then(() => {
    const reason = new OciError('ABORTED', 'interrupted');
    abort.abort(reason);
    // Who waits for the standard input hears of nothing else, and would wait for as long as it is silent.
    process.stdin.on('error', () => undefined).destroy(reason);
    // Nor whoever waits for a reader that has stopped reading.
    if (process.stdout.writableNeedDrain) process.stdout.destroy();
  });
  void ending.hurried.then(() => process.exit(EXIT.failure));
  try {
    return await work(abort.signal);
  } finally {
    ending.dispose();
    // What nobody reads any more would keep the process; what ends before needs no timer.
    if (abort.signal.aborted) setTimeout(() => process.exit(), GRACE).unref();
  }
}
