import { readFile, readdir, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { parseImagesLock } from '../../../bundle/index.js';
import { fileOf } from '../../bundle/fixtures.js';
import { listOf, site } from './site.js';

const entry = (image: string, annotations: Readonly<Record<string, string>> = {}): string =>
  `- image: ${image}\n${Object.keys(annotations).length === 0 ? '' : `  annotations: ${JSON.stringify(annotations)}\n`}`;

const RANGE = 'dev.ocilot.lock.range';
const ID = 'kbld.carvel.dev/id';

describe('lock resolve', () => {
  it('pins tags, ranges and digests of files and of the command line', async () => {
    const at = await site();
    const old = await at.image('app:1.4.2');
    const best = await at.image('app:1.4.9');
    await at.image('app:1.5.0');
    const web = await at.image('team/web:v1');
    const pod = `kind: Pod\nspec: {containers: [{image: ${at.host}/team/web:v1}, {image: "${at.host}/app:~1.4"}]}`;
    await fileOf(at.path('pod.yml'), pod);
    await fileOf(at.path('list.txt'), `${at.host}/app@${old}\n${at.host}/team/web:v1\n`);
    const ran = await at.run(['lock', 'resolve', '-f', at.path('pod.yml'), '-f', at.path('list.txt')]);
    expect(ran).toEqual({
      code: 0,
      err: '',
      out: `---
apiVersion: imgpkg.carvel.dev/v1alpha1
images:
- annotations:
    dev.ocilot.lock.tag: v1
    kbld.carvel.dev/id: HOST/team/web:v1
  image: HOST/team/web@${web}
- annotations:
    dev.ocilot.lock.range: ~1.4
    dev.ocilot.lock.tag: 1.4.9
    kbld.carvel.dev/id: HOST/app:~1.4
  image: HOST/app@${best}
- annotations:
    kbld.carvel.dev/id: HOST/app@${old}
  image: HOST/app@${old}
kind: ImagesLock
`,
    });
    expect(parseImagesLock(ran.out.replaceAll('HOST', at.host)).images).toHaveLength(3);
  });

  it('reads the standard input, writes a file in one step, and asks for each thing once', async () => {
    const at = await site();
    await at.image('app:1.0.0');
    await at.image('app:1.1.0');
    const ran = await at.run(['lock', 'resolve', '-f', '-', '-o', at.path('images.yml')], {
      input: `- ${at.host}/app:^1\n- ${at.host}/app:1.1.0\n- ${at.host}/app:~1.1\n`,
    });
    expect(ran).toEqual({ code: 0, out: '', err: '' });
    expect(parseImagesLock(await readFile(at.path('images.yml'), 'utf8')).images).toHaveLength(3);
    expect(await readdir(at.path())).toEqual(['images.yml']);
    const log = at.registry.requests;
    expect(log.filter(({ path }) => path.includes('/tags/list'))).toHaveLength(1);
    expect(log.filter(({ path }) => path.includes('/manifests/'))).toHaveLength(1);
  });

  it('names every image that is not there, and where it was named; nothing is written', async () => {
    const at = await site();
    await at.image('app:1.0.0');
    const list = `${at.host}/none:1\n${at.host}/app:^2\n${at.host}/app:^1\n`;
    await fileOf(at.path('list'), list);
    const ran = await at.run(['lock', 'resolve', '-f', at.path('list'), '-o', at.path('images.yml')]);
    expect(ran).toMatchObject({ code: 1, out: '' });
    expect(ran.err).toMatch(
      /^ocilot: DIR\/list:1: Fetching image "HOST\/none:1": .*; DIR\/list:2: HOST\/app has no tag in "\^2": there are 1\.0\.0\n$/,
    );
    expect(await readdir(at.path())).toEqual(['list']);
  });

  it('names the folder that is not there to write to', async () => {
    const at = await site();
    const args = ['lock', 'resolve', '-o', at.path('none/images.yml'), `${at.host}/app:1`];
    await at.image('app:1');
    expect((await at.run(args)).err).toBe(
      'ocilot: "DIR/none/images.yml" cannot be written: there is no such folder\n',
    );
  });

  it.each([
    [[], 2, 'ocilot: nothing to pin: name images, or with -f files that do\n'],
    [['-f', '/nonexistent'], 2, 'ocilot: "/nonexistent" cannot be read: there is no such file\n'],
    [['app:~bad'], 2, /neither a tag nor a range/],
  ] as const)('%j is an error', async (args, code, err) => {
    const at = await site();
    const ran = await at.run(['lock', 'resolve', ...args]);
    expect(ran).toEqual({ code, out: '', err: typeof err === 'string' ? err : expect.stringMatching(err) });
  });
});

describe('ranges of bundles in a list', () => {
  it('are resolved together: one version suits all', async () => {
    const at = await site();
    const pinned = await at.image('lib:1.4.1');
    const best = await at.image('lib:1.4.7');
    await at.image('lib:1.9.0');
    const base = await at.bundle(
      'base:2.0.0',
      entry(`${at.host}/lib@${pinned}`, { [ID]: `${at.host}/lib:~1.4`, [RANGE]: '~1.4' }),
    );
    const ran = await at.run(['lock', 'resolve', `${at.host}/base:^2`, `${at.host}/lib:^1.2`]);
    expect(ran).toMatchObject({ code: 0, err: '' });
    expect(ran.out).toContain(`image: HOST/base@${base}\n`);
    expect(ran.out).toContain('dev.ocilot.lock.tag: 1.4.7');
    expect(ran.out).toContain(`image: HOST/lib@${best}\n`);
  });

  it('are an error when they exclude each other: both sides are named with what they want', async () => {
    const at = await site();
    const one = await at.image('lib:1.4.1');
    const two = await at.image('lib:2.0.0');
    const deep = await at.bundle('deep:1', entry(`${at.host}/lib@${one}`, { [RANGE]: '~1.4' }));
    const left = await at.bundle('left:1', entry(`${at.host}/deep@${deep}`));
    const right = await at.bundle('right:1', entry(`${at.host}/lib@${two}`, { [RANGE]: '^2' }));
    const args = ['lock', 'resolve', `${at.host}/left:1`, `${at.host}/right:1`];
    expect(await at.run(args)).toEqual({
      code: 1,
      out: '',
      err:
        `ocilot: No version suits all bundles: HOST/lib: bundle HOST/deep@${deep} wants "~1.4", ` +
        `bundle HOST/right@${right} wants "^2"; change one side, or let each have its own with --allow-conflicts\n`,
    });
    const allowed = await at.run([...args, '--allow-conflicts']);
    expect(allowed.code).toBe(0);
    expect(allowed.err).toBe(
      `each has its own version of HOST/lib: bundle HOST/deep@${deep} wants "~1.4", bundle HOST/right@${right} wants "^2"\n`,
    );
    expect(allowed.out).toContain(`image: HOST/left@${left}\n`);
  });

  it('leave a list two versions of its own, when one of them suits', async () => {
    const at = await site();
    const one = await at.image('lib:1.4.1');
    const two = await at.image('lib:2.0.0');
    await at.image('lib:1.5.0');
    await at.bundle('base:1', entry(`${at.host}/lib@${one}`, { [RANGE]: '~1.4' }));
    const wanted = ['base:1', 'lib:^1', 'lib:^2'].map((name) => `${at.host}/${name}`);
    const ran = await at.run(['lock', 'resolve', ...wanted]);
    expect(ran).toMatchObject({ code: 0, err: '' });
    expect(ran.out.match(/HOST\/lib@\S+/g)).toEqual([`HOST/lib@${one}`, `HOST/lib@${two}`]);
  });

  it('are an error against the list itself, and when no tag suits all', async () => {
    const at = await site();
    const one = await at.image('lib:1.4.1');
    const base = await at.bundle('base:1', entry(`${at.host}/lib@${one}`, { [RANGE]: '~1.4' }));
    const run = (range: string) =>
      at.run(['lock', 'resolve', `${at.host}/base:1`, `${at.host}/lib:${range}`]);
    await at.image('lib:2.0.0');
    expect((await run('^2')).err).toContain(
      `HOST/lib: this list wants "^2", bundle HOST/base@${base} wants "~1.4"`,
    );
    await at.image('lib:1.5.0');
    expect((await run('>=1.4.2')).err).toBe(
      'ocilot: the command line: HOST/lib has no tag in ">=1.4.2" (the command line) and ' +
        `"~1.4" (bundle HOST/base@${base}): there are 2.0.0, 1.5.0, 1.4.1\n`,
    );
  });
});

describe('lock update', () => {
  it('prints what moved, and writes it down', async () => {
    const at = await site();
    const old = { app: await at.image('app:1.4.2'), web: await at.image('web:v1') };
    const still = await at.image('still:1');
    const names = [`${at.host}/app:~1.4`, `${at.host}/web:v1`, `${at.host}/still@${still}`];
    const file = at.path('images.yml');
    await at.run(['lock', 'resolve', ...names, '-o', file]);
    const before = await readFile(file, 'utf8');

    expect(await at.run(['lock', 'update', file])).toEqual({ code: 0, out: '', err: 'nothing moved\n' });
    expect(await readFile(file, 'utf8')).toBe(before);

    const now = { app: await at.image('app:1.4.3'), web: await at.image('web:v1', 'new') };
    const short = (digest: string): string => digest.slice(0, 19);
    const moved = {
      code: 0,
      err: '',
      out:
        `~ HOST/app:~1.4  1.4.2 → 1.4.3  ${short(old.app)} → ${short(now.app)}\n` +
        `~ HOST/web:v1  v1  ${short(old.web)} → ${short(now.web)}\n`,
    };
    expect(await at.run(['lock', 'update', '--dry-run', file])).toEqual(moved);
    expect(await readFile(file, 'utf8')).toBe(before);
    const json = await at.run(['lock', 'update', '--dry-run', '-o', 'json', file]);
    expect(JSON.parse(json.out)).toEqual({
      moves: [
        {
          id: 'HOST/app:~1.4',
          from: { image: `HOST/app@${old.app}`, digest: old.app, tag: '1.4.2' },
          to: { image: `HOST/app@${now.app}`, digest: now.app, tag: '1.4.3' },
        },
        {
          id: 'HOST/web:v1',
          from: { image: `HOST/web@${old.web}`, digest: old.web, tag: 'v1' },
          to: { image: `HOST/web@${now.web}`, digest: now.web, tag: 'v1' },
        },
      ],
    });
    expect(await at.run(['lock', 'update', file])).toEqual(moved);
    expect(await readFile(file, 'utf8')).toBe(
      before.replace(old.app, now.app).replace('1.4.2', '1.4.3').replace(old.web, now.web),
    );
  });

  it("knows kbld's lists, and those of a bundle that was relocated", async () => {
    const at = await site();
    const old = await at.image('src/app:v1');
    await at.image('dst/app:v1', 'src/app:v1');
    const now = await at.image('src/app:v1', 'new');
    const text = listOf(entry(`${at.host}/dst/app@${old}`, { [ID]: `${at.host}/src/app:v1` }));
    await fileOf(at.path('app/.imgpkg/images.yml'), text);
    const ran = await at.run(['lock', 'update', at.path('app')]);
    expect(ran.out).toMatch(/^~ HOST\/src\/app:v1 {2}v1 {2}sha256:/);
    expect(parseImagesLock(await readFile(at.path('app/.imgpkg/images.yml'), 'utf8'))).toEqual({
      images: [{ image: `${at.host}/src/app@${now}`, annotations: { [ID]: `${at.host}/src/app:v1` } }],
    });
  });

  it('refuses what is no list, and leaves it as it is', async () => {
    const at = await site();
    await writeFile(at.path('x.yml'), 'kind: Pod\n');
    expect(await at.run(['lock', 'update', at.path('x.yml')])).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringMatching(/x\.yml is not valid: Validating apiVersion/),
    });
    expect(await at.run(['lock', 'update', at.path('none')])).toMatchObject({
      code: 2,
      err: 'ocilot: "DIR/none" cannot be read: there is no such file\n',
    });
  });

  it('names the list and the bundle that exclude each other', async () => {
    const at = await site();
    const lib = await at.image('lib:1.4.1');
    const base = await at.bundle('base:1', entry(`${at.host}/lib@${lib}`, { [RANGE]: '~1.4' }));
    await at.image('lib:2.0.0');
    const file = at.path('images.yml');
    const entries = entry(`${at.host}/base@${base}`) + entry(`${at.host}/lib@${lib}`, { [RANGE]: '^2' });
    await writeFile(file, listOf(entries));
    expect((await at.run(['lock', 'update', file])).err).toContain(
      `HOST/lib: DIR/images.yml wants "^2", bundle HOST/base@${base} wants "~1.4"`,
    );
  });
});
