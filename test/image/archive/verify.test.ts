import { describe, expect, it } from 'vitest';
import { createLayoutArchive, verifyArchive } from '../../../image/archive/index.js';
import { join } from 'node:path';
import { hexOf, streamOf, type Descriptor } from '../../../oci/index.js';
import { tempFolder } from '../../helpers/temp.js';
import { failure, putArtifact, putImage, putIndex } from '../content.js';
import { entriesOf, fixture, tarOf } from '../tar/helpers.js';
import { archived } from './helpers.js';

const small = (options = {}): Promise<Buffer> =>
  archived({ seal: true, ...options }, (sink) => putImage(sink, { seed: 'a', tags: ['1'] }));

/** The archive with some of its entries changed or left out, and no seal. */
async function changed(
  bytes: Uint8Array,
  change: (name: string, body: Buffer) => Buffer | undefined,
): Promise<Buffer> {
  const entries = await entriesOf([bytes]);
  const kept = entries.flatMap((entry) => {
    const body = change(entry.name, Buffer.concat(entry.body));
    return body === undefined ? [] : [{ ...entry, size: body.length, body: [body] }];
  });
  return await tarOf(kept);
}

describe('verifyArchive', () => {
  it('finds nothing wrong with what was written here, sealed or not, dated or not', async () => {
    expect(await verifyArchive(await small())).toMatchObject({ sealed: true, blobs: 3, problems: [] });
    expect(await verifyArchive(await small({ mtime: 1e9, dockerManifest: true }))).toMatchObject({
      sealed: true,
      problems: [],
    });
    expect(await verifyArchive(await small({ seal: false }))).toMatchObject({
      sealed: false,
      blobs: 3,
      problems: [],
    });
    const folder = await tempFolder();
    const path = join(folder, 'a.tar');
    const sink = await createLayoutArchive(path, { seal: true });
    const image = await putImage(sink, { seed: 'a' });
    await putIndex(sink, [image], { top: true });
    await putArtifact(sink, { subject: image });
    await sink.finish?.();
    expect(await verifyArchive(path)).toMatchObject({ sealed: true, blobs: 7, problems: [] });
  });

  it('finds every byte that is changed', { timeout: 60_000 }, async () => {
    const bytes = await small();
    const missed: number[] = [];
    for (let at = 0; at < bytes.length; at++) {
      const copy = Buffer.from(bytes);
      copy[at] = (copy[at] ?? 0) ^ (1 << (at % 8));
      const { problems } = await verifyArchive(copy);
      if (problems.length === 0) missed.push(at);
    }
    expect(missed).toEqual([]);
  });

  it('finds every cut, and bytes that were added', { timeout: 60_000 }, async () => {
    const bytes = await small();
    const missed: number[] = [];
    for (let size = 0; size < bytes.length; size++) {
      const { problems } = await verifyArchive(bytes.subarray(0, size)).catch(() => ({
        problems: ['refused'],
      }));
      if (problems.length === 0) missed.push(size);
    }
    expect(missed).toEqual([]);
    for (const more of [1, 512, 1024])
      expect((await verifyArchive(Buffer.concat([bytes, Buffer.alloc(more)]))).problems).toHaveLength(1);
  });

  it('names the entry and the digest of what is damaged, and says what it read', async () => {
    let image: Descriptor | undefined;
    const bytes = await archived({}, async (sink) => {
      image = await putImage(sink, { seed: 'a', layers: ['none'], tags: ['1'] });
    });
    const layer = (await entriesOf([bytes])).find(({ size }) => (size ?? 0) > 1000)?.name ?? '';
    const damaged = await changed(bytes, (name, body) =>
      name === layer ? Buffer.from(body).fill(1, 600, 601) : body,
    );
    const { problems } = await verifyArchive(damaged);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatchObject({ entry: layer, digest: `sha256:${layer.slice(13)}` });
    expect(problems[0]?.reason).toContain(`${layer} is damaged`);
    if (image === undefined) throw new Error('no image');
    const manifest = `blobs/sha256/${hexOf(image.digest)}`;
    const without = await verifyArchive(
      await changed(bytes, (name, body) => (name === manifest ? undefined : body)),
    );
    expect(without.problems).toMatchObject([{ digest: image.digest }]);
    expect(without.problems[0]?.reason).toContain('does not have manifest');
    const noLayer = await verifyArchive(
      await changed(bytes, (name, body) => (name === layer ? undefined : body)),
    );
    expect(noLayer.problems[0]?.reason).toContain(`does not have blob sha256:${layer.slice(13)}`);
  });

  it('finds a seal that was kept while the rest was changed', async () => {
    const bytes = await small();
    const index = await changed(bytes, (name, body) =>
      name === 'index.json' ? Buffer.from(body.toString().replace('"1"', '"2"')) : body,
    );
    expect((await verifyArchive(index)).problems).toMatchObject([{ entry: 'ocilot-seal.json' }]);
  });

  it('checks archives of other tools, of every format', async () => {
    for (const name of [
      'idx.oci.tar',
      'everything.oci.tar',
      'two.docker.tar',
      'two.legacy.tar',
      'imgpkg-outer.tar',
      'imgpkg-multi.tar',
    ]) {
      expect(await verifyArchive(fixture(name))).toMatchObject({ sealed: false, problems: [] });
      const damaged = Buffer.from(fixture(name));
      const cut = await verifyArchive(damaged.subarray(0, damaged.length / 2));
      expect(cut.problems.length).toBeGreaterThan(0);
    }
    const outer = fixture('imgpkg-outer.tar');
    const layer = await changed(outer, (name, body) =>
      name.includes('sha256-6f39') ? Buffer.alloc(body.length) : body,
    );
    expect((await verifyArchive(layer)).problems).toMatchObject([
      { digest: expect.stringContaining('sha256:6f39') as string },
    ]);
  });

  it('finds packed layers of a docker archive that are others than their config says', async () => {
    const LAYER = '40095b6e6c5282d3431144b4feeb9267df0c80677c59608afd3558c781f47987.tar.gz';
    for (const place of [40, 141]) {
      const damaged = await changed(fixture('two.docker.tar'), (name, body) => {
        if (name === LAYER) body[place] = (body[place] ?? 0) ^ 1;
        return body;
      });
      expect((await verifyArchive(damaged)).problems).toMatchObject([{ entry: LAYER }]);
    }
    const other = await changed(fixture('two.legacy.tar'), (name, body) =>
      name.endsWith('layer.tar') ? Buffer.from(body).fill(1, 600, 601) : body,
    );
    expect((await verifyArchive(other)).problems).toHaveLength(3);
  });

  it('refuses what is no archive of images', async () => {
    const other = await tarOf([{ name: 'a', type: 'file', size: 1, body: [Buffer.from('a')] }]);
    expect((await failure(verifyArchive(other))).code).toBe('INVALID_OPTION');
    expect((await failure(verifyArchive('/nowhere/a.tar'))).code).toBe('INVALID_OPTION');
    expect((await verifyArchive(streamOf(Buffer.from('no tar')))).problems).toHaveLength(1);
  });
});
