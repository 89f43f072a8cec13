import { describe, expect, it } from 'vitest';
import { copy } from '../../image/copy/index.js';
import { memoryStore } from '../../image/memory.js';
import { collect, digestOf, parseManifest, streamOf } from '../../oci/index.js';
import { all, blobFrom, failure, putArtifact, putImage, putIndex } from './content.js';

describe('memoryStore', () => {
  it('gives back what was put: by tag, by digest, in ranges, and what refers to it', async () => {
    const store = memoryStore('here');
    const image = await putImage(store, { seed: 'a', tags: ['1', '2'] });
    const index = await putIndex(store, [image], { top: true });
    const artifact = await putArtifact(store, { subject: image });
    expect(await store.resolve('1')).toEqual(image);
    expect(await store.resolve(index.digest)).toEqual(index);
    expect(await store.resolve('3')).toBeUndefined();
    expect(await all(store.tags?.())).toEqual(['1', '2']);
    expect(await all(store.roots?.())).toEqual([
      { descriptor: image, tag: '1' },
      { descriptor: image, tag: '2' },
      { descriptor: index },
    ]);
    expect((await all(store.referrers?.(image.digest))).map(({ digest }) => digest)).toEqual([
      artifact.digest,
    ]);
    const manifest = parseManifest(await store.manifest(image));
    const config = manifest.kind === 'image' ? manifest.config : image;
    const part = await collect(await store.blob(config, { range: { start: 1, end: 3 } }), 9, 'part');
    expect(part).toEqual(store.contents.get(config.digest)?.subarray(1, 4));
    expect((await copy(store, memoryStore(), [{ descriptor: index }])).carried).toHaveLength(1);
  });

  it('has nothing that was not put, and takes nothing wrong', async () => {
    const store = memoryStore('here');
    const { descriptor } = blobFrom('text/plain', Buffer.from('right'));
    expect(await failure(store.blob(descriptor))).toMatchObject({ code: 'BLOB_UNKNOWN' });
    expect((await failure(store.manifest(descriptor))).message).toBe(
      `here does not have manifest ${descriptor.digest}`,
    );
    const lie = { descriptor, open: async () => streamOf(Buffer.from('wrong')) };
    expect((await failure(store.putBlob(lie))).code).toBe('DIGEST_MISMATCH');
    expect((await failure(store.putManifest(descriptor, Buffer.from('wrong')))).code).toBe('DIGEST_MISMATCH');
    expect((await failure(store.putManifest(descriptor, Buffer.from('right')))).code).toBe(
      'MANIFEST_INVALID',
    );
    expect(store.contents.size).toBe(0);
    expect(await store.hasBlob({ ...descriptor, digest: digestOf('x') })).toBe(false);
  });
});
