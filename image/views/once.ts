import type { CallOptions } from '../../oci/index.js';

/**
 * Makes a value on the first call and gives it to all others. A failure is not remembered: a caller that waited for
 * somebody else's attempt, which may have been aborted, makes its own.
 */
export function once<T>(make: (options: CallOptions) => Promise<T>): (options?: CallOptions) => Promise<T> {
  let made: Promise<T> | undefined;
  return async (options = {}) => {
    for (;;) {
      options.signal?.throwIfAborted();
      if (made === undefined) {
        const mine = make(options);
        made = mine;
        try {
          return await mine;
        } catch (error) {
          if (made === mine) made = undefined;
          throw error;
        }
      }
      const joined = made;
      try {
        return await joined;
      } catch {
        if (made === joined) made = undefined;
      }
    }
  };
}
