import { OciError, Slots } from '../../oci/index.js';
import {
  withBody,
  type TransportLayer,
  type TransportRequest,
  type TransportResponse,
} from '../transport.js';

/** How many requests may be under way at once. */
export interface LimitOptions {
  /** For each host, reads and writes apart. Default 8. */
  readonly perHost?: number;
}

/**
 * Lets so many requests to a host be under way at once; the others wait in line. A request is under way until its
 * answer is read to the end or discarded, fails or is aborted. Reads and writes are counted apart, so that a write
 * whose body is a read from the same host cannot wait for itself. Who has both a read and a write to wait for gets the
 * read first, and lets go of it before the next read.
 * @throws OciError `INVALID_OPTION`
 */
export function limit({ perHost = 8 }: LimitOptions = {}): TransportLayer {
  if (!Number.isInteger(perHost) || perHost < 1)
    throw new OciError('INVALID_OPTION', `limit perHost is ${perHost}, expected 1 or more`);
  const lines = new Map<string, Slots>();
  const lineOf = ({ method, url }: TransportRequest): Slots => {
    const kind = method === 'GET' || method === 'HEAD' ? 'read' : 'write';
    const key = `${kind} ${new URL(url).host}`;
    const known = lines.get(key) ?? new Slots(perHost);
    lines.set(key, known);
    return known;
  };
  return (next) => async (request) => {
    if (request.context?.aside === true) return await next(request);
    const release = await lineOf(request).take(request.signal);
    try {
      return held(await next(request), request, release);
    } catch (error) {
      release();
      throw error;
    }
  };
}

/** The answer, with its slot released at its end. */
function held(
  response: TransportResponse,
  { method, signal }: TransportRequest,
  release: () => void,
): TransportResponse {
  if (method === 'HEAD' || response.status === 204 || response.header('content-length') === '0') {
    release();
    return response;
  }
  const end = (): void => {
    signal?.removeEventListener('abort', end);
    release();
  };
  signal?.addEventListener('abort', end, { once: true });
  return withBody(response, {
    body: endingIn(response.body, end),
    async discard() {
      try {
        await response.discard();
      } finally {
        end();
      }
    },
  });
}

async function* endingIn(body: AsyncIterable<Uint8Array>, end: () => void): AsyncGenerator<Uint8Array> {
  try {
    yield* body;
  } finally {
    end();
  }
}
