import * as fc from 'fast-check';
import { readdir } from 'node:fs/promises';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { emptyImage } from '../../../image/empty.js';
import { exportTar } from '../../../image/files/export.js';
import { layerFromBytes } from '../../../image/layer.js';
import { appendLayers } from '../../../image/mutate/index.js';
import { readTar } from '../../../image/tar/index.js';
import { layerOf, redescribed } from '../../../image/views/layer.js';
import type { ImageView } from '../../../image/views/index.js';
import { collect, streamOf } from '../../../oci/index.js';
import { tempFolder } from '../../helpers/temp.js';
import { bytesOf, failure, fixture } from '../helpers.js';
import { imageOf } from './helpers.js';

/** What comes out, in order, in the short form that goes in. */
async function exported(image: ImageView): Promise<string[]> {
  const found: string[] = [];
  for await (const { header, body } of readTar(exportTar(image))) {
    const content = Buffer.from(await collect(body, 1 << 20, 'body')).toString();
    if (header.type === 'file') found.push(`${header.name}=${content}`);
    else if (header.type === 'link') found.push(`${header.name}=>${header.linkname}`);
    else if (header.type === 'symlink') found.push(`${header.name}->${header.linkname}`);
    else found.push(`${header.name}${header.type === 'directory' ? '/' : `:${header.type}`}`);
  }
  return found;
}

describe('an image as one tar', () => {
  it('has the bytes of crane', async () => {
    const layers = [fixture('tar/l1.tar'), fixture('tar/l2.tar')].map((tar) => layerFromBytes(tar));
    const two = await appendLayers(emptyImage(), await Promise.all(layers));
    expect((await bytesOf(exportTar(two))).equals(fixture('tar/two.export.tar'))).toBe(true);
  });

  it('leaves out what opaque and plain whiteouts hide, and the whiteouts', async () => {
    const layers = [fixture('tar/l1.tar'), fixture('tar/l2.tar'), fixture('tar/l3.tar')];
    const three = await appendLayers(
      emptyImage(),
      await Promise.all(layers.map((tar) => layerFromBytes(tar))),
    );
    expect(await exported(three)).toEqual([]);
    expect(
      await exported(
        await imageOf(
          ['a/', 'a/1=x', 'a/b/2=x', 'c=x', 'd/3=x', 'd/4=x', 'e=x'],
          [
            'a/new=y',
            'a/.wh..wh..opq',
            '.wh.c',
            'd/.wh.3',
            '.wh..wh.plnk/',
            '.wh.nothing',
            'none/.wh.x',
            'c/5=y',
            '.wh.e',
            'e=y',
          ],
        ),
      ),
    ).toEqual(['a/new=y', 'c/5=y', 'e=y', 'a/', 'd/4=x']);
  });

  it('has the last of entries of one name, and no path through a file or a link', async () => {
    expect(
      await exported(
        await imageOf(
          [
            'usr/bin/',
            'bin->usr/bin',
            'abs->/usr',
            'loop->loop',
            'twice=1',
            'twice=2',
            'dir/below=x',
            'file=x',
            './x//y=z',
          ],
          ['bin/app=through', 'abs/up=through', 'dir=now a file', 'file/below=now a folder', 'usr/'],
        ),
      ),
    ).toEqual([
      'usr/bin/app=through',
      'usr/up=through',
      'dir=now a file',
      'file/below=now a folder',
      'usr/',
      'usr/bin/',
      'bin->usr/bin',
      'abs->/usr',
      'loop->loop',
      'twice=2',
      'x/y=z',
    ]);
  });

  it('keeps the content of hard links when what they link to changes or goes', async () => {
    const image = await imageOf(
      ['a=old', 'kept=>a', 'b=gone', 'of-b=>b', 'too=>of-b', 'plain=p', 's->a', 'hard-s=>s'],
      ['a=new', '.wh.b', 'late=>plain', 'z=1', 'z2=>z'],
    );
    expect(await exported(image)).toEqual([
      'a=new',
      'z=1',
      'z2=>z',
      'kept=old',
      'of-b=gone',
      'too=>of-b',
      'plain=p',
      'late=>plain',
      's->a',
      'hard-s->a',
    ]);
  });

  it('gives the one file of an artifact as it is, unpacked', async () => {
    const layer = redescribed(await layerFromBytes(Buffer.from('just text')), { mediaType: 'text/plain' });
    const artifact = await appendLayers(emptyImage(), [{ layer, mediaType: 'text/plain' }]);
    expect((await bytesOf(exportTar(artifact))).toString()).toBe('just text');
  });

  it.each([
    ['../out=x', 'CONTENT_INVALID', '".."'],
    ['a/../../out=x', 'CONTENT_INVALID', '".."'],
    ['\\out=x', 'CONTENT_INVALID', 'Windows'],
    ['C:/out=x', 'CONTENT_INVALID', 'Windows'],
    ['a=>../../etc/passwd', 'CONTENT_INVALID', '".."'],
    ['a=>missing', 'CONTENT_INVALID', 'which is no file'],
    ['a/.wh...=', 'CONTENT_INVALID', 'hides nothing'],
    ['a/.wh.=', 'CONTENT_INVALID', 'hides nothing'],
  ])('refuses %s', async (text, code, said) => {
    const found = await failure(exported(await imageOf(['ok=x'], [text])));
    expect(found.code).toBe(code);
    expect(found.message).toContain(said);
  });

  it('refuses a path of thousands of parts', async () => {
    const found = await failure(exported(await imageOf([`${'a/'.repeat(3000)}b=x`])));
    expect(found.message).toContain('too many parts');
  });

  it('refuses a path through links that lead in a circle, and hard links to folders', async () => {
    const circle = await failure(exported(await imageOf(['a->b', 'b->a', 'a/x=1'])));
    expect(circle.message).toContain('too many links');
    expect((await failure(exported(await imageOf(['d/', 'a=>d'])))).message).toContain('which is no file');
  });

  it('ends at the limit', async () => {
    const image = await imageOf([`a=${'x'.repeat(100_000)}`]);
    expect((await failure(bytesOf(exportTar(image, { limit: 50_000 })))).code).toBe('SIZE_LIMIT');
    expect((await bytesOf(exportTar(image, { limit: 200_000 }))).length).toBeGreaterThan(100_000);
  });

  it('fetches the layers of a remote repository once, and leaves nothing behind', async () => {
    const scratch = await tempFolder();
    vi.stubEnv('TMPDIR', scratch);
    onTestFinished(() => {
      vi.unstubAllEnvs();
    });
    const local = await imageOf(['a=1'], ['b=2']);
    let opened = 0;
    const layers = (await local.layers()).map((layer) =>
      layerOf(
        {
          descriptor: layer.descriptor,
          open: (options) => {
            opened++;
            return layer.open(options);
          },
        },
        { origin: { registry: 'r', repository: 'app' } },
      ),
    );
    expect(await exported({ ...local, layers: async () => layers })).toEqual(['b=2', 'a=1']);
    expect(opened).toBe(2);
    expect(await readdir(scratch)).toEqual([]);
  });
});

describe('layers laid over each other', () => {
  /** The simplest model there is: a map of paths that each layer changes. Folders and links are not in it. */
  function model(layers: readonly (readonly string[])[]): Record<string, string> {
    let files: Record<string, string> = {};
    for (const layer of layers) {
      const own: Record<string, string> = {};
      const lower = { ...files };
      for (const text of layer) {
        const [path = '', content = ''] = text.split('=');
        const parts = path.split('/');
        const name = parts.at(-1) ?? '';
        const parent = parts
          .slice(0, -1)
          .map((part) => `${part}/`)
          .join('');
        const hides = (test: (path: string) => boolean): void => {
          for (const key of Object.keys(lower)) if (test(key)) delete lower[key];
        };
        if (name === '.wh..wh..opq') hides((key) => key.startsWith(parent));
        else if (name.startsWith('.wh.')) {
          const hidden = parent + name.slice(4);
          hides((key) => key === hidden || key.startsWith(`${hidden}/`));
        } else own[path] = content;
      }
      files = { ...lower, ...own };
    }
    return files;
  }
  // Files and folders have different names, so that none stands in the other's way.
  const folder = fc
    .array(fc.constantFrom('D', 'E'), { maxLength: 2 })
    .map((parts) => parts.map((part) => `${part}/`).join(''));
  const file = fc
    .tuple(folder, fc.constantFrom('a', 'b', 'c'), fc.nat(99))
    .map(([at, name, n]) => `${at}${name}=${n}`);
  const whiteout = fc
    .tuple(folder, fc.constantFrom('.wh.a', '.wh.b', '.wh.D', '.wh.E', '.wh..wh..opq'))
    .map(([at, name]) => `${at}${name}`);
  const layer = fc.uniqueArray(fc.oneof({ weight: 3, arbitrary: file }, whiteout), {
    maxLength: 8,
    selector: (text) => text.split('=')[0],
  });

  it('leave what a map of paths would', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(layer, { minLength: 1, maxLength: 4 }), async (layers) => {
        const found = await exported(await imageOf(...layers));
        const expected = Object.entries(model(layers)).map(([path, content]) => `${path}=${content}`);
        expect(found.toSorted()).toEqual(expected.toSorted());
      }),
      { numRuns: 150 },
    );
  });

  it('survive any bytes: an answer or an error of ours', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 2000 }), async (noise) => {
        const tar = Buffer.concat([fixture('tar/l2.tar').subarray(0, 1024), noise]);
        const image = await appendLayers(emptyImage(), [await layerFromBytes(tar)]);
        const outcome = await bytesOf(exportTar(image)).then(
          () => 'done',
          (error: unknown) => (error as { name: string }).name,
        );
        expect(['done', 'OciError']).toContain(outcome);
        expect(streamOf()).toBeDefined();
      }),
      { numRuns: 50 },
    );
  });
});
