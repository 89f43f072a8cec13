import type { IncomingMessage, ServerResponse } from 'node:http';
import { OciError } from '../oci/index.js';
import { errorBody } from './errors.js';

/** What is looked at of a request. */
type Sender = Pick<IncomingMessage, 'complete' | 'readableLength' | 'headers'> & {
  readonly socket: Pick<IncomingMessage['socket'], 'bytesRead' | 'writable' | 'end' | 'destroySoon'>;
};

interface Watched {
  readonly outgoing: Pick<ServerResponse, 'headersSent'>;
  /** Bytes that had come when it was last seen to go on. */
  read: number;
  /** And when that was. */
  since: number;
}

/** How often a client is looked at while it may say nothing. */
const LOOKS = 4;

/**
 * Ends connections whose client owes the rest of a body and sends nothing. How long a body takes in all is its own
 * affair, and so is what waits for us: for the disk, or for the word to go on.
 */
export class Stalls {
  readonly #limit: number;
  readonly #isAsked: (incoming: Sender) => boolean;
  readonly #watched = new Map<Sender, Watched>();
  #timer: NodeJS.Timeout | undefined;

  /**
   * @param limit milliseconds without a byte; 0 is no limit
   * @param isAsked false for a client that waits to be told to send
   */
  constructor(limit: number, isAsked: (incoming: Sender) => boolean) {
    this.#limit = limit;
    this.#isAsked = isAsked;
  }

  /** Watches a request until what it returns is called. */
  watch(incoming: Sender, outgoing: Watched['outgoing']): () => void {
    if (this.#limit === 0 || !hasBody(incoming)) return () => undefined;
    this.#watched.set(incoming, { outgoing, read: incoming.socket.bytesRead, since: performance.now() });
    this.#timer ??= setInterval(() => this.#look(), Math.ceil(this.#limit / LOOKS)).unref();
    return () => {
      this.#watched.delete(incoming);
      if (this.#watched.size > 0) return;
      clearInterval(this.#timer);
      this.#timer = undefined;
    };
  }

  #look(): void {
    const now = performance.now();
    for (const [incoming, watched] of this.#watched) {
      const { bytesRead } = incoming.socket;
      const owes = !incoming.complete && incoming.readableLength === 0 && this.#isAsked(incoming);
      if (!owes || bytesRead !== watched.read) {
        watched.read = bytesRead;
        watched.since = now;
      } else if (now - watched.since >= this.#limit) this.#end(incoming, watched.outgoing);
    }
  }

  /** Whoever reads the body finds that it ended before it was whole. */
  #end({ socket }: Sender, { headersSent }: Watched['outgoing']): void {
    if (!headersSent && socket.writable) {
      const waited = `nothing of the request came for ${this.#limit / 1000} s`;
      const body = errorBody(new OciError('ABORTED', `${waited}: the connection is closed, send it again`));
      socket.end(
        'HTTP/1.1 408 Request Timeout\r\nContent-Type: application/json\r\n' +
          `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
      );
    }
    socket.destroySoon();
  }
}

const hasBody = ({ headers }: Sender): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
