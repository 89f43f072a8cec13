import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { chmod } from 'node:fs/promises';
import { OciError } from '../../oci/index.js';
import { placeControl } from './control-path.js';

/** A registry's control socket. */
export interface Control {
  readonly path: string;
  /** Ends what was asked for over it, and removes it. */
  close(): Promise<void>;
}

/** Answers requests of somebody who may do everything. */
export interface Administered {
  administer(request: Request): Promise<Response>;
}

/**
 * Listens in a data folder that this process owns, for the commands of the user who owns it: `ocilot gc` and the like.
 * File permissions decide who that is. Windows has no such sockets: there is none then.
 * @throws OciError `INVALID_OPTION` when it cannot be made
 */
export async function listenControl(registry: Administered, folder: string): Promise<Control | undefined> {
  if (process.platform === 'win32') return undefined;
  const place = await placeControl(folder);
  const { path } = place;
  const answer = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    // Seldom needed, and no start should wait for it.
    const { getRequestListener } = await import('@hono/node-server');
    const options = { overrideGlobalObjects: false, hostname: 'localhost' };
    await getRequestListener((request) => registry.administer(request), options)(incoming, outgoing);
  };
  const server = createServer({ requestTimeout: 0 }, (incoming, outgoing) => void answer(incoming, outgoing));
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) =>
      reject(new OciError('INVALID_OPTION', `cannot listen on ${path}: ${cause.message}`, { cause })),
    );
    // The socket is made before `listen` returns: it is never there for others, not even for a moment.
    const mask = process.umask(0o177);
    try {
      server.listen({ path }, resolve);
    } finally {
      process.umask(mask);
    }
  });
  await chmod(path, 0o600);
  return {
    path,
    async close() {
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
      await place.remove();
    },
  };
}
