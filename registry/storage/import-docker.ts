import { createReadStream } from 'node:fs';
import { readFile, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import {
  OciError,
  childrenOf,
  isDigest,
  isOciError,
  isRepository,
  isTag,
  parseManifest,
  type Digest,
  type Manifest,
} from '../../oci/index.js';
import type { Store } from './store.js';

export interface ImportReport {
  repositories: number;
  manifests: number;
  tags: number;
  /** Blobs that were not here before, and their bytes. */
  blobs: number;
  bytes: number;
  /** What could not be taken over, and why. */
  readonly skipped: { readonly repository: string; readonly name: string; readonly reason: string }[];
}

export interface ImportOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (report: Readonly<ImportReport>) => void;
}

const ROOT = join('docker', 'registry', 'v2');

/** True for a folder that docker-registry keeps its data in. */
export async function isDockerRegistry(folder: string): Promise<boolean> {
  return (await kindOf(join(folder, ROOT, 'repositories'))) === 'folder';
}

/**
 * Takes over what a docker-registry has stored (its filesystem driver's layout): every repository with its manifests,
 * blobs and tags. What is here already is left alone, so it can be run again.
 * @param folder the `rootdirectory` of that registry; it must not be writing there meanwhile
 * @throws OciError `INVALID_OPTION` when the folder is none
 */
export async function importDockerRegistry(
  store: Store,
  folder: string,
  options: ImportOptions = {},
): Promise<ImportReport> {
  if (!(await isDockerRegistry(folder))) {
    throw new OciError(
      'INVALID_OPTION',
      `${folder} is not the data folder of a docker-registry: it has no ${join(ROOT, 'repositories')}`,
    );
  }
  const report: ImportReport = { repositories: 0, manifests: 0, tags: 0, blobs: 0, bytes: 0, skipped: [] };
  const root = join(folder, ROOT);
  for await (const name of repositories(join(root, 'repositories'))) {
    const importer = new Importer(store, root, name, report, options);
    await importer.run();
    report.repositories++;
  }
  return report;
}

async function kindOf(path: string): Promise<'folder' | 'file' | undefined> {
  const found = await stat(path).catch(() => undefined);
  return found === undefined ? undefined : found.isDirectory() ? 'folder' : 'file';
}

/** Repository names: folders that have a `_manifests` in them, however deep. */
async function* repositories(root: string, name = ''): AsyncGenerator<string> {
  const entries = await readdir(join(root, name), { withFileTypes: true });
  if (entries.some((entry) => entry.name === '_manifests') && isRepository(name)) yield name;
  for (const entry of entries) {
    if (entry.isDirectory() && !entry.name.startsWith('_'))
      yield* repositories(root, name === '' ? entry.name : `${name}/${entry.name}`);
  }
}

class Importer {
  readonly #store: Store;
  readonly #root: string;
  readonly #name: string;
  readonly #report: ImportReport;
  readonly #options: ImportOptions;
  /** Manifests taken over or found wanting, so that shared children are done once. */
  readonly #done = new Map<Digest, boolean>();

  constructor(store: Store, root: string, name: string, report: ImportReport, options: ImportOptions) {
    this.#store = store;
    this.#root = root;
    this.#name = name;
    this.#report = report;
    this.#options = options;
  }

  async run(): Promise<void> {
    const manifests = join(this.#root, 'repositories', this.#name, '_manifests');
    for (const algorithm of await names(join(manifests, 'revisions'))) {
      for (const hex of await names(join(manifests, 'revisions', algorithm))) {
        const link = join(manifests, 'revisions', algorithm, hex, 'link');
        const digest = `${algorithm}:${hex}`;
        // A deleted revision keeps its folder and loses its link.
        if (isDigest(digest) && (await kindOf(link)) === 'file') await this.#manifest(digest);
      }
    }
    for (const tag of await names(join(manifests, 'tags'))) {
      const target = (
        await readFile(join(manifests, 'tags', tag, 'current', 'link'), 'utf8').catch(() => '')
      ).trim();
      if (isTag(tag) && isDigest(target) && (await this.#manifest(target))) await this.#tag(tag, target);
      else this.#skip(tag, 'its manifest is not there');
    }
  }

  /** Takes over a manifest and, first, what it points to; returns whether it is here now. */
  async #manifest(digest: Digest): Promise<boolean> {
    const known = this.#done.get(digest);
    if (known !== undefined) return known;
    this.#options.signal?.throwIfAborted();
    this.#done.set(digest, false);
    try {
      const bytes = await readFile(this.#data(digest));
      const manifest = parseManifest(bytes);
      for (const child of childrenOf(manifest)) await this.#child(manifest, child.digest);
      await this.#store.manifests.put(this.#name, { bytes, digest });
      this.#report.manifests++;
      this.#done.set(digest, true);
      this.#options.onProgress?.(this.#report);
      return true;
    } catch (error) {
      if (!isOciError(error) && (error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      if (isOciError(error, 'STORE_FULL')) throw error;
      this.#skip(digest, (error as Error).message);
      return false;
    }
  }

  async #child(parent: Manifest, digest: Digest): Promise<void> {
    const revision = join(
      this.#root,
      'repositories',
      this.#name,
      '_manifests',
      'revisions',
      digest.replace(':', '/'),
      'link',
    );
    if (parent.kind === 'index' && (await kindOf(revision)) === 'file') await this.#manifest(digest);
    else await this.#blob(digest);
  }

  async #blob(digest: Digest): Promise<void> {
    const { blobs, uploads } = this.#store;
    const path = this.#data(digest);
    if (await blobs.link(this.#name, digest)) return;
    // Foreign layers need not be there; a manifest that does need this blob says so when it is stored.
    if ((await kindOf(path)) !== 'file') return;
    this.#report.bytes += await uploads.put(
      this.#name,
      digest,
      createReadStream(path, { highWaterMark: 1024 * 1024 }),
    );
    this.#report.blobs++;
  }

  async #tag(tag: string, digest: Digest): Promise<void> {
    const manifest = await this.#store.manifests.get(this.#name, digest);
    if (manifest === undefined) return;
    await this.#store.manifests.put(this.#name, {
      bytes: manifest.bytes,
      contentType: manifest.mediaType,
      digest,
      tags: [tag],
    });
    this.#report.tags++;
  }

  #skip(name: string, reason: string): void {
    this.#report.skipped.push({ repository: this.#name, name, reason });
  }

  #data(digest: Digest): string {
    const [algorithm = '', hex = ''] = digest.split(':');
    return join(this.#root, 'blobs', algorithm, hex.slice(0, 2), hex, 'data');
  }
}

async function names(folder: string): Promise<string[]> {
  return (await readdir(folder).catch(() => [])).toSorted();
}
