import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import {
  isRepository,
  OciError,
  parseRepository,
  parseTag,
  quote,
  type Descriptor,
  type Digest,
} from '../oci/index.js';
import type { Root, Source } from '../image/media.js';
import { storeSink } from '../registry/store-media.js';
import type { Store } from '../registry/storage/store.js';
import { Check } from './check.js';

/** Content of an OCI layout (a folder) or of an archive of any format that Ocilot reads (a file). */
export interface SeedFrom {
  /** The path of the layout or the archive. */
  readonly from: string;
  /** Its name there. Default: what alone is in it. */
  readonly tag?: string;
}

/** What was put into a registry, and where. */
export interface Loaded {
  readonly repository: string;
  /** None for what has no name in its layout or archive: only the digest leads to it. */
  readonly tag?: string;
  readonly descriptor: Descriptor;
  readonly digest: Digest;
}

/** Options of `load`. */
export interface LoadOptions {
  /**
   * Where all of it goes. Default: where the names in the layout say, without their host; names that are only tags go to
   * a repository that is called like the file or folder.
   */
  readonly repository?: string;
}

/** Puts one thing of a layout or an archive, and what refers to it, into a repository. */
export async function loadOne(
  store: Store,
  repository: string,
  { from, tag, tags }: SeedFrom & { readonly tags: readonly string[] },
): Promise<{ readonly descriptor: Descriptor; readonly digest: Digest }> {
  return await withPlace(from, async (source) => {
    const roots = await rootsOf(source);
    const named = tag === undefined ? roots : roots.filter((root) => root.tag === tag);
    const [root] = named;
    if (root === undefined || new Set(named.map(({ descriptor }) => descriptor.digest)).size > 1) {
      const names = roots.map((one) => one.tag ?? one.descriptor.digest).join(', ');
      const wanted = tag === undefined ? 'one thing, or a tag that names it' : `the tag ${quote(tag)}`;
      const check: Check = new Check(`seed ${quote(from)}`);
      check.fail(`expected ${wanted}, there is ${names === '' ? 'nothing' : names}`);
    }
    const { copy } = await import('../image/copy/index.js');
    await copy(source, storeSink(store, repository), [{ descriptor: root.descriptor, tags }]);
    return { descriptor: root.descriptor, digest: root.descriptor.digest };
  });
}

/**
 * Puts all of a layout or an archive into a store.
 * @throws OciError `INVALID_OPTION`, `TAG_INVALID`, `NAME_INVALID`, and what reading it throws
 */
export async function loadAll(store: Store, from: string, options: LoadOptions = {}): Promise<Loaded[]> {
  const own = options.repository === undefined ? undefined : parseRepository(options.repository);
  return await withPlace(from, async (source) => {
    const { copy } = await import('../image/copy/index.js');
    const loaded: Loaded[] = [];
    for (const { descriptor, tag: name } of await rootsOf(source)) {
      const place = placeOf(name, own, from);
      const tags = place.tag === undefined ? [] : [place.tag];
      await copy(source, storeSink(store, place.repository), [{ descriptor, tags }]);
      loaded.push({ ...place, descriptor, digest: descriptor.digest });
    }
    return loaded;
  });
}

async function withPlace<T>(path: string, work: (source: Source) => Promise<T>): Promise<T> {
  const source = await openPlace(path);
  try {
    return await work(source);
  } finally {
    await source.close?.();
  }
}

async function openPlace(path: string): Promise<Source> {
  const found = await stat(path).catch((cause: unknown) => {
    throw new OciError('INVALID_OPTION', `seed ${quote(path)} cannot be read: ${(cause as Error).message}`, {
      cause,
    });
  });
  if (found.isDirectory()) return await (await import('../image/layout/index.js')).openLayout(path);
  return await (await import('../image/archive/index.js')).openArchive(path);
}

async function rootsOf(source: Source): Promise<Root[]> {
  const roots: Root[] = [];
  for await (const root of source.roots?.() ?? []) roots.push(root);
  return roots;
}

/** Where something goes that is called so in its layout: a tag, or a whole reference as docker writes it, or by digest. */
function placeOf(
  name: string | undefined,
  repository: string | undefined,
  path: string,
): { readonly repository: string; readonly tag?: string } {
  const fallback = repository ?? repositoryOf(path);
  if (name === undefined) return { repository: fallback };
  const first = name.slice(0, Math.max(0, name.indexOf('/')));
  const rest = /[.:]|^localhost$/.test(first) ? name.slice(first.length + 1) : name;
  const at = rest.indexOf('@');
  if (at > 0) return { repository: repository ?? parseRepository(rest.slice(0, at)) };
  const colon = rest.lastIndexOf(':');
  if (colon < 0 && !rest.includes('/')) return { repository: fallback, tag: parseTag(rest) };
  const named = colon < 0 ? rest : rest.slice(0, colon);
  const tag = colon < 0 ? 'latest' : rest.slice(colon + 1);
  return { repository: repository ?? parseRepository(named), tag: parseTag(tag) };
}

function repositoryOf(path: string): string {
  const name = basename(path)
    .toLowerCase()
    .replace(/(?:\.oci|\.docker)?\.(?:tar|tgz|tar\.gz|tar\.zst)$/, '');
  return isRepository(name) ? name : 'seed';
}
