import type { Socket } from 'node:net';

/** Requests of one connection that may wait for their turn; who sends more ahead is cut off. */
const WAITING_LIMIT = 64;

interface Line {
  length: number;
  last: Promise<void>;
}

/** Puts requests of the same connection one behind the other. */
export type InTurn = (socket: Socket, work: () => Promise<void>) => void;

/**
 * One request of a connection at a time. Those sent ahead (pipelining) would otherwise all be worked on at once, with
 * files open and nobody to tell when the client goes away: an answer has no socket before its turn.
 */
export function inTurn(): InTurn {
  const lines = new WeakMap<Socket, Line>();
  return (socket, work) => {
    const line = lines.get(socket) ?? { length: 0, last: Promise.resolve() };
    lines.set(socket, line);
    if (line.length >= WAITING_LIMIT) {
      socket.destroy();
      return;
    }
    line.length++;
    line.last = line.last.then(async () => {
      // Work that fails leaves a request that nobody will answer.
      if (!socket.destroyed) await work().catch(() => void socket.destroy());
      line.length--;
    });
  };
}
