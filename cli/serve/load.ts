import { stat } from 'node:fs/promises';
import { loadArchive, loadSource, type LoadTarget, type Placed } from '../../bundle/loading/index.js';
import type { CopyReport, CopyRoot } from '../../image/copy/index.js';
import { openLayout } from '../../image/layout/index.js';
import type { Source } from '../../image/media.js';
import type { CallOptions } from '../../oci/index.js';
import {
  importDockerRegistry,
  isDockerRegistry,
  placeRoots,
  repositoryOfFile,
  storeSink,
  storeSource,
  type Store,
} from '../../registry/index.js';
import type { Logger } from './logger.js';
import type { Ending } from './shutdown.js';

/** Takes over one after another; a signal stops it. Throws as `loadInto`. */
export async function loadAll(
  store: Store,
  paths: readonly string[],
  { log, ending }: { readonly log: Logger; readonly ending: Ending },
): Promise<void> {
  const abort = new AbortController();
  void ending.asked.then(() => abort.abort());
  for (const path of paths) {
    try {
      // oxlint-disable-next-line no-await-in-loop -- one may need what another brings
      await loadInto(store, path, log, { signal: abort.signal });
    } catch (error) {
      if (abort.signal.aborted) return;
      throw error;
    }
  }
}

/**
 * Takes an archive, a layout folder or the data folder of a docker-registry into a store.
 * @throws OciError `INVALID_OPTION` for what is none of them; as `loadArchive` and `importDockerRegistry`
 */
async function loadInto(store: Store, path: string, log: Logger, call: CallOptions): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  const isLayout =
    found?.isDirectory() === true && (await stat(`${path}/index.json`).catch(() => undefined)) !== undefined;
  if (found?.isDirectory() === true && (!isLayout || (await isDockerRegistry(path)))) {
    await importFolder(store, path, log, call);
    return;
  }
  log.info({ path }, 'loading');
  const target = (source: Source): Promise<readonly Placed[]> =>
    placed(store, source, repositoryOfFile(path), call);
  const copies = isLayout
    ? await loadLayout(path, target, call)
    : (await loadArchive(path, target, { ...call, base: await repositoriesOf(store) })).copies;
  const sum = (count: (copy: CopyReport) => number): number =>
    copies.reduce((total, copy) => total + count(copy), 0);
  log.info(
    {
      path,
      repositories: copies.length,
      manifests: sum(({ manifests }) => manifests.put),
      blobs: sum(({ sent }) => sent.blobs),
      bytes: sum(({ sent }) => sent.bytes),
    },
    'loaded',
  );
}

async function loadLayout(
  path: string,
  target: LoadTarget,
  call: CallOptions,
): Promise<readonly CopyReport[]> {
  const source = await openLayout(path, call);
  try {
    return await loadSource(source, target, call);
  } finally {
    await source.close?.();
  }
}

async function importFolder(store: Store, folder: string, log: Logger, call: CallOptions): Promise<void> {
  log.info({ folder }, 'importing');
  const { skipped, ...counts } = await importDockerRegistry(store, folder, call);
  for (const entry of skipped) log.warn({ folder, ...entry }, 'not imported');
  log.info({ folder, ...counts, skipped: skipped.length }, 'imported');
}

/** Where what stands at the top of a source goes: as it would be served from there. */
async function placed(
  store: Store,
  source: Source,
  repository: string,
  call: CallOptions,
): Promise<readonly Placed[]> {
  const byRepository = new Map<string, CopyRoot[]>();
  for (const { repository: name, descriptor, tag } of await placeRoots(source, repository, call)) {
    const roots = byRepository.get(name) ?? [];
    byRepository.set(name, roots);
    roots.push({ descriptor, ...(tag !== undefined && { tags: [tag] }) });
  }
  return [...byRepository].map(([name, roots]) => ({ sink: storeSink(store, name), roots }));
}

async function repositoriesOf(store: Store): Promise<readonly Source[]> {
  const sources: Source[] = [];
  for await (const name of store.repositories.list()) sources.push(storeSource(store, name));
  return sources;
}
