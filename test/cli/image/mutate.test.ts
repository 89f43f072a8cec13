import { writeFile, readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { openLayout } from '../../../image/layout/index.js';
import { all } from '../../image/content.js';
import { documentsOf, fixture, site, type Document, type Site } from './site.js';

const FULL = {
  Env: ['A=a', 'B=b', 'EMPTY='],
  Entrypoint: ['/old'],
  Cmd: ['serve'],
  Labels: { one: '1', two: '2' },
  User: 'me',
  WorkingDir: '/srv',
  ExposedPorts: { '80/tcp': {} },
  Volumes: { '/data': {} },
};

const seeded = (): Promise<Site> =>
  site({
    seed: {
      app: {
        '1': { files: { '/a': 'a' }, config: FULL, annotations: { note: 'x' } },
        multi: { platforms: ['linux/amd64', 'linux/arm64'], files: { '/a': 'a' } },
        report: { artifactType: 'application/vnd.example.report' },
      },
    },
  });

/** The inner config after a mutation. */
async function after(at: Site, ...args: readonly string[]): Promise<Document> {
  await at.ok(['mutate', `${at.host}/app:1`, '-t', `${at.host}/app:2`, ...args]);
  return (await documentsOf(at, `${at.host}/app:2`)).config['config'] as Document;
}

describe('what is set', () => {
  it('in its place, new ones behind', async () => {
    const at = await seeded();
    expect(
      await after(at, '-e', 'B=x=y', '-e', 'C=c,d', '-e', 'EMPTY=', '-l', 'two=zwei,three=3', '-u', '0'),
    ).toEqual({
      ...FULL,
      Env: ['A=a', 'B=x=y', 'EMPTY=', 'C=c,d'],
      Labels: { one: '1', two: 'zwei', three: '3' },
      User: '0',
    });
  });

  it('an entrypoint takes the command away unless there is a new one', async () => {
    const at = await seeded();
    expect(await after(at, '--entrypoint', '/app,serve')).toEqual(
      without({ ...FULL, Entrypoint: ['/app', 'serve'] }, 'Cmd'),
    );
    expect(await after(at, '--entrypoint', '/app', '--cmd', '"a,b",c')).toMatchObject({
      Entrypoint: ['/app'],
      Cmd: ['a,b', 'c'],
    });
    expect(await after(at, '--cmd', 'x')).toMatchObject({ Entrypoint: ['/old'], Cmd: ['x'] });
  });

  it('nothing by empty values, as crane; the image stays the same image', async () => {
    const at = await seeded();
    const before = await at.ok(['digest', '--full-ref', `${at.host}/app:1`]);
    const empty = ['--entrypoint', '', '--cmd', '', '--user', '', '--workdir', '', '--exposed-ports', ''];
    expect((await at.ok(['mutate', `${at.host}/app:1`, ...empty])).out).toBe(before.out);
    expect((await at.run(['mutate', `${at.host}/app:1`, '-l', 'one='])).err).toContain('"one" has no value');
  });
});

const without = (map: Document, key: string): Document =>
  Object.fromEntries(Object.entries(map).filter(([name]) => name !== key));

describe('what is taken away', () => {
  it('single labels, variables and annotations', async () => {
    const at = await seeded();
    const config = await after(
      at,
      '--remove-label',
      'one',
      '--remove-env',
      'A',
      '--remove-env',
      'absent',
      '--remove-annotation',
      'note',
    );
    expect(config).toMatchObject({ Labels: { two: '2' }, Env: ['B=b', 'EMPTY='] });
    expect(config['Labels']).not.toHaveProperty('one');
    expect((await documentsOf(at, `${at.host}/app:2`)).manifest).not.toHaveProperty('annotations');
  });

  it('whole fields', async () => {
    const at = await seeded();
    const flags = ['entrypoint', 'cmd', 'user', 'workdir', 'exposed-ports', 'volumes'].map(
      (name) => `--clear-${name}`,
    );
    expect(await after(at, ...flags)).toEqual({ Env: FULL.Env, Labels: FULL.Labels });
    expect(await after(at, '--clear-entrypoint')).toEqual(without(FULL, 'Entrypoint'));
  });

  it.each([
    [['--clear-cmd', '--cmd', 'x'], /--clear-cmd and a new cmd contradict/],
    [['-l', 'a=b', '--remove-label', 'a'], /a is both set and removed/],
    [['-t', 'x', '--repo', 'y'], /--tag and --repo exclude each other/],
  ])('not against %j', async (args, message) => {
    const at = await seeded();
    const ran = await at.run(['mutate', `${at.host}/app:1`, ...args]);
    expect([ran.code, ran.out]).toEqual([1, '']);
    expect(ran.err).toMatch(message);
  });
});

describe('where the result goes', () => {
  it('a tag is moved, next to a digest it is put by its own', async () => {
    const at = await seeded();
    const before = (await at.ok(['digest', `${at.host}/app:1`])).out.trim();
    const moved = await at.ok(['mutate', `${at.host}/app:1`, '-l', 'a=b']);
    expect((await at.ok(['digest', '--full-ref', `${at.host}/app:1`])).out).toBe(moved.out);
    const beside = await at.ok(['mutate', `${at.host}/app@${before}`, '-l', 'a=b']);
    expect(beside.out).toBe(moved.out);
    expect((await at.ok(['ls', `${at.host}/app`])).out).toBe('1\nmulti\nreport\n');
    const named = await at.ok(['mutate', `${at.host}/app:1@${before}`, '-l', 'c=d']);
    expect((await at.ok(['digest', '--full-ref', `${at.host}/app:1`])).out).not.toBe(named.out);
  });

  it('--repo takes it by its digest, blobs mounted', async () => {
    const at = await seeded();
    const { out } = await at.ok(['mutate', `${at.host}/app:1`, '-l', 'a=b', '--repo', `${at.host}/other`]);
    expect(out).toMatch(new RegExp(`^${at.host}/other@sha256:`));
    expect((await at.ok(['ls', `${at.host}/other`])).out).toBe('');
    expect((await at.ok(['validate', out.trim()])).out).toMatch(/^PASS/);
  });

  it('layouts and archives: in place where there is a name for it', async () => {
    const at = await seeded();
    await at.ok(['copy', `${at.host}/app:1`, `oci:${at.path('l')}:one`]);
    const { out } = await at.ok(['mutate', `oci:${at.path('l')}:one`, '-l', 'a=b']);
    expect(out).toMatch(new RegExp(`^oci:${at.path('l')}@sha256:`));
    expect(await all((await openLayout(at.path('l'))).tags())).toEqual(['one']);
    expect((await documentsOf(at, `oci:${at.path('l')}:one`)).config['config'].Labels.a).toBe('b');
    expect((await at.run(['mutate', `oci:${at.path('l')}`, '-l', 'a=c'])).err).toContain(
      'no name that the result could take',
    );
    await at.ok(['mutate', `${at.host}/app:1`, '-o', at.path('a.tar')]);
    for (const place of [`docker-archive:${at.path('a.tar')}`, '-'])
      expect((await at.run(['mutate', place, '-l', 'a=b'])).err).toMatch(/say .*where the result goes/);
    await at.ok([
      'mutate',
      `docker-archive:${at.path('a.tar')}`,
      '-l',
      'a=b',
      '-o',
      `oci-archive:${at.path('b.tar')}:x`,
    ]);
    expect((await documentsOf(at, `oci-archive:${at.path('b.tar')}:x`)).config['config'].Labels.a).toBe('b');
  });

  it('an archive keeps the name, and nothing is left of one that fails', async () => {
    const at = await seeded();
    expect((await at.ok(['mutate', `${at.host}/app:1`, '-o', at.path('a.tar')])).out).toBe('');
    expect((await at.ok(['digest', '--tarball', at.path('a.tar'), `${at.host}/app:1`])).out).toMatch(
      /^sha256/,
    );
    await writeFile(at.path('b.tar'), 'before');
    const ran = await at.run(['mutate', `${at.host}/app:multi`, '-o', at.path('b.tar')]);
    expect([ran.code, await readFile(at.path('b.tar'), 'utf8')]).toEqual([1, 'before']);
    expect(ran.err).toContain('images of one platform');
  });
});

describe('indexes and artifacts', () => {
  it('all images of an index change, each manifest is put once', async () => {
    const at = await seeded();
    at.registry.requests.clear();
    const { out, err } = await at.ok(['mutate', `${at.host}/app:multi`, '-e', 'A=b', '-a', 'k=v']);
    expect(err).toContain('is an index: all its images are changed');
    expect(at.registry.requests.count({ operation: 'manifest.put' })).toBe(3);
    for (const platform of ['linux/amd64', 'linux/arm64']) {
      const { manifest, config } = await documentsOf(at, out.trim(), '--platform', platform);
      expect([manifest['annotations'], config['config'].Env]).toEqual([{ k: 'v' }, ['A=b']]);
    }
    expect((await at.ok(['validate', `${at.host}/app:multi`])).out).toMatch(/^PASS/);
  });

  it('one platform of it is one image, and that is told', async () => {
    const at = await seeded();
    const flags = ['--platform', 'linux/arm64', '-t', `${at.host}/app:one`];
    const { err } = await at.ok([
      'mutate',
      `${at.host}/app:multi`,
      '--set-platform',
      'linux/arm64/v8',
      ...flags,
    ]);
    expect(err).toContain('took linux/arm64 of it, as one image');
    expect((await documentsOf(at, `${at.host}/app:one`)).config['variant']).toBe('v8');
    const whole = await at.run(['mutate', `${at.host}/app:multi`, '--set-platform', 'linux/arm64']);
    expect([whole.code, whole.err]).toEqual([1, expect.stringContaining('--set-platform needs --platform')]);
  });

  it('two of three platforms make an index of two', async () => {
    const at = await site({
      seed: { app: { '1': { platforms: ['linux/amd64', 'linux/arm64', 'linux/s390x'], layers: 1 } } },
    });
    const flags = ['--platform', 'linux/amd64', '--platform', 'linux/s390x'];
    await at.ok(['mutate', `${at.host}/app:1`, ...flags, '-l', 'a=b', '-t', `${at.host}/app:2`]);
    expect((await at.ok(['index', 'list', `${at.host}/app:2`])).out).toMatch(
      /linux\/amd64\n.*linux\/s390x\n$/,
    );
  });

  it('attestations go, other artifacts of an index stay', async () => {
    const at = await seeded();
    await at.ok([
      'index',
      'append',
      '-m',
      `${at.host}/app:1`,
      '-m',
      `${at.host}/app:report`,
      '-t',
      `${at.host}/app:both`,
    ]);
    const report = (await at.ok(['digest', `${at.host}/app:report`])).out.trim();
    await at.ok(['mutate', `${at.host}/app:both`, '-l', 'a=b']);
    const { out } = await at.ok(['index', 'list', `${at.host}/app:both`]);
    expect(out.split('\n')).toHaveLength(4);
    expect(out).toContain(report);
  });

  it('an artifact has no config to change', async () => {
    const at = await seeded();
    const ran = await at.run(['mutate', `${at.host}/app:report`, '-l', 'a=b']);
    expect([ran.code, ran.err]).toEqual([1, expect.stringContaining('is an artifact')]);
    await at.ok(['mutate', `${at.host}/app:report`, '-a', 'a=b']);
    expect((await at.ok(['manifest', `${at.host}/app:report`])).out).toContain('"annotations":{"a":"b"}');
  });
});

describe('in pipes', () => {
  it('append, mutate and push hand an image on with types, annotations and name', async () => {
    const at = await seeded();
    const first = await at.ok([
      'append',
      '--oci-empty-base',
      '-f',
      fixture('tar/l1.tar'),
      '-a',
      'n=1',
      '-t',
      `${at.host}/x:1`,
      '-o',
      '-',
    ]);
    expect(first.out).not.toBe('');
    const second = await at.ok(['mutate', '-', '-l', 'a=b', '-o', '-'], { input: first.bytes });
    const third = await at.ok(['push', '-', `${at.host}/x:2`], { input: second.bytes });
    const { manifest, config } = await documentsOf(at, `${at.host}/x:2`);
    expect(manifest).toMatchObject({
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      annotations: { n: '1' },
    });
    expect(config['config']).toEqual({ Labels: { a: 'b' } });
    const direct = ['append', '--oci-empty-base', '-f', fixture('tar/l1.tar'), '-a', 'n=1', '-l', 'a=b'];
    expect((await at.ok([...direct, '-t', `${at.host}/x:3`])).out).toBe(third.out);
    await writeFile(at.path('s.tar'), second.bytes);
    expect((await at.ok(['ls', `oci-archive:${at.path('s.tar')}`])).out).toBe(`${at.host}/x:1\n`);
  });

  it('an index goes through whole', async () => {
    const at = await seeded();
    const piped = await at.ok(['mutate', `${at.host}/app:multi`, '-l', 'a=b', '-o', '-']);
    const pushed = await at.ok(['push', '-', `${at.host}/app:piped`], { input: piped.bytes });
    expect((await at.ok(['mutate', `${at.host}/app:multi`, '-l', 'a=b'])).out).toBe(pushed.out);
  });

  it('not onto a terminal, not from one, not from nothing', async () => {
    const at = await seeded();
    const toTerminal = await at.run(['mutate', `${at.host}/app:1`, '-o', '-'], { terminal: true });
    expect([toTerminal.code, toTerminal.err]).toEqual([1, expect.stringContaining('is a terminal')]);
    const from = await at.run(['mutate', '-', '-o', at.path('x.tar')], { terminal: true });
    expect([from.code, from.err]).toEqual([1, expect.stringContaining('pipe something')]);
    const empty = await at.run(['mutate', '-', '-o', at.path('x.tar')]);
    expect([empty.code, empty.err]).toEqual([1, expect.stringContaining('not an archive')]);
    const cut = await at.run(['mutate', '-', '-o', at.path('x.tar')], {
      input: (await at.ok(['mutate', `${at.host}/app:1`, '-o', '-'])).bytes.subarray(0, 3000),
    });
    expect(cut.code).toBe(1);
    await expect(readFile(at.path('x.tar'))).rejects.toThrow('ENOENT');
  });
});
