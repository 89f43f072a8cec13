import { readFileSync } from 'node:fs';
import { mkdir, open, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { collect, streamOf, type Digest } from '../../oci/index.js';
import { createClient } from '../../client/client.js';
import { fetchDriver } from '../../client/drivers/fetch-driver.js';
import { RemoteRepository } from '../../client/remote/repository.js';
import { remoteSink } from '../../client/remote/sink.js';
import { copy } from '../../image/copy/index.js';
import { openArchive } from '../../image/archive/open.js';
import { readTar } from '../../image/tar/index.js';
import { startRegistry, type MemorySnapshot, type TestRegistry } from '../../testing/index.js';
import { tempFolder } from '../helpers/temp.js';

/** Where the golden files were made. */
export const HOST = '127.0.0.1:5900';

/** What imgpkg wrote. */
export const golden = (name: string): Buffer =>
  readFileSync(new URL(`../fixtures/imgpkg/${name}`, import.meta.url));
export const goldenPath = (name: string): string =>
  new URL(`../fixtures/imgpkg/${name}`, import.meta.url).pathname;

export const DIGESTS = {
  plain: 'sha256:e83c34e86b6825c659c6feba78a7eacfb3cfd41fac2c9b61a6926cb8622e7f18',
  inner: 'sha256:eedeb3007db8c8168aeb609651d17c1e24ee22a84f54c32df76db8ddabc43c8b',
  outer: 'sha256:72672878a09e099ba94b384b602570e419278ca51ac5a3f785b829c0cc750430',
  app: 'sha256:283a40f89e15c79dbe07e56b829f53f2b6e56c27d04ff5998e9aee3de405aedb',
  multi: 'sha256:16c94e731e0ac19a92ac14be0a60e01d4a69a00f3fd156c224e2566b4ad318a8',
  outerLocations: 'sha256:8684e85f73d3eea547c1eaa0fd17fcbe355fe093d54998bdade92ceccc299935',
  innerLocations: 'sha256:7bf465f761ab4e90558af7bddb6ab54c4818e8409b7de7c07ff04a60b24a5e01',
} as Readonly<Record<string, Digest>> &
  Record<'app' | 'inner' | 'innerLocations' | 'multi' | 'outer' | 'outerLocations' | 'plain', Digest>;

/** The folders that were pushed, in a temporary folder. */
export async function goldenInputs(): Promise<string> {
  const folder = await tempFolder();
  for await (const { header, body } of readTar(streamOf(golden('inputs.tar')))) {
    const path = join(folder, header.name);
    if (header.type === 'directory') await mkdir(path, { recursive: true });
    else {
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, await collect(body, 1 << 20, path), { mode: header.mode });
    }
  }
  return folder;
}

/** A way to the repositories of a test registry that does without a socket. */
export function reach(
  registry: TestRegistry,
): (place: { registry: string; repository: string }) => RemoteRepository {
  const client = createClient({
    retry: { sleep: () => Promise.resolve() },
    driver: fetchDriver((request) => registry.fetch(request)),
  });
  return (place) => new RemoteRepository(client.transport, place);
}

let everything: Promise<MemorySnapshot> | undefined;

/**
 * Puts what imgpkg had in `src/` when the golden files were made there.
 * @param repositories only these; without it the registry has nothing else afterwards
 */
export async function seedGolden(registry: TestRegistry, repositories?: readonly string[]): Promise<void> {
  if (repositories !== undefined) return await load(registry, repositories);
  everything ??= makeSnapshot();
  await registry.restore(await everything);
}

async function makeSnapshot(): Promise<MemorySnapshot> {
  await using registry = await startRegistry({ socket: false });
  await load(registry, ['src/plain', 'src/app', 'src/multi', 'src/inner', 'src/outer']);
  return registry.snapshot();
}

async function load(registry: TestRegistry, repositories: readonly string[]): Promise<void> {
  const source = await openArchive(goldenPath('everything.oci.tar'));
  const repository = reach(registry);
  for await (const { descriptor, tag = '' } of source.roots?.() ?? []) {
    const [, name = '', label = ''] = /^127\.0\.0\.1:5900\/([^:]+):(.+)$/.exec(tag) ?? [];
    if (!repositories.includes(name)) continue;
    const sink = remoteSink(repository({ registry: HOST, repository: name }));
    await copy(source, sink, [{ descriptor, tags: [label] }], { referrers: false });
  }
  await source.close();
}

/** A file with these bytes. */
export async function fileOf(path: string, content: string, mode = 0o644): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const file = await open(path, 'w', mode);
  await file.writeFile(content);
  await file.chmod(mode);
  await file.close();
}
