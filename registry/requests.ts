import { getRequestListener, type HttpBindings } from '@hono/node-server';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { OciError } from '../oci/index.js';
import { errorResponse } from './errors.js';

/** Answers what came on a socket. */
export type Answering = (incoming: IncomingMessage, outgoing: ServerResponse) => Promise<unknown>;

/** Has every request made a `Request` of and answered by `respond`, which writes the answer itself. */
export function answering(respond: (request: Request, bindings: HttpBindings) => Promise<void>): Answering {
  return getRequestListener(
    async (request, bindings) => {
      await respond(request, bindings as HttpBindings);
      return RESPONSE_ALREADY_SENT;
    },
    { overrideGlobalObjects: false, autoCleanupIncoming: false, hostname: 'localhost', errorHandler },
  );
}

/** What the adapter makes no `Request` of is malformed; what else is thrown here is a failure. */
function errorHandler(error: unknown): Response {
  const malformed = (error as Error).name === 'RequestError';
  const told = malformed ? new OciError('NAME_INVALID', 'the request is malformed') : error;
  return errorResponse(told, { connection: 'close' });
}
