import { OciError } from '../oci/index.js';
import { errorResponse } from '../registry/errors.js';
import { Check } from './check.js';
import type { Incoming } from './faults/line.js';
import { rebuilt } from './rebuilt.js';
import type { RequestFacts } from './requests/operations.js';
import type { Told } from './world.js';

/**
 * What a registry does not do that others do. `noReferrers`: it has no referrers API (404) and passes over subjects;
 * `smallPages`: lists come two entries at a time; `noDelete`: 405 to every DELETE of content; `noMount`: it never mounts a
 * blob, and opens an upload instead; `noRange`: it answers with the whole blob, whatever range was asked for.
 */
export type Profile = 'noReferrers' | 'smallPages' | 'noDelete' | 'noMount' | 'noRange';

/** Asks a registry. */
export type Ask = (incoming: Incoming, facts: RequestFacts) => Promise<Told>;

/** Most entries of a small page. */
const PAGE = 2;

const PROFILES: Readonly<Record<Profile, (ask: Ask) => Ask>> = {
  noReferrers: (ask) => async (incoming, facts) => {
    if (facts.operation === 'referrers.list') return { answer: notFound() };
    const told = await ask(incoming, facts);
    return facts.operation === 'manifest.put' ? without(told, 'oci-subject') : told;
  },
  smallPages: (ask) => async (incoming, facts) => {
    if (!['tags.list', 'catalog', 'referrers.list'].includes(facts.operation))
      return await ask(incoming, facts);
    return await ask(withQuery(incoming, smaller), facts);
  },
  noDelete: (ask) => async (incoming, facts) => {
    if (facts.operation !== 'manifest.delete' && facts.operation !== 'blob.delete')
      return await ask(incoming, facts);
    return { answer: errorResponse(new OciError('UNSUPPORTED', 'this registry deletes nothing')) };
  },
  noMount: (ask) => async (incoming, facts) => {
    if (facts.operation !== 'upload.start') return await ask(incoming, facts);
    return await ask(withQuery(incoming, unmounted), facts);
  },
  noRange: (ask) => async (incoming, facts) => {
    if (facts.operation !== 'blob.get') return await ask(incoming, facts);
    const headers = new Headers(incoming.request.headers);
    headers.delete('range');
    return without(await ask(rebuilt(incoming, { headers }), facts), 'accept-ranges');
  },
};

/**
 * A registry behind profiles.
 * @throws OciError `INVALID_OPTION` for a profile that nobody knows
 */
export function withProfiles(ask: Ask, profile: Profile | readonly Profile[] = []): Ask {
  const names: readonly Profile[] = typeof profile === 'string' ? [profile] : profile;
  for (const name of names)
    if (!Object.hasOwn(PROFILES, name))
      new Check('profile').fail(`"${name}" is not known, expected ${Object.keys(PROFILES).join(', ')}`);
  return names.reduce((inner, name) => PROFILES[name](inner), ask);
}

function smaller(query: URLSearchParams): void {
  const asked = Number(query.get('n') ?? PAGE);
  // What is no number stays, so that the registry can say so.
  if (!Number.isNaN(asked)) query.set('n', String(Math.min(asked, PAGE)));
}

function unmounted(query: URLSearchParams): void {
  query.delete('mount');
  query.delete('from');
}

function withQuery(incoming: Incoming, change: (query: URLSearchParams) => void): Incoming {
  const url = new URL(incoming.request.url);
  change(url.searchParams);
  return rebuilt(incoming, { url: url.href });
}

function without(told: Told, header: string): Told {
  if (!told.answer.headers.has(header)) return told;
  told.answer.headers.delete(header);
  return told;
}

/** What a server says that has nothing at a path, and knows of no envelope. */
const notFound = (): Response =>
  new Response('404 page not found\n', {
    status: 404,
    headers: { 'content-type': 'text/plain; charset=utf-8', 'content-length': '19' },
  });
