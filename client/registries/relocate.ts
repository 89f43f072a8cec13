import type { TransportRequest, TransportResponse } from '../transport.js';
import { withBody } from '../transport.js';
import { placeBy, type Place, type RegistryRule } from './rules.js';

/** A request for a repository, and where it goes by a rule. */
export interface Relocation {
  readonly rule: RegistryRule;
  /** Default: where it is anyhow. */
  readonly location: string | undefined;
  /** What the request is about. */
  readonly from: Place;
  /** Where that is. */
  readonly to: Place;
}

/** The request as it goes there. A mount from a repository that is not there too becomes a plain upload. */
export function relocated(request: TransportRequest, relocation: Relocation): TransportRequest {
  const { from, to } = relocation;
  const url = new URL(request.url);
  url.host = to.registry;
  // A port that is that of the scheme is not kept by `host`.
  if (!/:\d+$/.test(to.registry)) url.port = '';
  url.pathname = movePath(url.pathname, from.repository, to.repository);
  const moved = new Map([[from.repository, to.repository]]);
  const source = url.searchParams.get('from');
  if (source !== null) {
    const place = otherPlace(source, relocation);
    if (place === undefined) for (const name of ['mount', 'from']) url.searchParams.delete(name);
    else {
      url.searchParams.set('from', place);
      moved.set(source, place);
    }
  }
  const scopes = request.context?.scopes?.flatMap((scope) => moveScope(scope, moved));
  return {
    ...request,
    url: url.href,
    context: { ...request.context, ...to, ...(scopes === undefined ? {} : { scopes }) },
  };
}

/** Another repository of the same registry, where it goes by the same rule. */
function otherPlace(repository: string, { rule, location, from, to }: Relocation): string | undefined {
  const place = placeBy(rule, location, { registry: from.registry, repository });
  return place?.registry === to.registry ? place.repository : undefined;
}

function moveScope(scope: string, moved: ReadonlyMap<string, string>): string[] {
  const [, name = '', actions = ''] = /^repository:(.+):([^:]*)$/.exec(scope) ?? [];
  const there = moved.get(name);
  return there === undefined ? [] : [`repository:${there}:${actions}`];
}

function movePath(path: string, from: string, to: string): string {
  const before = `/v2/${from}/`;
  return path.startsWith(before) ? `/v2/${to}/${path.slice(before.length)}` : path;
}

/** The answer as if it came from where it was asked for: what it leads to is asked for there again. */
export function broughtBack(response: TransportResponse, { from, to }: Relocation): TransportResponse {
  const home = (target: string): string => {
    if (!URL.canParse(target, response.url)) return target;
    const url = new URL(target, response.url);
    if (url.host !== new URL(`${url.protocol}//${to.registry}`).host) return url.href;
    url.host = from.registry;
    if (!/:\d+$/.test(from.registry)) url.port = '';
    url.pathname = movePath(url.pathname, to.repository, from.repository);
    return url.href;
  };
  const header = (name: string): string | undefined => {
    const value = response.header(name);
    if (name === 'location' && value !== undefined) return home(value);
    if (name === 'link') return value?.replaceAll(/<([^>]*)>/g, (_, target: string) => `<${home(target)}>`);
    return value;
  };
  const { body } = response;
  return {
    ...withBody(response, { body, discard: () => response.discard() }),
    url: home(response.url),
    header,
  };
}
