import { mkdir, readFile, readdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fixture, site, type Document, type Site } from './site.js';

const seeded = (): Promise<Site> =>
  site({
    seed: {
      app: {
        amd: { layers: 1, platform: 'linux/amd64' },
        arm: { layers: 1, platform: 'linux/arm64/v8', annotations: { a: 'b' } },
        win: { layers: 1, platform: 'windows/amd64:10.0.1' },
        multi: { platforms: ['linux/amd64', 'linux/s390x', 'windows/amd64:10.0.2'], layers: 1 },
      },
    },
  });

/** What an index lists, as platforms. */
async function platforms(at: Site, index: string): Promise<string[]> {
  const { out } = await at.ok(['index', 'list', index]);
  return out
    .trimEnd()
    .split('\n')
    .slice(1)
    .map((line) => line.split(' ').at(-1) ?? '');
}

describe('image index append', () => {
  it('makes an index, adds to one in place, and flattens indexes unless told', async () => {
    const at = await seeded();
    const image = (tag: string): string => `${at.host}/app:${tag}`;
    const made = await at.ok([
      'index',
      'append',
      '-m',
      `${image('amd')},${image('arm')}`,
      '-t',
      image('idx'),
    ]);
    expect(made.err).toContain('base unspecified, using empty index');
    expect(await platforms(at, image('idx'))).toEqual(['linux/amd64', 'linux/arm64/v8']);
    await at.ok(['index', 'append', image('idx'), image('win'), '-m', image('multi')]);
    expect(await platforms(at, image('idx'))).toEqual([
      'linux/amd64', 'linux/arm64/v8', 'linux/amd64', 'linux/s390x', 'windows/amd64:10.0.2', 'windows/amd64:10.0.1',
    ]); // prettier-ignore
    for (const flag of ['--flatten=false', '--flatten=0', '--no-flatten']) {
      await at.ok([
        'index',
        'append',
        flag,
        '--docker-empty-base',
        '-m',
        image('multi'),
        '-t',
        image('nested'),
      ]);
      const { bytes } = await at.ok(['manifest', image('nested')]);
      expect(JSON.parse(bytes.toString())).toMatchObject({
        mediaType: 'application/vnd.docker.distribution.manifest.list.v2+json',
        manifests: [{ mediaType: 'application/vnd.oci.image.index.v1+json' }],
      });
    }
  });

  it('takes archives and layouts, and brings what they hold along', async () => {
    const at = await seeded();
    await at.ok(['pull', `${at.host}/app:amd`, at.path('amd.tar')]);
    await at.ok(['copy', `${at.host}/app:arm`, `oci:${at.path('l')}:arm`]);
    await at.ok([
      'index',
      'append',
      '-m',
      at.path('amd.tar'),
      '-m',
      at.path('l'),
      '-m',
      `oci:${at.path('l')}:arm`,
      '-t',
      `${at.host}/other:1`,
    ]);
    expect(await platforms(at, `${at.host}/other:1`)).toEqual([
      'linux/amd64',
      'linux/arm64/v8',
      'linux/arm64/v8',
    ]);
    expect((await at.ok(['validate', `${at.host}/other:1`])).out).toMatch(/^PASS/);
  });

  it('a folder is a layout, made or added to in place, with the platforms of its entries', async () => {
    const at = await seeded();
    const made = await at.ok(['index', 'append', at.path('l'), '-m', `${at.host}/app:multi`]);
    expect(made.out).toBe('');
    await at.ok([
      'index',
      'append',
      at.path('l'),
      '-m',
      `${at.host}/app:arm`,
      '-m',
      fixture('tar/two.docker.tar'),
    ]);
    expect(await platforms(at, at.path('l'))).toEqual([
      'linux/amd64', 'linux/s390x', 'windows/amd64:10.0.2', 'linux/arm64/v8', '-',
    ]); // prettier-ignore
    const index = JSON.parse(await readFile(at.path('l', 'index.json'), 'utf8')) as Document;
    expect(index['manifests'][3]).toMatchObject({ annotations: { a: 'b' } });
    expect((await at.run(['index', 'append', at.path('l'), '-t', 'x'])).err).toContain('changed in place');
    await mkdir(at.path('else'));
    await writeFile(at.path('else', 'file'), '');
    const foreign = await at.run(['index', 'append', at.path('else'), '-m', `${at.host}/app:arm`]);
    expect([foreign.code, await readdir(at.path('else'))]).toEqual([1, ['file']]);
  });

  it('needs a name for a new index, and an index for a base', async () => {
    const at = await seeded();
    expect((await at.run(['index', 'append', '-m', `${at.host}/app:amd`])).err).toContain('-t names a place');
    expect((await at.run(['index', 'append', `${at.host}/app:amd`, `${at.host}/app:arm`])).err).toContain(
      'is an image, and no index',
    );
    expect(
      (await at.run(['index', 'append', '-m', at.path('none.tar'), '-t', `${at.host}/app:x`])).code,
    ).toBe(1);
  });
});

describe('image index filter', () => {
  it('by platforms, in parts and with commas; in place without -t', async () => {
    const at = await seeded();
    const filter = async (...args: string[]): Promise<string[]> => {
      await at.ok(['index', 'filter', `${at.host}/app:multi`, ...args, '-t', `${at.host}/app:f`]);
      return await platforms(at, `${at.host}/app:f`);
    };
    expect(await filter('--platform', 'linux')).toEqual(['linux/amd64', 'linux/s390x']);
    expect(await filter('--platform', 'linux/s390x,windows')).toEqual([
      'linux/s390x',
      'windows/amd64:10.0.2',
    ]);
    expect(await filter('--platform', 'linux/amd64', '--platform', 'windows/amd64')).toEqual([
      'linux/amd64',
      'windows/amd64:10.0.2',
    ]);
    const { out } = await at.ok(['index', 'filter', `${at.host}/app:multi`, '--platform', 'windows']);
    expect((await at.ok(['digest', '--full-ref', `${at.host}/app:multi`])).out).toBe(out);
  });

  it.each([[[]], [['--platform', 'all']], [['--platform', '']]])(
    'refuses %j, which crane answers with nothing',
    async (args) => {
      const at = await seeded();
      const { code } = await at.run(['index', 'filter', `${at.host}/app:multi`, ...args]);
      expect([code, await platforms(at, `${at.host}/app:multi`)]).toEqual([
        1,
        ['linux/amd64', 'linux/s390x', 'windows/amd64:10.0.2'],
      ]);
    },
  );
});

describe('image index list', () => {
  it('of an index, a layout, for programs too; not of an image', async () => {
    const at = await seeded();
    const { out } = await at.ok(['index', 'list', `${at.host}/app:multi`, '-o', 'json']);
    expect(JSON.parse(out)).toMatchObject([{ platform: { os: 'linux' } }, {}, {}]);
    await at.ok(['copy', `${at.host}/app:amd`, `oci:${at.path('l')}:1`]);
    expect(await platforms(at, at.path('l'))).toEqual(['-']);
    expect((await at.run(['index', 'list', `${at.host}/app:amd`])).err).toContain(
      'is an image, and no index',
    );
  });
});

describe('image layout gc', () => {
  it('takes away what the index does not lead to, and names it', async () => {
    const at = await seeded();
    await at.ok(['copy', `${at.host}/app:amd`, `oci:${at.path('l')}:1`]);
    const folder = at.path('l', 'blobs/sha256');
    const hex = 'a'.repeat(64);
    await writeFile(join(folder, hex), 'stray');
    // What is as young as the collection stays: a writer may count on it.
    await utimes(join(folder, hex), 1, 1);
    const before = await readdir(folder);
    const ran = await at.ok(['layout', 'gc', at.path('l')]);
    expect([ran.out, ran.err]).toEqual(['', `removed sha256:${hex}\n`]);
    expect(await readdir(folder)).toEqual(before.filter((name) => name !== hex));
    expect((await at.run(['layout', 'gc', at.path('none')])).code).toBe(1);
  });
});

describe('image validate', () => {
  it('says PASS for each that is right, in any place', async () => {
    const at = await seeded();
    await at.ok(['pull', `${at.host}/app:amd`, at.path('a.tar')]);
    await at.ok(['copy', `${at.host}/app:multi`, `oci:${at.path('l')}:1`]);
    const ran = await at.ok([
      'validate',
      '--remote',
      `${at.host}/app:multi`,
      '--tarball',
      at.path('a.tar'),
      `oci:${at.path('l')}:1`,
    ]);
    expect(ran.out).toBe(
      `PASS: ${at.path('a.tar')}\nPASS: ${at.host}/app:multi\nPASS: oci:${at.path('l')}:1\n`,
    );
    expect((await at.run(['validate'])).err).toContain('name an image');
  });

  it('says FAIL and what is wrong; --fast looks only whether layers are there', async () => {
    const at = await seeded();
    await at.ok(['copy', `${at.host}/app:amd`, `oci:${at.path('l')}:1`]);
    const { bytes } = await at.ok(['manifest', `${at.host}/app:amd`]);
    const [layer] = (JSON.parse(bytes.toString()) as Document)['layers'] as Document[];
    const file = at.path('l', 'blobs', layer?.['digest'].replace(':', '/') as string);
    const content = await readFile(file);
    content[700] = (content[700] ?? 0) ^ 1;
    await writeFile(file, content);
    const bad = await at.run(['validate', `oci:${at.path('l')}:1`]);
    expect(bad.code).toBe(1);
    expect(bad.out).toMatch(new RegExp(`^FAIL: oci:${at.path('l')}:1: layer ${layer?.['digest']}: `));
    expect((await at.run(['validate', '--fast', `oci:${at.path('l')}:1`])).out).toMatch(/^PASS/);
    const missing = await at.run(['validate', '--remote', `${at.host}/app:none`, `${at.host}/app:amd`]);
    expect([missing.code, missing.out]).toEqual([
      1,
      expect.stringMatching(new RegExp(`^FAIL: ${at.host}/app:none: .*\nPASS: ${at.host}/app:amd\n$`)),
    ]);
  });
});
