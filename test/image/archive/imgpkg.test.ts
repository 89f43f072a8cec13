import { describe, expect, it } from 'vitest';
import { openArchive, openImgpkgArchive, openLayoutArchive } from '../../../image/archive/index.js';
import { copy } from '../../../image/copy/index.js';
import { memoryStore } from '../../../image/memory.js';
import { openBlob, readManifest } from '../../../image/read.js';
import { MEDIA_TYPES, collect, encodeJson, parseManifest } from '../../../oci/index.js';
import { all, failure } from '../content.js';
import { entriesOf, fixture, tarOf } from '../tar/helpers.js';

const ROOT_LABEL = 'dev.carvel.imgpkg.copy.root-bundle';

async function withManifest(change: (text: string) => string): Promise<Buffer> {
  const entries = await entriesOf([fixture('imgpkg-outer.tar')]);
  return await tarOf(
    entries.map((entry) => {
      if (entry.name !== 'manifest.json') return entry;
      const body = Buffer.from(change(Buffer.concat(entry.body).toString()));
      return { ...entry, size: body.length, body: [body] };
    }),
  );
}

describe("imgpkg's tar", () => {
  it('gives its images and indexes, with what it knows of each', async () => {
    const archive = await openImgpkgArchive(fixture('imgpkg-outer.tar'));
    const roots = await all(archive.roots?.());
    expect(roots.map(({ descriptor }) => descriptor)).toEqual(
      archive.entries.map(({ descriptor }) => descriptor),
    );
    expect(archive.entries.length).toBeGreaterThan(2);
    const [root, ...others] = archive.entries.filter(({ labels }) => ROOT_LABEL in labels);
    expect(others).toEqual([]);
    expect(root?.refs[0]).toBe(`127.0.0.1:5900/src/outer@${root?.descriptor.digest}`);
    expect(root?.tag).toBe('v1');
    for (const { refs, originalReference } of archive.entries) {
      for (const ref of refs) expect((await archive.resolve(ref))?.digest).toBe(ref.split('@')[1]);
      if (originalReference !== undefined) expect(await archive.resolve(originalReference)).toBeDefined();
    }
    expect((await archive.resolve('127.0.0.1:5900/src/outer:v1'))?.digest).toBe(root?.descriptor.digest);
    expect(await archive.resolve('nothing')).toBeUndefined();
  });

  it.each(['imgpkg-outer.tar', 'imgpkg-multi.tar'])(
    'gives the very bytes that the registry had: %s',
    async (name) => {
      const archive = await openArchive(fixture(name));
      const roots = await all(archive.roots?.());
      const registry = await openLayoutArchive(fixture('everything.oci.tar'));
      const store = memoryStore();
      await copy(archive, store, roots);
      for (const { descriptor } of roots) {
        expect(await registry.manifest(descriptor)).toEqual(await readManifest(archive, descriptor));
        expect(await store.resolve(descriptor.digest)).toMatchObject({ digest: descriptor.digest });
      }
      const index = roots.find(({ descriptor }) => descriptor.mediaType === MEDIA_TYPES.ociIndex);
      if (index === undefined) throw new Error('no index');
      const manifest = parseManifest(await readManifest(archive, index.descriptor));
      const child = manifest.kind === 'index' ? manifest.manifests[0] : undefined;
      expect((await archive.resolve(child?.digest ?? ''))?.mediaType).toBe(MEDIA_TYPES.ociManifest);
    },
  );

  it('is found out where a manifest, a config or a layer was changed', async () => {
    const layer = 'sha256-01752952a68c589679204713540f9cc0ef6cc8ca3c85ac708c114db7327df7fd';
    const changed = await openImgpkgArchive(
      await withManifest((text) => text.replaceAll('schemaVersion', 'schemaversion')),
    );
    const [first] = changed.entries;
    if (first === undefined) throw new Error('empty');
    expect((await failure(readManifest(changed, first.descriptor))).code).toBe('DIGEST_MISMATCH');
    const entries = await entriesOf([fixture('imgpkg-multi.tar')]);
    const damaged = await openImgpkgArchive(
      await tarOf(
        entries.map((entry) =>
          entry.name.startsWith(layer) ? { ...entry, body: [Buffer.alloc(149)] } : entry,
        ),
      ),
    );
    const descriptor = {
      mediaType: MEDIA_TYPES.ociLayerGzip,
      digest: layer.replace('-', ':'),
      size: 149,
    } as const;
    const read = async () => await collect(await openBlob(damaged, descriptor as never), 1000, 'layer');
    expect((await failure(read())).code).toBe('DIGEST_MISMATCH');
  });

  it.each([
    ['an image without a manifest', [{ Image: {}, ImageIndex: null }]],
    ['neither image nor index', [{ Image: null, ImageIndex: null }]],
    ['a digest that is none', [{ ImageIndex: { MediaType: 'a/b', Digest: 'sha256:1', Raw: '{}' } }]],
    ['an index without its text', [{ ImageIndex: { MediaType: 'a/b', Digest: `sha256:${'0'.repeat(64)}` } }]],
  ])('is refused: %s', async (_, list) => {
    const body = encodeJson(list);
    const bytes = await tarOf([{ name: 'manifest.json', type: 'file', size: body.length, body: [body] }]);
    expect((await failure(openImgpkgArchive(bytes))).code).toBe('CONTENT_INVALID');
    expect((await failure(openImgpkgArchive(fixture('two.docker.tar')))).code).toBe('INVALID_OPTION');
  });
});
