import type { Server } from 'node:https';
import type { Socket } from 'node:net';
import { OciError } from '../oci/index.js';
import { errorBody } from './errors.js';

/** Connections of an HTTPS server before their first byte. */
export interface Doorway {
  /** Ends those that have not said anything yet. */
  close(): void;
}

/** What to tell of a client that was answered here. */
export type OnPlain = (client: string | undefined) => void;

/**
 * Answers those who speak plain HTTP to an HTTPS server, which otherwise ends their connection without a word. The first
 * byte tells: a handshake begins with 0x16 (RFC 8446, section 5.1), a request with a letter.
 * @param idle how long a client may say nothing, in milliseconds; 0 is no limit
 */
export function answerPlainHttp(server: Server, idle: number, onPlain: OnPlain): Doorway {
  const handshakes = server.listeners('connection');
  const silent = new Set<Socket>();
  server.removeAllListeners('connection');
  server.on('connection', (socket: Socket) => {
    const leave = (): void => void silent.delete(socket);
    const expire = (): void => void socket.destroy();
    silent.add(socket);
    socket.setTimeout(idle, expire);
    socket.once('close', leave);
    socket.on('error', expire);
    socket.once('data', (chunk: Buffer) => {
      leave();
      socket.off('close', leave);
      if (isLetter(chunk[0])) {
        onPlain(socket.remoteAddress);
        refuse(socket);
        return;
      }
      socket.setTimeout(0, expire);
      socket.off('error', expire);
      socket.pause();
      socket.unshift(chunk);
      for (const handshake of handshakes) handshake.call(server, socket);
    });
  });
  return {
    close: () => {
      for (const socket of silent) socket.destroy();
    },
  };
}

const isLetter = (byte = 0): boolean => (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a);

/** How long the rest of such a request is read, so that its sender gets to read the answer, in milliseconds. */
const LINGER = 1000;

function refuse(socket: Socket): void {
  const error = new OciError(
    'UNSUPPORTED',
    'this port speaks HTTPS, the request came as plain HTTP: use https://',
  );
  const body = errorBody(error);
  socket.resume();
  socket.setTimeout(LINGER);
  socket.end(
    'HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\n' +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}
