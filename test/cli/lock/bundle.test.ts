import { readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fileOf, goldenPath } from '../../bundle/fixtures.js';
import { listOf, site, type Site } from './site.js';

const entry = (image: string, id?: string): string =>
  `- image: ${image}\n${id === undefined ? '' : `  annotations: {kbld.carvel.dev/id: "${id}"}\n`}`;

/** An outer bundle with an image, an index and an inner bundle, which lists the image too. */
async function nested(at: Site): Promise<Readonly<Record<'app' | 'inner' | 'multi' | 'outer', string>>> {
  const app = await at.image('app:1');
  const seeded = await at.registry.seed({
    multi: { v1: { files: { a: 'a' }, platforms: ['linux/amd64', 'linux/arm64/v8'] } },
  });
  const multi = seeded.multi.v1.digest;
  const inner = await at.bundle('inner:1', entry(`${at.host}/app@${app}`));
  const outer = await at.bundle(
    'outer:1.4.0',
    entry(`${at.host}/inner@${inner}`) +
      entry(`${at.host}/app@${app}`, 'app:1') +
      entry(`${at.host}/multi@${multi}`),
  );
  return { app, multi, inner, outer };
}

describe('bundle tree', () => {
  it('prints what contains what', async () => {
    const at = await site();
    const { app, multi, inner, outer } = await nested(at);
    expect(await at.run(['bundle', 'tree', `${at.host}/outer:~1.4`])).toEqual({
      code: 0,
      err: '',
      out: `HOST/outer@${outer}  bundle
├── HOST/inner@${inner}  bundle
│   └── HOST/app@${app}  image
├── HOST/app@${app}  image  app:1
└── HOST/multi@${multi}  index  linux/amd64, linux/arm64/v8

2 bundles, 1 index, 1 image
`,
    });
  });

  it('prints it for programs', async () => {
    const at = await site();
    const { app, inner, outer } = await nested(at);
    const { out } = await at.run(['bundle', 'tree', '-o', 'json', `${at.host}/outer:1.4.0`]);
    expect(JSON.parse(out)).toMatchObject({
      kind: 'bundle',
      reference: `HOST/outer@${outer}`,
      images: [
        {
          kind: 'bundle',
          digest: inner,
          origin: `HOST/inner@${inner}`,
          images: [{ kind: 'image', reference: `HOST/app@${app}` }],
        },
        { kind: 'image', annotations: { 'kbld.carvel.dev/id': 'app:1' } },
        { kind: 'index', platforms: ['linux/amd64', 'linux/arm64/v8'] },
      ],
    });
    expect(Object.keys(JSON.parse(out) as object)).toEqual([
      'kind',
      'reference',
      'digest',
      'mediaType',
      'size',
      'images',
    ]);
  });

  it('writes a bundle out once that is listed twice', async () => {
    const at = await site();
    const app = await at.image('app:1');
    const base = await at.bundle('base:1', entry(`${at.host}/app@${app}`));
    const left = await at.bundle('left:1', entry(`${at.host}/base@${base}`), { l: '' });
    await at.bundle('top:1', entry(`${at.host}/left@${left}`) + entry(`${at.host}/base@${base}`));
    const { out } = await at.run(['bundle', 'tree', `${at.host}/top:1`]);
    expect(out).toContain(`└── HOST/base@${base}  bundle  (as above)\n\n3 bundles, 1 image\n`);
  });

  it('ends with lists that double at every step', async () => {
    const at = await site();
    const app = await at.image('level:0');
    let below = app;
    for (let level = 1; level <= 24; level++)
      // oxlint-disable-next-line no-await-in-loop -- each lists the one before
      below = await at.bundle(`level:${level}`, entry(`${at.host}/level@${below}`).repeat(2));
    const { code, out } = await at.run(['bundle', 'tree', `${at.host}/level:24`]);
    expect(code).toBe(0);
    expect(out).toContain('24 bundles, 1 image\n');
    expect(out.split('\n').length).toBeLessThan(60);
  });

  it("reads imgpkg's tars", async () => {
    const at = await site();
    const { code, out } = await at.run(['bundle', 'tree', goldenPath('outer.tar')]);
    expect(code).toBe(0);
    expect(out.replaceAll(/@sha256:[0-9a-f]{64}/g, '').replaceAll('127.0.0.1:5900/', ''))
      .toBe(`src/outer  bundle
├── src/multi  index  linux/amd64, linux/arm64
├── src/inner  bundle
│   └── src/app  image  app
└── src/app  image

2 bundles, 1 index, 1 image
`);
  });

  it('of what is not there is an error', async () => {
    const at = await site();
    expect(await at.run(['bundle', 'tree', `${at.host}/none:1`])).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringMatching(/Fetching image "HOST\/none:1"/),
    });
    expect(await at.run(['bundle', 'tree', './none.tar'])).toMatchObject({
      code: expect.any(Number),
      out: '',
    });
  });
});

describe('bundle diff', () => {
  it('prints files and images that changed, in bundles inside too; exits as diff', async () => {
    const at = await site();
    const images = { a: await at.image('a:1'), b: await at.image('b:1'), gone: await at.image('gone:1') };
    const inner = await at.bundle('inner:1', entry(`${at.host}/b@${images.b}`), { 'i.txt': '1' });
    const one = await at.bundle(
      'app:1',
      entry(`${at.host}/a@${images.a}`) +
        entry(`${at.host}/inner@${inner}`) +
        entry(`${at.host}/gone@${images.gone}`),
      { 'same.yml': 's', 'config/a.yml': '1', 'old.yml': 'o' },
    );
    const now = { a: await at.image('a:2'), fresh: await at.image('fresh:1') };
    const inner2 = await at.bundle('inner:2', entry(`${at.host}/b@${images.b}`), { 'i.txt': '2' });
    const two = await at.bundle(
      'app:2',
      entry(`${at.host}/a@${now.a}`) +
        entry(`${at.host}/inner@${inner2}`) +
        entry(`${at.host}/fresh@${now.fresh}`),
      { 'same.yml': 's', 'config/a.yml': '2', 'new.yml': 'n' },
    );
    const args = ['bundle', 'diff', `${at.host}/app:1`, `${at.host}/app:2`];
    expect(await at.run(args)).toEqual({
      code: 1,
      err: '',
      out: `--- HOST/app@${one}
+++ HOST/app@${two}

files
~ .imgpkg/images.yml  content
~ config/a.yml  content
+ new.yml
- old.yml

files of HOST/inner
~ i.txt  content

images
~ HOST/a  ${images.a} → ${now.a}
+ HOST/fresh@${now.fresh}
- HOST/gone@${images.gone}
~ HOST/inner  ${inner} → ${inner2}  bundle
`,
    });
    const json = await at.run([...args, '-o', 'json']);
    expect(json.code).toBe(1);
    expect(JSON.parse(json.out)).toMatchObject({
      from: `HOST/app@${one}`,
      same: false,
      files: [
        { change: 'changed', path: '.imgpkg/images.yml', what: ['content'] },
        { change: 'changed', path: 'config/a.yml' },
        { change: 'added', path: 'new.yml' },
        { change: 'removed', path: 'old.yml' },
        { bundle: 'HOST/inner', change: 'changed', path: 'i.txt' },
      ],
      images: [
        {
          change: 'moved',
          kind: 'image',
          from: { image: `HOST/a@${images.a}` },
          to: { image: `HOST/a@${now.a}` },
        },
        { change: 'added', to: { image: `HOST/fresh@${now.fresh}` } },
        { change: 'removed', from: { image: `HOST/gone@${images.gone}` } },
        { change: 'moved', kind: 'bundle' },
      ],
    });
  });

  it.each(['oci', 'imgpkg'])('of a bundle and its archive of format %s is nothing', async (format) => {
    const at = await site();
    const { outer } = await nested(at);
    const tar = at.path('app.tar');
    const wanted = `${at.host}/outer:1.4.0`;
    const copied = await at.run(['copy', '-b', wanted, '--to-tar', tar, '--tar-format', format]);
    expect(copied.code).toBe(0);
    expect(await at.run(['bundle', 'diff', wanted, tar])).toEqual({ code: 0, out: '', err: '' });
    const text = (await at.run(['bundle', 'tree', wanted])).out;
    expect((await at.run(['bundle', 'tree', tar])).out).toBe(text);
    const next = await at.bundle('outer:2', '', { 'x.yml': '' });
    expect(await at.run(['bundle', 'diff', tar, `${at.host}/outer:2`])).toMatchObject({
      code: 1,
      out: expect.stringMatching(`^--- HOST/outer@${outer}\n\\+\\+\\+ HOST/outer@${next}\n`),
    });
  });

  it('tells modes, and what only is packed otherwise', async () => {
    const at = await site();
    const label = { Labels: { 'dev.carvel.imgpkg.bundle': 'true' } };
    const files = (mode: number) => ({ '.imgpkg/images.yml': listOf(''), run: { content: 'x', mode } });
    await at.registry.seed({
      x: {
        '1': { config: label, files: files(0o600) },
        '2': { config: label, files: files(0o755) },
        '3': { config: { Labels: { ...label.Labels, a: 'b' } }, files: files(0o600) },
        '4': { config: label, files: files(0o600), compression: 'gzip' },
      },
    });
    const diff = async (to: string): Promise<string[]> =>
      (await at.run(['bundle', 'diff', `${at.host}/x:1`, `${at.host}/x:${to}`])).out.split('\n').slice(2, -1);
    expect(await diff('2')).toEqual(['', 'files', '~ run  mode 0600 → 0755']);
    const same = ['', 'files and images are the same; labels or packing differ'];
    expect([await diff('3'), await diff('4')]).toEqual([same, same]);
  });

  it('of the same bundle is nothing, wherever it lies', async () => {
    const at = await site();
    const app = await at.image('app:1');
    const list = entry(`${at.host}/app@${app}`);
    await at.bundle('x:1', list);
    await at.bundle('y:1', list);
    const ran = await at.run(['bundle', 'diff', `${at.host}/x:1`, `${at.host}/y:1`]);
    expect(ran).toEqual({ code: 0, out: '', err: '' });
  });

  it('of a bundle that is not there is one line, whatever the other is doing', async () => {
    const at = await site();
    await at.bundle('x:1', '');
    const latency = { match: { operation: 'blob.get' }, fault: { kind: 'latency', ms: 200 } } as const;
    at.registry.faults.add(latency);
    const ran = await at.run(['bundle', 'diff', `${at.host}/x:1`, `${at.host}/x:2`]);
    expect(ran).toMatchObject({ code: 2, out: '' });
    expect(ran.err).toMatch(/^ocilot: Fetching image "HOST\/x:2": .*\n$/);
  });

  it('tells tags, and images that only lie elsewhere', async () => {
    const at = await site();
    const old = await at.image('lib:1.0.0');
    const now = await at.image('lib:1.1.0');
    const app = await at.image('app:1');
    await at.image('other:1', 'app:1');
    const locked = (digest: string, tag: string): string =>
      `- image: ${at.host}/lib@${digest}\n  annotations: {dev.ocilot.lock.tag: "${tag}"}\n`;
    await at.bundle('x:1', locked(old, '1.0.0') + entry(`${at.host}/app@${app}`));
    await at.bundle('x:2', locked(now, '1.1.0') + entry(`${at.host}/other@${app}`));
    const { out } = await at.run(['bundle', 'diff', `${at.host}/x:1`, `${at.host}/x:2`]);
    expect(out).toContain(
      `\nimages\n~ HOST/lib  1.0.0 → 1.1.0  ${old} → ${now}\n~ HOST/app → HOST/other  ${app}\n`,
    );
  });

  it('exits 2 for trouble', async () => {
    const at = await site();
    const ran = await at.run(['bundle', 'diff', `${at.host}/x:1`, `${at.host}/y:1`]);
    expect(ran).toMatchObject({ code: 2, out: '', err: expect.stringMatching(/^ocilot: Fetching image/) });
    await at.registry.seed({ multi: { v1: { files: { a: 'a' }, platforms: ['linux/amd64'] } } });
    const index = await at.run(['bundle', 'diff', `${at.host}/multi:v1`, `${at.host}/multi:v1`]);
    expect(index).toMatchObject({
      code: 2,
      out: '',
      err: expect.stringMatching(/is an index: expected a bundle/),
    });
  });
});

describe('bundle init', () => {
  it('makes a folder a bundle that can be pushed', async () => {
    const at = await site();
    await fileOf(at.path('app', 'a.yml'), 'x');
    expect(await at.run(['bundle', 'init', at.path('app')])).toEqual({
      code: 0,
      err: '',
      out: 'DIR/app/.imgpkg/images.yml\nDIR/app/.imgpkg/bundle.yml\n',
    });
    expect(await readFile(at.path('app/.imgpkg/images.yml'), 'utf8')).toBe(
      '---\napiVersion: imgpkg.carvel.dev/v1alpha1\nkind: ImagesLock\n',
    );
    expect(await readFile(at.path('app/.imgpkg/bundle.yml'), 'utf8')).toBe(
      '---\napiVersion: imgpkg.carvel.dev/v1alpha1\nkind: Bundle\nmetadata:\n  name: app\n',
    );
    const pushed = await at.run(['push', '-b', `${at.host}/made:1`, '-f', at.path('app')]);
    expect(pushed).toMatchObject({ code: 0, out: expect.stringMatching(/^HOST\/made@sha256:/) });
  });

  it('pins the images that its files name', async () => {
    const at = await site();
    const digest = await at.image('web:v1');
    await fileOf(at.path('app/deploy.yml'), `kind: Pod\nspec: {containers: [{image: "${at.host}/web:v1"}]}`);
    const ran = await at.run(['bundle', 'init', at.path('app'), '--images-from', at.path('app')]);
    expect(ran.code).toBe(0);
    expect(await readFile(at.path('app/.imgpkg/images.yml'), 'utf8')).toContain(
      `- annotations:\n    dev.ocilot.lock.tag: v1\n    kbld.carvel.dev/id: ${at.host}/web:v1\n  image: ${at.host}/web@${digest}\n`,
    );
  });

  it('refuses what is a bundle, and folders that are not there; leaves nothing behind', async () => {
    const at = await site();
    await fileOf(at.path('app/.imgpkg/images.yml'), listOf(''));
    const again = await at.run(['bundle', 'init', at.path('app')]);
    expect(again).toMatchObject({ code: 2, out: '' });
    expect(again.err).toBe(
      'ocilot: Making "DIR/app" a bundle: it has a .imgpkg already; ' +
        '`ocilot lock resolve -o DIR/app/.imgpkg/images.yml` writes its list of images\n',
    );
    expect((await at.run(['bundle', 'init', at.path('none')])).err).toMatch(/there is no such folder/);
    await fileOf(at.path('other/list'), `${at.host}/none:1\n`);
    const failed = await at.run(['bundle', 'init', at.path('other'), '--images-from', at.path('other/list')]);
    expect(failed.code).toBe(1);
    expect(await readdir(join(at.path('other')))).toEqual(['list']);
    await writeFile(at.path('file'), '');
    expect((await at.run(['bundle', 'init', at.path('file')])).code).toBe(2);
  });
});

describe('a range in place of a tag', () => {
  it('chooses the bundle that is described, copied and pulled', async () => {
    const at = await site();
    await at.bundle('app:1.3.0', '', { v: '1.3.0' });
    const best = await at.bundle('app:1.4.2', '', { v: '1.4.2' });
    await at.bundle('app:2.0.0', '', { v: '2.0.0' });
    const wanted = `${at.host}/app:^1`;
    expect((await at.run(['describe', '-b', wanted])).out).toContain(`Bundle SHA: ${best}\n`);
    const copied = await at.run(['copy', '-b', wanted, '--to-repo', `${at.host}/dst/app`]);
    expect(copied).toMatchObject({ code: 0, out: `HOST/dst/app@${best}\n` });
    expect((await at.run(['tag', 'resolve', '-i', `${at.host}/dst/app:1.4.2`])).out).toContain(best);
    expect((await at.run(['tag', 'resolve', '-i', wanted])).out).toBe(`HOST/app@${best}`);
    expect((await at.run(['pull', '-b', wanted, '-o', at.path('out')])).code).toBe(0);
    expect(await readFile(at.path('out/v'), 'utf8')).toBe('1.4.2');
    expect(await at.run(['pull', '-b', `${at.host}/app:~3`, '-o', at.path('none')])).toEqual({
      code: 1,
      out: '',
      err: 'ocilot: HOST/app has no tag in "~3": there are 2.0.0, 1.4.2, 1.3.0\n',
    });
  });
});

describe('push of a folder that is no bundle', () => {
  it('tells how to make it one', async () => {
    const at = await site();
    await fileOf(at.path('app/a'), '');
    const { err } = await at.run(['push', '-b', `${at.host}/app:1`, '-f', at.path('app')]);
    expect(err).toMatch(/This directory is not a bundle.*`ocilot bundle init DIR\/app` makes it one/);
  });
});
