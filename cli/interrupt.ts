import { OciError } from '../oci/index.js';
import { watchSignals } from './serve/shutdown.js';

/**
 * Does work that Ctrl-C or a request to end aborts.
 * @throws OciError `ABORTED` after a signal, when the work passes it on; what the work throws
 */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const ending = watchSignals();
  const abort = new AbortController();
  void ending.asked.then(() => abort.abort(new OciError('ABORTED', 'interrupted')));
  try {
    return await work(abort.signal);
  } finally {
    ending.dispose();
  }
}
