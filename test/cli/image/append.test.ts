import { chmod, mkdir, readFile, symlink, utimes, writeFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { digestOf } from '../../../oci/index.js';
import { documentsOf, fixture, namesIn, site, type Document, type Site } from './site.js';

const L1 = fixture('tar/l1.tar');
const L2 = fixture('tar/l2.tar');

/** The folder of the example in the issue. */
async function conf(at: Site, ...where: readonly string[]): Promise<string> {
  const folder = at.path('conf', ...where);
  await mkdir(`${folder}/sub`, { recursive: true });
  await writeFile(`${folder}/app.conf`, 'port=8080\n');
  await writeFile(`${folder}/sub/run`, '#!/bin/sh\n');
  await chmod(`${folder}/sub/run`, 0o755);
  await symlink('app.conf', `${folder}/link`);
  return folder;
}

describe('one command, one push', () => {
  it('makes a whole image with one manifest, no other tag, and the same digest elsewhere', async () => {
    const at = await site();
    const args = (folder: string): string[] => [
      'append', '--oci-empty-base', '-f', L1, '-f', `${folder}/:/etc/app`, '--env', 'PORT=8080', '--env', 'LIST=a,b',
      '--entrypoint', '/app', '--cmd', 'serve,"a,b"', '--label', 'a=b', '--annotation', 'note=hi', '--user', '65532',
      '--workdir', '/', '--exposed-ports', '80/tcp,53/udp', '--volume', '/data', '--set-platform', 'linux/arm64',
      '--created', '2024-01-31T12:00:00Z', '--author', 'me', '--stop-signal', 'SIGINT', '-t', `${at.host}/app:1`,
    ]; // prettier-ignore
    const first = await at.ok(args(await conf(at, 'one')));
    expect(first.out).toMatch(new RegExp(`^${at.host}/app@sha256:[0-9a-f]{64}\n$`));
    expect(first.err).not.toContain('unspecified');
    const puts = at.registry.requests.filter({ operation: 'manifest.put' });
    expect(puts.map(({ reference }) => reference)).toEqual(['1']);
    expect((await at.ok(['ls', `${at.host}/app`])).out).toBe('1\n');

    const { manifest, config } = await documentsOf(at, `${at.host}/app:1`);
    expect(manifest).toMatchObject({
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      layers: [
        { mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip' },
        { size: expect.any(Number) as number },
      ],
      annotations: { note: 'hi' },
    });
    expect(config).toMatchObject({
      architecture: 'arm64',
      os: 'linux',
      author: 'me',
      created: '2024-01-31T12:00:00Z',
      history: [{ created: '2024-01-31T12:00:00Z' }, { created: '2024-01-31T12:00:00Z' }],
    });
    expect(config['config']).toEqual({
      Entrypoint: ['/app'],
      Cmd: ['serve', 'a,b'],
      Env: ['PORT=8080', 'LIST=a,b'],
      Labels: { a: 'b' },
      User: '65532',
      WorkingDir: '/',
      ExposedPorts: { '53/udp': {}, '80/tcp': {} },
      Volumes: { '/data': {} },
      StopSignal: 'SIGINT',
    });
    const files = await namesIn((await at.ok(['export', `${at.host}/app:1`])).bytes);
    expect(files).toEqual(
      expect.arrayContaining(['etc/app/app.conf', 'etc/app/link', 'etc/app/sub/run', 'bin/app', 'etc/one']),
    );

    // Another folder of the same content, with other times, in another repository: the same image.
    const other = await conf(at, 'two');
    await utimes(`${other}/app.conf`, 1, 1);
    const again = await at.ok([...args(other).slice(0, -1), `${at.host}/other:1`]);
    expect(again.out.split('@')[1]).toBe(first.out.split('@')[1]);
  });

  it('sends nothing twice: the second run of the same puts no blob', async () => {
    const at = await site();
    const args = ['append', '--oci-empty-base', '-f', L1, '-t', `${at.host}/app:1`];
    const { out } = await at.ok(args);
    at.registry.requests.clear();
    expect((await at.ok(args)).out).toBe(out);
    expect(at.registry.requests.filter(({ method }) => ['PUT', 'POST', 'PATCH'].includes(method))).toEqual(
      [],
    );
  });

  it('is dated by SOURCE_DATE_EPOCH', async () => {
    const at = await site();
    const env = { SOURCE_DATE_EPOCH: '86400' };
    const folder = await conf(at);
    await at.ok(['append', '--oci-empty-base', '-f', folder, '-t', `${at.host}/app:1`], { env });
    const { config } = await documentsOf(at, `${at.host}/app:1`);
    expect(config).toMatchObject({
      created: '1970-01-02T00:00:00Z',
      history: [{ created: '1970-01-02T00:00:00Z' }],
    });
  });
});

describe('what -f takes', () => {
  const layerTypes = async (at: Site, image: string): Promise<string[]> =>
    ((await documentsOf(at, image)).manifest['layers'] as Document[]).map(
      ({ mediaType }) => mediaType as string,
    );

  it('packed tars stay as they are, from a file and from the standard input', async () => {
    const at = await site();
    const packed = gzipSync(await readFile(L1), { level: 9 });
    await writeFile(at.path('l1.tgz'), packed);
    for (const [name, file, input] of [
      ['file', at.path('l1.tgz'), ''],
      ['pipe', '-', packed],
    ] as const) {
      const image = `${at.host}/${name}:1`;
      await at.ok(['append', '--oci-empty-base', '-f', file, '-t', image], { input });
      const { manifest } = await documentsOf(at, image);
      expect(manifest['layers']).toMatchObject([{ digest: digestOf(packed), size: packed.length }]);
    }
  });

  it('a plain tar on the standard input is packed as one in a file, and can go to an archive', async () => {
    const at = await site();
    const file = await at.ok(['append', '-f', L1, '-t', `${at.host}/app:1`]);
    const pipe = await at.ok(['append', '-f', '-', '-t', `${at.host}/app:2`], { input: await readFile(L1) });
    expect(pipe.out).toBe(file.out);
    const archive = await at.ok(['append', '-f', '-', '-t', `${at.host}/app:3`, '-o', at.path('a.tar')], {
      input: await readFile(L1),
    });
    expect(archive.out).toBe('');
    expect((await at.ok(['push', at.path('a.tar'), `${at.host}/app:4`])).out).toBe(file.out);
    expect((await at.ok(['digest', '--tarball', at.path('a.tar'), `${at.host}/app:3`])).out).toBe(
      `${file.out.split('@')[1]}`,
    );
    expect((await at.ok(['ls', `${at.host}/app`])).out).toBe('1\n2\n4\n');
  });

  it('a folder by itself is the root, a file has its place', async () => {
    const at = await site();
    const folder = await conf(at);
    const args = [
      'append',
      '--oci-empty-base',
      '-f',
      folder,
      '-f',
      `${folder}/sub/run:/usr/bin/`,
      '-f',
      `${folder}/app.conf:/etc/x.conf`,
    ];
    await at.ok([...args, '-t', `${at.host}/app:1`]);
    expect((await namesIn((await at.ok(['export', `${at.host}/app:1`])).bytes)).toSorted()).toEqual([
      'app.conf', 'etc', 'etc/x.conf', 'link', 'sub', 'sub/run', 'usr', 'usr/bin', 'usr/bin/run',
    ]); // prettier-ignore
  });

  it('is packed as --compression says', async () => {
    const at = await site();
    for (const how of ['gzip', 'estargz', 'none']) {
      const image = `${at.host}/${how}:1`;
      await at.ok(['append', '--oci-empty-base', '--compression', how, '-f', L1, '-t', image]);
      expect(await layerTypes(at, image)).toEqual([
        `application/vnd.oci.image.layer.v1.tar${how === 'none' ? '' : '+gzip'}`,
      ]);
      expect((await at.ok(['validate', image])).out).toBe(`PASS: ${image}\n`);
    }
    expect((await documentsOf(at, `${at.host}/estargz:1`)).manifest['layers']).toMatchObject([
      {
        annotations: {
          'containerd.io/snapshot/stargz/toc.digest': expect.stringMatching(/^sha256:/) as string,
        },
      },
    ]);
  });

  it.each([
    [['-f', '/nonexistent.tar'], /-f \/nonexistent\.tar: there is no such file or folder/],
    [['-f', '/nonexistent:/etc'], /there is no such file or folder/],
    [['-f', fixture('tar/README.md')], /is no tar: .*README\.md:\/place\/in\/image/],
    [['-f', '-', '-f', '-'], /can be given once/],
    [['-b', '-', '-f', '-'], /can be given once/],
    [['-f', fixture('imgpkg/runs.json')], /is no tar/],
    [['-f', L1, '-e', 'novalue'], /Expected key=value/],
    [['-f', L1, '-l', 'a='], /"a" has no value/],
    [['-f', L1, '--created', 'yesterday'], /expected 2024-01-31T12:00:00Z/],
    [['-f', L1, '--set-platform', 'linux'], /os\/architecture/],
    [['-f', L1, '--base', 'x', '--oci-empty-base'], /cannot be used with/],
    [['-f', `${fixture('tar')}:/../etc`], /".."/],
  ])('refuses %j before anything is sent', async (args, message) => {
    const at = await site();
    const ran = await at.run(['append', ...args, '-t', `${at.host}/app:1`]);
    expect([ran.code, ran.out]).toEqual([1, '']);
    expect(ran.err).toMatch(message);
    expect(at.registry.requests.count(({ method }) => method !== 'GET' && method !== 'HEAD')).toBe(0);
  });
});

describe('bases', () => {
  it('of an index all images get the layers, and --platform chooses', async () => {
    const at = await site({
      seed: { base: { '1': { platforms: ['linux/amd64', 'linux/arm64/v8'], files: { '/a': 'a' } } } },
    });
    const ran = await at.ok([
      'append',
      '-b',
      `${at.host}/base:1`,
      '-f',
      L2,
      '-e',
      'A=b',
      '-t',
      `${at.host}/app:1`,
    ]);
    expect(ran.err).toContain('is an index: all its images are changed');
    expect(at.registry.requests.count({ operation: 'manifest.put' })).toBe(3);
    const list = await at.ok(['index', 'list', `${at.host}/app:1`]);
    expect(list.out).toMatch(/linux\/amd64\n.*linux\/arm64\/v8\n$/);
    for (const platform of ['linux/amd64', 'linux/arm64']) {
      const { manifest, config } = await documentsOf(at, `${at.host}/app:1`, '--platform', platform);
      expect([manifest['layers'].length, config['config'].Env]).toEqual([2, ['A=b']]);
    }
    expect((await at.ok(['validate', `${at.host}/app:1`])).out).toMatch(/^PASS/);
    await at.ok([
      'append',
      '-b',
      `${at.host}/base:1`,
      '-f',
      L2,
      '--platform',
      'linux/arm64',
      '-t',
      `${at.host}/one:1`,
    ]);
    expect((await documentsOf(at, `${at.host}/one:1`)).config['architecture']).toBe('arm64');
  });

  it('in any place, named in annotations as they were named', async () => {
    const at = await site();
    await at.ok(['append', '--oci-empty-base', '-f', L1, '-t', `oci:${at.path('layout')}:base`]);
    const note = '--set-base-image-annotations';
    await at.ok(['append', '-b', `oci:${at.path('layout')}:base`, '-f', L2, note, '-t', `${at.host}/app:1`]);
    const { manifest } = await documentsOf(at, `${at.host}/app:1`);
    const digest = (await at.ok(['digest', `oci:${at.path('layout')}:base`])).out.trim();
    expect(manifest['annotations']).toEqual({
      'org.opencontainers.image.base.digest': digest,
      'org.opencontainers.image.base.name': `oci:${at.path('layout')}:base`,
    });
    await at.ok(['copy', `oci:${at.path('layout')}:base`, `${at.host}/base:1`]);
    await at.ok(['append', '-b', `${at.host}/base@${digest}`, '-f', L2, note, '-t', `${at.host}/app:2`]);
    expect((await documentsOf(at, `${at.host}/app:2`)).manifest['annotations']).toEqual({
      'org.opencontainers.image.base.digest': digest,
    });
  });

  it('mounts the layers of a base of the same registry', async () => {
    const at = await site({ seed: { base: { '1': { layers: 2 } } } });
    await at.ok(['append', '-b', `${at.host}/base:1`, '-f', L2, '-t', `${at.host}/app:1`]);
    expect(at.registry.requests.count({ operation: 'blob.get', method: 'GET' })).toBe(1);
    expect(at.registry.requests.filter({ operation: 'upload.start', status: 201 })).toHaveLength(2);
  });

  it('of Windows get layers as Windows wants them', async () => {
    const at = await site({
      seed: { win: { '1': { platform: 'windows/amd64', files: { 'Files/a': 'a' } } } },
    });
    await at.ok(['append', '-b', `${at.host}/win:1`, '-f', L1, '-t', `${at.host}/app:1`]);
    expect(await namesIn((await at.ok(['export', `${at.host}/app:1`])).bytes)).toEqual(
      expect.arrayContaining(['Hives', 'Files/bin/app', 'Files/etc/one']),
    );
  });
});
