import { cloudKeychain } from '../../../client/credentials/cloud/cloud-keychain.js';
import { explain, type Explanation } from '../../../client/credentials/keychain.js';
import type { Transport } from '../../../client/transport.js';
import { OciError, collect } from '../../../oci/index.js';
import { tempFolder } from '../../helpers/temp.js';
import { FakeResponse, type FakeAnswer } from '../fakes.js';

/** The time of every test: 2026-01-02 03:04:05 UTC. */
export const NOW = Date.UTC(2026, 0, 2, 3, 4, 5);

/** A request as a test looks at it. */
export interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What services answer, by the beginning of `METHOD URL`; nobody else is there. */
export type Routes = Readonly<Record<string, (seen: Seen) => FakeAnswer>>;

/** A search of the clouds, and what it asked. */
export interface Search extends Explanation {
  readonly asked: readonly Seen[];
}

/** An answer in JSON. */
export const json = (value: unknown, status = 200): FakeAnswer => ({ status, body: JSON.stringify(value) });

/** Services by their routes, as a transport that remembers. */
export function services(routes: Routes): { transport: Transport; asked: Seen[] } {
  const asked: Seen[] = [];
  const transport: Transport = async ({ method, url, headers, body }) => {
    const bytes = body === undefined ? Buffer.alloc(0) : await collect(body.open(), 64 * 1024, 'body');
    const seen = { method, url, headers, body: Buffer.from(bytes).toString('utf8') };
    asked.push(seen);
    const [, answer] = Object.entries(routes).find(([start]) => `${method} ${url}`.startsWith(start)) ?? [];
    if (answer === undefined) throw new OciError('NETWORK', `${new URL(url).host} is not there`);
    return new FakeResponse(url, answer(seen));
  };
  return { transport, asked };
}

/** The fields of a form. */
export const formOf = ({ body }: Seen): Record<string, string> =>
  Object.fromEntries(new URLSearchParams(body));

/** Searches for the credentials of a registry on a machine that has nothing but this. */
export async function searchFor(
  registry: string,
  environment: Readonly<Record<string, string>>,
  routes: Routes = {},
  home?: string,
): Promise<Search> {
  const { transport, asked } = services(routes);
  const places = { environment: { PATH: '/nowhere', ...environment }, home: home ?? (await tempFolder()) };
  const keychain = cloudKeychain(undefined, { transport, now: () => NOW, ...places });
  return { ...(await explain(keychain, { registry })), asked };
}
