import { OciError, isObject, isRepository, quote } from '../oci/index.js';
import type { RegistryOptions } from './options.js';
import { MemorySnapshot } from './storage/memory.js';

/** Every option, and every key of those that have keys of their own. */
const SHAPE: { readonly [K in keyof Required<RegistryOptions>]: readonly string[] | null } = {
  storage: ['kind', 'folder', 'from'],
  access: null,
  readOnly: null,
  inlineLimit: null,
  lease: null,
  uploadExpiry: null,
  maxUploads: null,
  manifestLimit: null,
  minFree: null,
  manifests: ['missing'],
  deletes: ['enabled', 'protectChildren'],
  immutableTags: null,
  quotas: null,
  collection: ['every', 'untagged'],
  metrics: ['enabled', 'public'],
  rateLimit: ['perSecond', 'burst'],
  publicUrl: null,
  trustProxy: null,
  onRequest: null,
  onError: null,
  now: null,
  newId: null,
};

const KINDS: readonly string[] = ['auto', 'leveldb', 'memory'];
const MISSING: readonly string[] = ['strict', 'platforms', 'off'];

/**
 * Refuses options that nobody knows: a misspelt one must not leave a registry open to everybody.
 * @throws OciError `INVALID_OPTION`
 */
export function checkShape(options: RegistryOptions): void {
  checkKeys(options, Object.keys(SHAPE), '');
  for (const [name, keys] of Object.entries(SHAPE)) {
    const value: unknown = options[name as keyof RegistryOptions];
    if (value === null) throw invalid(name, 'is null: leave it out for the default');
    if (keys === null || value === undefined) continue;
    if (!isObject(value)) throw invalid(name, 'is not an object');
    checkKeys(value, keys, `${name}.`);
  }
  checkValues(options);
}

function checkValues({ storage, manifests, quotas }: RegistryOptions): void {
  if (storage !== undefined && !KINDS.includes(storage.kind))
    throw invalid('storage.kind', `is ${quote(storage.kind)}, expected ${KINDS.join(', ')}`);
  if (
    storage !== undefined &&
    storage.kind !== 'memory' &&
    (typeof storage.folder !== 'string' || storage.folder === '')
  )
    throw invalid('storage.folder', 'is not the path of a folder');
  if (storage?.kind === 'memory' && storage.from !== undefined && !(storage.from instanceof MemorySnapshot))
    throw invalid('storage.from', 'is not a snapshot of another store in memory');
  if (manifests?.missing !== undefined && !MISSING.includes(manifests.missing))
    throw invalid('manifests.missing', `is ${quote(manifests.missing)}, expected ${MISSING.join(', ')}`);
  for (const prefix of Object.keys(quotas ?? {})) {
    const name = prefix.replace(/^\/+|\/+$/g, '');
    if (name !== '' && !isRepository(name))
      throw invalid('quotas', `has ${quote(prefix)}, which no repository begins with`);
  }
}

function checkKeys(value: object, known: readonly string[], at: string): void {
  const stray = Object.keys(value).find((key) => !known.includes(key));
  if (stray !== undefined) throw invalid(`${at}${stray}`, `is not an option; known are ${known.join(', ')}`);
}

const invalid = (name: string, problem: string): OciError =>
  new OciError('INVALID_OPTION', `${name} ${problem}`);
