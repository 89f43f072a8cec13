import type { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { TLSSocket } from 'node:tls';
import { OciError } from '../../oci/index.js';
import type { Ending, Line } from './line.js';

/** A request that came over a socket. */
export class SocketLine implements Line {
  readonly gone: AbortSignal;
  readonly #socket: Socket;
  readonly #outgoing: ServerResponse;

  constructor(incoming: IncomingMessage, outgoing: ServerResponse) {
    this.#socket = incoming.socket;
    this.#outgoing = outgoing;
    const left = new AbortController();
    this.gone = left.signal;
    outgoing.once('close', () => left.abort());
  }

  flush(): void {
    if (this.#outgoing.headersSent) this.#outgoing.flushHeaders();
  }

  rest(): void {
    this.flush();
    this.#socket.unref();
  }

  resume(): void {
    this.#socket.ref();
  }

  async finish(ending: Ending): Promise<void> {
    if (ending === 'whole') return;
    this.#outgoing.flushHeaders();
    // A reset, and the end of a failed body too, throw away what the system has not taken yet.
    await new Promise<void>((resolve) => {
      this.#socket.write('', () => resolve());
    });
    if (ending === 'reset') {
      // libuv takes bytes and a reset that it finds together for a plain end. A client in this process gets to read first.
      await setImmediate();
      await setImmediate();
      this.reset();
    }
    // The registry's adapter ends the connection of a body that fails.
    throw new OciError('NETWORK', 'a fault rule ended the answer');
  }

  reset(): Response {
    rawSocket(this.#socket).resetAndDestroy();
    return this.drop();
  }

  drop(): Response {
    this.#socket.destroy();
    return new Response(null);
  }
}

/** TLS knows no reset: that is for the TCP socket below, which node keeps where no type shows it. */
function rawSocket(socket: Socket): Socket {
  const below: unknown = socket instanceof TLSSocket ? Reflect.get(socket, '_parent') : undefined;
  return below instanceof Socket ? below : socket;
}
