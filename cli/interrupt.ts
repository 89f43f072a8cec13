import { setMaxListeners } from 'node:events';
import { OciError } from '../oci/index.js';
import { watchSignals } from './serve/shutdown.js';

/**
 * Does work that Ctrl-C or a request to end aborts.
 * @throws OciError `ABORTED` after a signal, when the work passes it on; what the work throws
 */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const ending = watchSignals();
  const abort = new AbortController();
  // All that is under way at once may listen to it: of more than ten, Node warns on stderr.
  setMaxListeners(0, abort.signal);
  void ending.asked.then(() => abort.abort(new OciError('ABORTED', 'interrupted')));
  try {
    return await work(abort.signal);
  } finally {
    ending.dispose();
  }
}
