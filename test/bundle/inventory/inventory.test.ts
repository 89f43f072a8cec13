import { readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  encodeInventory,
  expandInventory,
  inventoryOf,
  parseInventory,
  readInventory,
  withInventory,
  writeInventory,
  type Inventory,
} from '../../../bundle/inventory/index.js';
import { createLayoutArchive, openVerifiedArchive } from '../../../image/archive/index.js';
import { copy } from '../../../image/copy/index.js';
import { createLayout, openLayout } from '../../../image/layout/index.js';
import { memoryStore } from '../../../image/memory.js';
import { digestOf, type Digest } from '../../../oci/index.js';
import { tempFolder } from '../../helpers/temp.js';
import { failure, putArtifact, putImage, putIndex } from '../../image/content.js';
import { startRegistry } from '../../../testing/index.js';
import { RemoteRepository, createClient, fetchDriver, remoteSource } from '../../../client/index.js';

const digest = (text: string): Digest => digestOf(text);

const digests = fc
  .uniqueArray(fc.tuple(fc.string(), fc.boolean()), { selector: ([text]) => text })
  .map((list) => new Set(list.map(([text, wide]) => digestOf(text, wide ? 'sha512' : 'sha256'))));
const inventories: fc.Arbitrary<Inventory> = fc.record({
  of: fc.uniqueArray(fc.string({ unit: 'grapheme' })),
  bundles: digests,
  manifests: digests,
  blobs: digests,
});

const sorted = (inventory: Inventory): unknown => ({
  of: inventory.of,
  bundles: [...inventory.bundles].toSorted(),
  manifests: [...inventory.manifests].toSorted(),
  blobs: [...inventory.blobs].toSorted(),
});

describe('the file of an inventory', () => {
  it('says again what was written', () => {
    fc.assert(
      fc.property(inventories, (inventory) => {
        expect(sorted(parseInventory(encodeInventory(inventory), 'x'))).toEqual(sorted(inventory));
      }),
    );
  });

  it('is refused with any byte changed, and cut anywhere', () => {
    fc.assert(
      fc.property(
        inventories,
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        fc.boolean(),
        (inventory, n, flip, cut) => {
          const bytes = Buffer.from(encodeInventory(inventory));
          const place = n % bytes.length;
          if (!cut) bytes[place] = (bytes[place] ?? 0) ^ flip;
          expect(() => parseInventory(cut ? bytes.subarray(0, place) : bytes, 'x')).toThrow(/inventory/);
        },
      ),
    );
  });

  it('is small, sorted and the same for the same content', async () => {
    const inventory = {
      of: ['a'],
      bundles: new Set<Digest>(),
      manifests: new Set([digest('b')]),
      blobs: new Set([digest('c'), digest('d')]),
    };
    const text = Buffer.from(encodeInventory(inventory)).toString();
    const [header, ...lines] = text.trimEnd().split('\n');
    expect(header).toBe('{"ocilotInventory":1,"of":["a"],"bundles":[],"manifests":1,"blobs":2}');
    expect(lines.slice(0, 3)).toEqual([
      digest('b').slice(7),
      ...[digest('c').slice(7), digest('d').slice(7)].toSorted(),
    ]);
    const folder = await tempFolder();
    await writeInventory(join(folder, 'i'), inventory);
    expect(await readFile(join(folder, 'i'), 'utf8')).toBe(text);
    expect(await readdir(folder)).toEqual(['i']);
    expect(sorted(await readInventory(join(folder, 'i')))).toEqual(sorted(inventory));
    await writeFile(join(folder, 'j'), text.replace('ocilotInventory":1', 'ocilotInventory":2'));
    expect((await failure(readInventory(join(folder, 'j')))).code).toBe('CONTENT_INVALID');
    expect((await failure(readInventory(join(folder, 'none')))).code).toBe('INVALID_OPTION');
  });
});

describe('inventoryOf', () => {
  it('has everything of a layout: images, indexes, what speaks of them', async () => {
    const path = join(await tempFolder(), 'layout');
    const sink = await createLayout(path);
    const image = await putImage(sink, { seed: 'a' });
    const index = await putIndex(sink, [image], { tags: ['1'] });
    const report = await putArtifact(sink, { subject: image });
    const inventory = await inventoryOf([{ source: await openLayout(path) }]);
    expect([...inventory.manifests].toSorted()).toEqual(
      [image.digest, index.digest, report.digest].toSorted(),
    );
    const files = await readdir(join(path, 'blobs/sha256'));
    expect(inventory.manifests.size + inventory.blobs.size).toBe(files.length);
    expect(inventory.of).toEqual([`oci:${path}`]);
  });

  it('counts a manifest only where all below it is there', async () => {
    const full = memoryStore('full');
    const image = await putImage(full, { seed: 'a', tags: ['1'] });
    const other = await putImage(full, { seed: 'b', platform: { os: 'linux', architecture: 'arm64' } });
    const index = await putIndex(full, [image, other], { tags: ['2'] });
    const config = (
      JSON.parse(Buffer.from(await full.manifest(image)).toString()) as { config: { digest: Digest } }
    ).config.digest;
    const source = {
      ...full,
      name: 'half',
      resolve: full.resolve.bind(full),
      manifest: full.manifest.bind(full),
      roots: full.roots?.bind(full),
      blob: async (...args: Parameters<typeof full.blob>) => {
        const [descriptor] = args;
        return await full.blob({
          ...descriptor,
          digest: descriptor.digest === config ? digest('x') : descriptor.digest,
        });
      },
    };
    const inventory = await inventoryOf([{ source: source as typeof full }]);
    expect([...inventory.manifests]).toEqual([other.digest]);
    expect(inventory.blobs.has(config)).toBe(false);
    expect(inventory.manifests.has(index.digest)).toBe(false);
  });

  it('is taken of a registry without asking for a single blob', async () => {
    await using registry = await startRegistry();
    await registry.seed({ 'team/app': { 1: { platforms: ['linux/amd64', 'linux/arm64'] } } });
    await using client = createClient({
      driver: fetchDriver((request) => registry.fetch(request)),
      plainHttp: true,
    });
    const source = remoteSource(
      new RemoteRepository(client.transport, { registry: registry.host, repository: 'team/app' }),
    );
    const inventory = await inventoryOf([{ source }]);
    expect(inventory.manifests.size).toBe(3);
    expect(inventory.blobs.size).toBe(2);
    expect(registry.requests.filter(({ operation }) => operation === 'blob.get')).toEqual([]);
  });

  it('notes the ids of bundles, which whoever packs can write out', async () => {
    const near = memoryStore('near');
    const image = await putImage(near, { seed: 'a', tags: ['1'] });
    const ids = await inventoryOf([{ source: near }], { ids: true });
    expect(sorted(ids)).toEqual({ of: ['near'], bundles: [image.digest], manifests: [], blobs: [] });
    expect(encodeInventory(ids).length).toBeLessThan(300);
    const { inventory, unknown } = await expandInventory(
      { ...ids, bundles: new Set([...ids.bundles, digest('x')]) },
      near,
    );
    expect(unknown).toEqual([digest('x')]);
    expect(inventory.manifests).toEqual(new Set([image.digest]));
    expect(inventory.blobs.size).toBe(2);
  });

  it('of a differential archive has what it relies on', async () => {
    const near = memoryStore('near');
    await putImage(near, { seed: 'a', tags: ['1'] });
    const have = await inventoryOf([{ source: near }]);
    const image = await putImage(near, { seed: 'b', tags: ['2'] });
    const index = await putIndex(near, [image, (await near.resolve('1')) ?? image], { tags: ['3'] });
    const path = join(await tempFolder(), 'a.tar');
    const archive = await createLayoutArchive(path, { seal: true });
    await copy(near, withInventory(archive, have), [{ descriptor: index, tags: ['3'] }]);
    await archive.finish?.();
    const { source, report } = await openVerifiedArchive(path);
    const inventory = await inventoryOf([{ source, ...(report.base && { base: report.base }) }]);
    await source.close();
    expect(inventory.manifests).toEqual(new Set([index.digest, image.digest, ...have.manifests]));
  });
});
