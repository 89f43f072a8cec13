import { quote, type Descriptor, type Digest } from '../../oci/index.js';
import type { LoggedRequest } from '../requests/log.js';
import type { TestRegistry } from '../start.js';
import { insteadOf, referenceIn, registryOf, type Verdict } from './verdict.js';

/** A host, as `host:port`, or another test registry. */
export type Elsewhere = string | Pick<TestRegistry, 'host' | 'requests'>;

/**
 * Matchers for any `expect.extend`. References are written with the host of the registry or without it.
 *
 * ```ts
 * expect.extend(matchers);
 * expect(registry).toHavePushed('team/app:2.0');
 * await expect(registry).toHaveTag('team/app:2.0');
 * ```
 */
export const matchers = { toHavePushed, toHaveTag, toHaveReferrer, toHaveNeverSentCredentialsTo };

/** A client has pushed that manifest, by tag or by digest; with a bare repository, any. Reads the log. */
function toHavePushed(received: unknown, reference: string): Verdict {
  const registry = registryOf(received, 'toHavePushed');
  const { repository, tag, digest } = referenceIn(registry, reference);
  const pushes = registry.requests.filter({ operation: 'manifest.put', status: 201 });
  const pass = pushes.some(
    (push) =>
      push.repository === repository &&
      (tag === undefined || push.reference === tag) &&
      (digest === undefined || push.digest === digest),
  );
  const seen = pushes.map((push) => `${push.repository ?? ''} ${push.reference ?? ''} ${push.digest ?? ''}`);
  return {
    pass,
    message: () =>
      pass
        ? `expected no push of ${reference}, but there was one`
        : `expected a push of ${reference}; ${insteadOf(seen, 'no manifest was pushed')}`,
  };
}

/** The registry has that tag, and when a digest is given it leads there. Looks at the content, past access control. */
async function toHaveTag(received: unknown, reference: string, digest?: string): Promise<Verdict> {
  const registry = registryOf(received, 'toHaveTag');
  const named = referenceIn(registry, reference);
  const { tags } = registry.registry.store;
  const tag = named.tag ?? 'latest';
  const wanted = digest ?? named.digest;
  const found = await tags.get(named.repository, tag);
  const pass = found !== undefined && (wanted === undefined || found.digest === wanted);
  const others = found === undefined ? await tags.list(named.repository, { limit: 20 }) : [found.digest];
  const where = wanted === undefined ? '' : ` that leads to ${wanted}`;
  return {
    pass,
    message: () =>
      pass
        ? `expected no tag ${quote(tag)} in ${named.repository}, but it leads to ${found.digest}`
        : `expected a tag ${quote(tag)} in ${named.repository}${where}; ${insteadOf(others, 'the repository has no tag')}`,
  };
}

/** What a referrer must be. */
export interface ReferrerMatch {
  readonly artifactType?: string;
  readonly digest?: string;
}

/** Something in the registry refers to that manifest (its `subject`). Looks at the content, past access control. */
async function toHaveReferrer(
  received: unknown,
  reference: string,
  match: ReferrerMatch = {},
): Promise<Verdict> {
  const registry = registryOf(received, 'toHaveReferrer');
  const { repository, tag = 'latest', digest: given } = referenceIn(registry, reference);
  const { tags } = registry.registry.store;
  const digest = given ?? (await tags.get(repository, tag))?.digest;
  const found = digest === undefined ? [] : await referrersOf(registry, repository, digest);
  const pass = found.some(
    (referrer) =>
      (match.artifactType === undefined || referrer.artifactType === match.artifactType) &&
      (match.digest === undefined || referrer.digest === match.digest),
  );
  const seen = found.map((referrer) => `${referrer.artifactType ?? ''} ${referrer.digest}`);
  const none = digest === undefined ? `there is no ${reference}` : 'nothing refers to it';
  return {
    pass,
    message: () =>
      pass
        ? `expected no referrer ${JSON.stringify(match)} of ${reference}, but there is one`
        : `expected a referrer ${JSON.stringify(match)} of ${reference}; ${insteadOf(seen, none)}`,
  };
}

async function referrersOf(
  { registry }: TestRegistry,
  repository: string,
  digest: Digest,
): Promise<readonly Descriptor[]> {
  const found: Descriptor[] = [];
  let after: string | undefined;
  do {
    const page = await registry.store.referrers.list(
      repository,
      digest,
      after === undefined ? {} : { after },
    );
    found.push(...page.manifests);
    after = page.next;
  } while (after !== undefined);
  return found;
}

/**
 * No request with credentials has reached another host: neither the other registry, nor this one under that name
 * (`localhost` for `127.0.0.1`, say). Reads the logs.
 */
function toHaveNeverSentCredentialsTo(received: unknown, elsewhere: Elsewhere): Verdict {
  const registry = registryOf(received, 'toHaveNeverSentCredentialsTo');
  const host = typeof elsewhere === 'string' ? elsewhere : elsewhere.host;
  const here = [...registry.requests].filter(({ headers }) => headers['host'] === host);
  const there = typeof elsewhere === 'string' ? [] : [...elsewhere.requests];
  const leaked = [...here, ...there].filter(hasCredentials);
  const pass = leaked.length === 0;
  const seen = leaked.map(
    ({ n, method, path, headers }) =>
      `${n}. ${method} ${path} with ${headers['authorization'] ?? 'a cookie'}`,
  );
  return {
    pass,
    message: () =>
      pass
        ? `expected credentials to be sent to ${host}, but none were in ${here.length + there.length} requests`
        : `expected no credentials to be sent to ${host}; ${insteadOf(seen, '')}`,
  };
}

const hasCredentials = ({ headers }: LoggedRequest): boolean =>
  ['authorization', 'proxy-authorization', 'cookie'].some((name) => headers[name] !== undefined);
