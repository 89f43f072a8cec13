import type { AccessOptions, RegistryOptions } from '../../../registry/index.js';
import { open, type Answer, type Ask, type Site } from '../helpers.js';

/** Users of every site here. */
export const USERS = { alice: 'wonderland', bob: 'builder', root: 'secret' };

/** Everybody pulls what is public, `alice` writes everywhere, `bob` in his team; the rest is not for him to see. */
export const RULES = [
  { repositories: 'secret/**', pull: ['alice'], push: ['alice'] },
  { repositories: 'team/**', pull: ['authenticated'], push: ['alice', 'bob'], delete: ['bob'] },
  { repositories: '**', pull: ['*'], push: ['alice'], delete: ['alice'] },
];

export async function openWith(access: AccessOptions, options: RegistryOptions = {}): Promise<Site> {
  return await open({ ...options, access });
}

/** A site in bearer mode with the users and rules above; `root` administers. */
export async function bearerSite(options: RegistryOptions = {}): Promise<Site> {
  return await openWith({ mode: 'bearer', users: USERS, rules: RULES, admins: ['root'] }, options);
}

export function basic(name: keyof typeof USERS | (string & {}), password?: string): Record<string, string> {
  const secret = password ?? (Object.hasOwn(USERS, name) ? USERS[name as keyof typeof USERS] : 'unknown');
  return { authorization: `Basic ${Buffer.from(`${name}:${secret}`).toString('base64')}` };
}

export const bearer = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` });

/** What the token endpoint answers. */
export interface TokenBody {
  readonly token: string;
  readonly access_token: string;
  readonly expires_in: number;
  readonly issued_at: string;
  readonly refresh_token?: string;
  readonly scope?: string;
}

/** Asks for a token by GET; throws when none is given. */
export async function getToken(
  site: Site,
  scopes: readonly string[],
  headers: Record<string, string> = {},
  more: Record<string, string> = {},
): Promise<TokenBody> {
  const query = new URLSearchParams({ service: 'registry.test', ...more });
  for (const scope of scopes) query.append('scope', scope);
  const answer = await site.ask('GET', `/_ocilot/token?${query.toString()}`, { headers });
  if (answer.status !== 200) throw new Error(`no token: ${answer.status} ${answer.bytes.toString()}`);
  return answer.json<TokenBody>();
}

/** Asks for a token by POST of a form. */
export async function postToken(site: Site, form: Record<string, string>): Promise<Answer> {
  const init: Ask = {
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams(form).toString(),
  };
  return await site.ask('POST', '/_ocilot/token', init);
}

/** The parameters of the one challenge of an answer. */
export function challengeOf(answer: Answer): { readonly scheme: string } & Record<string, string> {
  const header = answer.headers.get('www-authenticate') ?? '';
  const scheme = header.slice(0, header.indexOf(' '));
  const fields = header.slice(scheme.length).matchAll(/([a-z]+)="([^"]*)"/g);
  return { scheme, ...Object.fromEntries([...fields].map(([, name = '', value = '']) => [name, value])) };
}
