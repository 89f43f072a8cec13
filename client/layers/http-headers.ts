import { OciError, quote } from '../../oci/index.js';
import type { TransportLayer } from '../transport.js';

const NAME = /^[\w!#$%&'*+.^`|~-]+$/;
const VALUE = /^[\t\x20-\x7E\x80-\xFF]*$/;

/** Those that say how a message travels, and who sends it, are not for others to choose. */
const OWN = new Set(['connection', 'content-length', 'host', 'transfer-encoding', 'upgrade', 'user-agent']);

/**
 * Sends headers along to registries: to their own hosts only, and not to where they redirect. Headers that a request
 * has already stay as they are.
 * @throws OciError `INVALID_OPTION` for what is no header
 */
export function httpHeaders(headers: Readonly<Record<string, string>>): TransportLayer {
  const added: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (!NAME.test(name) || !VALUE.test(value))
      throw new OciError(
        'INVALID_OPTION',
        `header ${quote(name)} is not valid: expected a name and one line of text`,
      );
    if (!OWN.has(name.toLowerCase())) added[name.toLowerCase()] = value;
  }
  return (next) => async (request) =>
    // A redirect takes the registry out of the context.
    await next(
      request.context?.registry === undefined
        ? request
        : { ...request, headers: { ...added, ...request.headers } },
    );
}
