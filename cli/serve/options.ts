import { join } from 'node:path';
import { OciError } from '../../oci/index.js';
import type { AccessOptions, ListenOptions, RegistryOptions, TlsOptions } from '../../registry/index.js';
import type { ServeConfig } from '../serve-config.js';

/** A configuration with its data folder. */
export type PlacedConfig = ServeConfig & { readonly data: string };

/**
 * What the registry library is told. It checks the rest: what fits together and what does not.
 * @throws OciError `INVALID_OPTION`
 */
export function registryOptions(config: PlacedConfig): RegistryOptions {
  const { data, blobs, publicUrl, rateLimit, immutableTags } = config;
  const { perSecond, burst } = rateLimit;
  if (perSecond === undefined && burst !== undefined)
    throw new OciError('INVALID_OPTION', 'rateLimit.burst means nothing without rateLimit.perSecond');
  return {
    storage: blobs === 'memory' ? { kind: 'memory' } : { kind: blobs, folder: data },
    access: accessOptions(config),
    readOnly: config.readOnly,
    inlineLimit: config.inlineLimit,
    lease: config.lease,
    uploadExpiry: config.uploadExpiry,
    maxUploads: config.maxUploads,
    manifestLimit: config.manifestLimit,
    minFree: config.minFree,
    manifests: config.manifests,
    deletes: config.deletes,
    immutableTags: immutableTags.map(present),
    quotas: config.quotas,
    collection: config.collection,
    metrics: config.metrics,
    trustProxy: config.trustProxy,
    ...(publicUrl === undefined ? {} : { publicUrl }),
    ...(perSecond === undefined ? {} : { rateLimit: present({ perSecond, burst }) }),
  };
}

function accessOptions({ access, data }: PlacedConfig): AccessOptions {
  const { rules, ...rest } = access;
  const options = present({ ...rest, rules: rules?.map(present) });
  return options.mode === 'none' || options.htpasswd !== undefined
    ? options
    : { ...options, htpasswd: join(data, 'htpasswd') };
}

/**
 * What the server is told.
 * @throws OciError `INVALID_OPTION`
 */
export function listenOptions(config: PlacedConfig, onError: (error: unknown) => void): ListenOptions {
  const { host, port, grace, idleTimeout } = config;
  const tls = tlsOptions(config);
  return { host, port, grace, idleTimeout, ...(tls === undefined ? {} : { tls: { ...tls, onError } }) };
}

function tlsOptions({ tls, data, blobs }: PlacedConfig): TlsOptions | undefined {
  const { cert, key, auto, hosts } = tls;
  if (auto) {
    if (cert !== undefined || key !== undefined)
      throw new OciError('INVALID_OPTION', 'tls.auto makes a certificate: leave out tls.cert and tls.key');
    return { auto, hosts, ...(blobs === 'memory' ? {} : { folder: join(data, 'tls') }) };
  }
  if (hosts.length > 0) throw new OciError('INVALID_OPTION', 'tls.hosts means nothing without tls.auto');
  if (cert === undefined && key === undefined) return undefined;
  if (cert === undefined || key === undefined)
    throw new OciError('INVALID_OPTION', 'tls.cert and tls.key go together: give both');
  return { cert, key };
}

/** A type whose members may be left out instead of being undefined. */
type Present<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>;
};

/** Without the members that are undefined: to a strict reader these two are not the same. */
function present<T extends object>(value: T): Present<T> {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as Present<T>;
}
