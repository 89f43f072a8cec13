import { OciError, isDigest, isOciError, type ByteStream } from '../../oci/index.js';
import { broughtBack, relocated, type Relocation } from '../registries/relocate.js';
import { placeBy, ruleFor, type Mirror, type Place, type RegistryRule } from '../registries/rules.js';
import {
  withBody,
  type Transport,
  type TransportLayer,
  type TransportRequest,
  type TransportResponse,
} from '../transport.js';

/** Which places stand in for which. */
export interface MirrorOptions {
  readonly registries?: readonly RegistryRule[];
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

/** A mirror that did not answer, or broke off, is left alone for so long, in milliseconds. */
const REST = 60_000;

/**
 * Sends requests for registries to where rules say that these are. Reads of manifests and blobs go to mirrors first, in
 * order, and to the location itself when no mirror has them; all that belongs to a write goes to the location only.
 * Above the layer that authenticates: each place gets its own credentials.
 * @throws OciError for a request `DENIED` where a rule blocks it, `INVALID_OPTION` where a rule leaves no repository
 */
export function mirrors({ registries = [], now = Date.now }: MirrorOptions): TransportLayer {
  if (registries.length === 0) return (next) => next;
  const resting = new Map<string, number>();
  return (next) => async (request) => {
    const { registry, repository } = request.context ?? {};
    if (registry === undefined) return await next(request);
    const rule = ruleFor(registries, registry, repository);
    if (rule === undefined) return await next(request);
    if (rule.blocked === true)
      throw new OciError('DENIED', `${rule.prefix} is blocked by the configuration of registries`);
    // Lists of a whole registry are asked of that registry.
    if (repository === undefined) return await next(request);
    const from = { registry, repository };
    for (const mirror of mirrorsFor(rule, request)) {
      const to = placeBy(rule, mirror.location, from);
      if (to === undefined || (resting.get(to.registry) ?? 0) > now()) continue;
      const rest = (): unknown => resting.set(to.registry, now() + REST);
      const response = await tryMirror(next, request, { rule, location: mirror.location, from, to }, rest);
      if (response !== undefined) return response;
    }
    return await atLocation(next, request, rule, from);
  };
}

async function atLocation(
  next: Transport,
  request: TransportRequest,
  rule: RegistryRule,
  from: Place,
): Promise<TransportResponse> {
  const { location } = rule;
  if (location === undefined) return await next(request);
  const to = placeBy(rule, location, from);
  if (to === undefined)
    throw new OciError(
      'INVALID_OPTION',
      `${from.registry}/${from.repository} would be ${location}, which names no repository: mend the rule for ${rule.prefix}`,
    );
  const relocation = { rule, location, from, to };
  return broughtBack(await next(relocated(request, relocation)), relocation);
}

/** The answer of a mirror; undefined when it has none that is of use. */
async function tryMirror(
  next: Transport,
  request: TransportRequest,
  relocation: Relocation,
  rest: () => void,
): Promise<TransportResponse | undefined> {
  const there = relocated(request, relocation);
  let response: TransportResponse;
  try {
    // There is somebody else to ask, which is sooner done than waiting.
    response = await next({ ...there, context: { ...there.context, retry: false } });
  } catch (error) {
    request.signal?.throwIfAborted();
    if (!isOciError(error)) throw error;
    if (isOciError(error, 'NETWORK')) rest();
    return undefined;
  }
  if (response.status >= 400) {
    await response.discard();
    return undefined;
  }
  return withBody(broughtBack(response, relocation), {
    body: noticed(response.body, rest),
    discard: () => response.discard(),
  });
}

/** The bytes of a mirror. When they break off, the rest is asked of somebody else. */
async function* noticed(body: ByteStream, rest: () => void): AsyncGenerator<Uint8Array> {
  try {
    yield* body;
  } catch (error) {
    if (isOciError(error, 'NETWORK')) rest();
    throw error;
  }
}

function mirrorsFor({ mirrors: all = [] }: RegistryRule, request: TransportRequest): readonly Mirror[] {
  const kind = kindOf(request);
  if (kind === undefined) return [];
  return all.filter(({ pull = 'all' }) => kind === 'blob' || pull === 'all' || pull === `${kind}-only`);
}

/** What is read; undefined for what is no matter of mirrors. */
function kindOf({ method, url, context }: TransportRequest): 'blob' | 'digest' | 'tag' | undefined {
  if (method !== 'GET' && method !== 'HEAD') return undefined;
  // Whoever is about to write must know what is there, and not what is elsewhere.
  const writes = context?.scopes?.some((scope) => /(?:push|delete)(?:,|$)/.test(scope)) === true;
  const [, name = '', kind, reference = ''] =
    /^\/v2\/(.+)\/(manifests|blobs)\/([^/]+)$/.exec(new URL(url).pathname) ?? [];
  if (writes || name !== context?.repository) return undefined;
  if (kind === 'blobs') return isDigest(reference) ? 'blob' : undefined;
  return isDigest(reference) ? 'digest' : 'tag';
}
