import picomatch from 'picomatch';
import { OciError } from '../oci/index.js';
import { OPEN_ACCESS, type Access } from './access/access.js';
import { checkAccess, type AccessOptions } from './access/options.js';
import { checkShape } from './options-shape.js';
import { DEFAULT_RULES, type StoreRules } from './storage/core.js';
import type { StorageOptions } from './storage/open.js';

/** Tags that may not move once they are there; both are globs. */
export interface ImmutableTags {
  readonly repository: string;
  /** Default `*`. */
  readonly tag?: string;
}

/** How a registry is set up. Everything has a default; sizes are bytes, times milliseconds. */
export interface RegistryOptions {
  /** Where content is kept. Default: memory. */
  readonly storage?: StorageOptions;
  /** Who may do what. Default: everybody everything. */
  readonly access?: Access | AccessOptions;
  /** Refuse every write. */
  readonly readOnly?: boolean;
  /** Blobs up to this size lie in the records themselves. Default 512 KiB. */
  readonly inlineLimit?: number;
  /** How long what a client was told to exist is kept without being used. Default one hour. */
  readonly lease?: number;
  /** How long after its last write an upload is kept. Default 24 hours. */
  readonly uploadExpiry?: number;
  /** Uploads that may be open at once; more are answered with 429. Default 10,000. */
  readonly maxUploads?: number;
  /** Largest manifest. Default 8 MiB. */
  readonly manifestLimit?: number;
  /** Writes are refused when less would be free on the disk. Default 64 MiB. */
  readonly minFree?: number;
  readonly manifests?: {
    /** What a manifest may point to that is not there: nothing, some children of an index, anything. Default `strict`. */
    readonly missing?: StoreRules['missing'];
  };
  readonly deletes?: {
    /** False: answer every DELETE of content with 405. Default true. */
    readonly enabled?: boolean;
    /** Refuse to delete a manifest that an index points to. Default false. */
    readonly protectChildren?: boolean;
  };
  readonly immutableTags?: readonly ImmutableTags[];
  /** Most bytes of distinct blobs below a path prefix; `''` is the whole registry. */
  readonly quotas?: Readonly<Record<string, number>>;
  readonly collection?: {
    /** How often to collect; 0 never. Default one hour. */
    readonly every?: number;
    /** Also collect manifests that no tag, index or subject keeps. Default false. */
    readonly untagged?: boolean;
  };
  readonly metrics?: {
    /** Count, and answer `/metrics` in the format of Prometheus to administrators. Default false. */
    readonly enabled?: boolean;
    /** Answer `/metrics` to everybody. Default false. */
    readonly public?: boolean;
  };
  /** Requests a client may send in a second, and how many may come at once (default: as many). Default: no limit. */
  readonly rateLimit?: { readonly perSecond: number; readonly burst?: number };
  /** Scheme and host that clients use, such as `https://registry.example`. Default: what the request says. */
  readonly publicUrl?: string;
  /** Take scheme, host and client address from the headers of a reverse proxy. Default false. */
  readonly trustProxy?: boolean;
  /** Told of every request when it has been answered. */
  readonly onRequest?: (entry: RequestEntry) => void;
  /** Told of failures that are not the client's. */
  readonly onError?: (error: unknown, entry: Pick<RequestEntry, 'id' | 'method' | 'path'>) => void;
  /** Milliseconds since the epoch. Default `Date.now`. */
  readonly now?: () => number;
  /** Unguessable ids. Default 128 random bits in hex. */
  readonly newId?: () => string;
}

/** What is known about a request when it has been answered. */
export interface RequestEntry {
  readonly id: string;
  readonly method: string;
  readonly path: string;
  readonly operation: string;
  readonly repository?: string;
  readonly reference?: string;
  readonly user?: string;
  readonly client?: string;
  readonly status: number;
  /** Body bytes taken in. */
  readonly received: number;
  /** Declared length of the answer, when it has one. */
  readonly sent?: number;
  /** Milliseconds until the answer's head was ready. */
  readonly duration: number;
}

export interface ResolvedOptions {
  readonly storage: StorageOptions;
  readonly rules: StoreRules;
  readonly access: Access;
  readonly readOnly: boolean;
  readonly deletes: boolean;
  readonly collection: { readonly every: number; readonly untagged: boolean };
  readonly metrics: { readonly enabled: boolean; readonly public: boolean };
  readonly rateLimit: { readonly perSecond: number; readonly burst: number } | undefined;
  readonly publicUrl: string | undefined;
  readonly trustProxy: boolean;
  readonly onRequest: ((entry: RequestEntry) => void) | undefined;
  readonly onError: NonNullable<RegistryOptions['onError']>;
  readonly now: () => number;
  readonly newId: (() => string) | undefined;
}

/** Options as they were checked; access is made of them when the store is open. */
export type CheckedOptions = Omit<ResolvedOptions, 'access'> & { readonly access: Access | AccessOptions };

const HOUR = 60 * 60 * 1000;

/**
 * The one place where defaults are set and options checked.
 * @throws OciError `INVALID_OPTION`
 */
export function resolveOptions(options: RegistryOptions): CheckedOptions {
  const number = (name: string, value: number | undefined, fallback: number): number => {
    if (value === undefined) return fallback;
    if (!Number.isFinite(value) || value < 0)
      throw new OciError('INVALID_OPTION', `${name} is ${value}, expected a number that is not negative`);
    return value;
  };
  checkShape(options);
  const { rateLimit } = options;
  if (rateLimit?.perSecond === 0)
    throw new OciError('INVALID_OPTION', 'rateLimit.perSecond is 0: nobody could send anything');
  return {
    storage: options.storage ?? { kind: 'memory' },
    rules: {
      inlineLimit: number('inlineLimit', options.inlineLimit, DEFAULT_RULES.inlineLimit),
      lease: number('lease', options.lease, DEFAULT_RULES.lease),
      uploadExpiry: number('uploadExpiry', options.uploadExpiry, DEFAULT_RULES.uploadExpiry),
      maxUploads: number('maxUploads', options.maxUploads, DEFAULT_RULES.maxUploads),
      minFree: number('minFree', options.minFree, DEFAULT_RULES.minFree),
      manifestLimit: number('manifestLimit', options.manifestLimit, DEFAULT_RULES.manifestLimit),
      missing: options.manifests?.missing ?? DEFAULT_RULES.missing,
      protectChildren: options.deletes?.protectChildren ?? DEFAULT_RULES.protectChildren,
      immutable: matchTags(options.immutableTags ?? []),
      quotas: Object.entries(options.quotas ?? {}).map(([prefix, bytes]) => ({
        prefix: prefix.replace(/^\/+|\/+$/g, ''),
        bytes: number(`quotas.${prefix}`, bytes, 0),
      })),
    },
    access: checkedAccess(options.access ?? OPEN_ACCESS),
    readOnly: options.readOnly ?? false,
    deletes: options.deletes?.enabled ?? true,
    collection: {
      // Node's timers end here.
      every: Math.min(number('collection.every', options.collection?.every, HOUR), 2 ** 31 - 1),
      untagged: options.collection?.untagged ?? false,
    },
    metrics: {
      enabled: options.metrics?.enabled ?? false,
      public: options.metrics?.public ?? false,
    },
    rateLimit:
      rateLimit === undefined
        ? undefined
        : {
            perSecond: number('rateLimit.perSecond', rateLimit.perSecond, 0),
            burst: number('rateLimit.burst', rateLimit.burst, rateLimit.perSecond),
          },
    publicUrl: options.publicUrl === undefined ? undefined : checkUrl(options.publicUrl),
    trustProxy: options.trustProxy ?? false,
    onRequest: options.onRequest,
    onError: options.onError ?? (() => undefined),
    now: options.now ?? Date.now,
    newId: options.newId,
  };
}

function checkedAccess(access: Access | AccessOptions): Access | AccessOptions {
  if ('mode' in access) checkAccess(access);
  else if (typeof access.authenticate !== 'function')
    throw new OciError(
      'INVALID_OPTION',
      'access has no mode, and is no access that createRegistry could use',
    );
  return access;
}

function matchTags(rules: readonly ImmutableTags[]): (repository: string, tag: string) => boolean {
  const matchers = rules.map(({ repository, tag = '*' }) => ({
    repository: picomatch(repository),
    tag: picomatch(tag),
  }));
  return (repository, tag) => matchers.some((rule) => rule.repository(repository) && rule.tag(tag));
}

function checkUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.pathname !== '/' || url.search !== '') {
    throw new OciError(
      'INVALID_OPTION',
      `publicUrl "${text}" is not valid: expected a scheme and a host, such as https://registry.example`,
    );
  }
  return url.origin;
}
