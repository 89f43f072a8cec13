import { chmod, readFile, readdir, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { digestOf } from '../../../oci/index.js';
import { documentsOf, fixture, namesIn, site, type Document, type Site } from './site.js';

const BASE = 'org.opencontainers.image.base';

describe('image rebase', () => {
  /** An app of two platforms on base:1, and base:2. */
  async function rebasable(): Promise<Site> {
    const platforms = ['linux/amd64', 'linux/arm64'];
    const at = await site({
      seed: {
        base: {
          '1': { platforms, files: { '/base': 'old' } },
          '2': { platforms, files: { '/base': 'new', '/more': '' } },
        },
      },
    });
    await at.ok([
      'append',
      '-b',
      `${at.host}/base:1`,
      '-f',
      fixture('tar/l2.tar'),
      '-l',
      'a=b',
      '-t',
      `${at.host}/app:1`,
    ]);
    return at;
  }

  it('of an index, each image onto the base for its platform', async () => {
    const at = await rebasable();
    const bases = ['--old_base', `${at.host}/base:1`, '--new_base', `${at.host}/base:2`];
    await at.ok(['rebase', `${at.host}/app:1`, ...bases, '-t', `${at.host}/app:2`]);
    for (const platform of ['linux/amd64', 'linux/arm64']) {
      const base = await documentsOf(at, `${at.host}/base:2`, '--platform', platform);
      const { manifest, config } = await documentsOf(at, `${at.host}/app:2`, '--platform', platform);
      expect(manifest['layers'][0].digest).toBe(base.manifest['layers'][0].digest);
      expect(manifest['mediaType']).toBe('application/vnd.oci.image.manifest.v1+json');
      expect(manifest['annotations']).toMatchObject({ [`${BASE}.name`]: `${at.host}/base:2` });
      expect([config['architecture'], config['config'].Labels]).toEqual([platform.split('/')[1], { a: 'b' }]);
    }
    expect((await at.ok(['validate', `${at.host}/app:2`])).out).toMatch(/^PASS/);
  });

  it('by its annotations, one after another', async () => {
    const at = await site();
    const append = (tag: string, ...args: string[]): Promise<unknown> =>
      at.ok(['append', '--oci-empty-base', ...args, '-t', `${at.host}/base:${tag}`]);
    await append('v', '-f', fixture('tar/l1.tar'));
    await at.ok([
      'append',
      '-b',
      `${at.host}/base:v`,
      '-f',
      fixture('tar/l2.tar'),
      '--set-base-image-annotations',
      '-t',
      `${at.host}/app:1`,
    ]);
    expect((await at.ok(['rebase', `${at.host}/app:1`])).err).toContain('nothing changes');
    await append('v', '-f', fixture('tar/l3.tar'));
    const { out } = await at.ok(['rebase', `${at.host}/app:1`]);
    const { manifest } = await documentsOf(at, `${at.host}/app:1`);
    const digest = (await at.ok(['digest', `${at.host}/base:v`])).out.trim();
    expect(manifest['annotations']).toEqual({
      [`${BASE}.name`]: `${at.host}/base:v`,
      [`${BASE}.digest`]: digest,
    });
    expect((await at.ok(['digest', '--full-ref', `${at.host}/app:1`])).out).toBe(out);
  });

  it('not of what stands on something else, or does not say', async () => {
    const at = await rebasable();
    const wrong = await at.run([
      'rebase',
      `${at.host}/app:1`,
      '--old_base',
      `${at.host}/base:2`,
      '--new_base',
      `${at.host}/base:1`,
    ]);
    expect([wrong.code, wrong.err]).toEqual([1, expect.stringContaining('is not based on')]);
    const silent = await at.run(['rebase', `${at.host}/app:1`]);
    expect([silent.code, silent.err]).toEqual([1, expect.stringContaining('say --new_base')]);
    expect((await at.run(['rebase'])).err).toContain('name the image');
  });
});

describe('image flatten', () => {
  it('makes one layer of all, for every platform, the same under SOURCE_DATE_EPOCH', async () => {
    const at = await site({
      seed: { app: { '1': { platforms: ['linux/amd64', 'linux/arm64'], layers: 3 } } },
    });
    const env = { SOURCE_DATE_EPOCH: '0' };
    const once = await at.ok(['flatten', `${at.host}/app:1`, '-t', `${at.host}/app:flat`], { env });
    expect(
      (await at.ok(['flatten', `${at.host}/app:1`, '-t', `${at.host}/other:flat`], { env })).out.split(
        '@',
      )[1],
    ).toBe(once.out.split('@')[1]);
    const { manifest, config } = await documentsOf(at, `${at.host}/app:flat`, '--platform', 'linux/arm64');
    expect([manifest['layers'].length, config['created'], config['architecture']]).toEqual([
      1,
      '1970-01-01T00:00:00Z',
      'arm64',
    ]);
    const files = async (tag: string): Promise<string[]> =>
      (
        await namesIn((await at.ok(['export', '--platform', 'linux/arm64', `${at.host}/app:${tag}`])).bytes)
      ).toSorted();
    expect(await files('flat')).toEqual(await files('1'));
  });
});

describe('image export', () => {
  it('from a registry, a layout and the standard input, to a file and the output', async () => {
    const at = await site({ seed: { app: { '1': { files: { '/etc/a': 'a', '/b': 'b' }, layers: 1 } } } });
    const tar = await at.ok(['export', `${at.host}/app:1`]);
    expect((await namesIn(tar.bytes)).toSorted()).toEqual(['b', 'etc', 'etc/a', 'random-0.bin']);
    const archive = await at.ok(['pull', `${at.host}/app:1`, '-']);
    expect((await at.ok(['export', '-', '-'], { input: archive.bytes })).bytes).toEqual(tar.bytes);
    await at.ok(['copy', `${at.host}/app:1`, `oci:${at.path('l')}:x`]);
    expect((await at.ok(['export', `oci:${at.path('l')}:x`, at.path('f.tar')])).out).toBe('');
    expect(await readFile(at.path('f.tar'))).toEqual(tar.bytes);
    const terminal = await at.run(['export', `${at.host}/app:1`], { terminal: true });
    expect([terminal.code, terminal.err]).toEqual([1, expect.stringContaining('is a terminal')]);
  });

  it('of an arbitrary file, the file itself', async () => {
    const blobs = [{ mediaType: 'text/plain', content: 'hello' }];
    const at = await site({ seed: { app: { '1': { artifactType: 'text/x', blobs } } } });
    expect((await at.ok(['export', `${at.host}/app:1`])).out).toBe('hello');
  });

  it('takes linux/amd64 of an index and says so; what is half written goes', async () => {
    const at = await site({
      seed: { app: { '1': { platforms: ['linux/arm64', 'linux/amd64'], layers: 1 } } },
    });
    expect((await at.ok(['export', `${at.host}/app:1`])).err).toContain('took linux/amd64');
    at.registry.faults.add({
      match: { operation: 'blob.get', method: 'GET' },
      fault: { kind: 'bitFlip', at: 600 },
    });
    const ran = await at.run(['export', `${at.host}/app:1`, at.path('x.tar')]);
    expect([ran.code, await readdir(at.folder)]).toEqual([1, []]);
  });
});

describe('image edit', () => {
  const seeded = (): Promise<Site> =>
    site({
      seed: {
        app: {
          '1': { files: { '/etc/a': 'old' } },
          multi: { platforms: ['linux/amd64', 'linux/arm64'], layers: 1 },
        },
      },
    });

  it('config: what comes in is what is there, byte for byte', async () => {
    const at = await seeded();
    const { config } = await documentsOf(at, `${at.host}/app:1`);
    const text = `${JSON.stringify({ ...config, 'x-own': 1 }, null, 1)}\n`;
    const { out } = await at.ok(['edit', 'config', `${at.host}/app:1`, '-t', `${at.host}/app:2`], {
      input: text,
    });
    expect(out).toMatch(/app@sha256:/);
    expect((await at.ok(['config', `${at.host}/app:2`])).out).toBe(text);
    const { manifest } = await documentsOf(at, `${at.host}/app:2`);
    expect(manifest['config']).toMatchObject({ digest: digestOf(Buffer.from(text)), size: text.length });
    const bad = await at.run(['edit', 'config', `${at.host}/app:1`], { input: '[]' });
    expect([bad.code, bad.err]).toEqual([1, expect.stringContaining('not a JSON object')]);
    const index = await at.run(['edit', 'config', `${at.host}/app:multi`], { input: '{}' });
    expect([index.code, index.err]).toEqual([1, expect.stringContaining('--platform')]);
  });

  it('manifest: an index too', async () => {
    const at = await seeded();
    const { bytes } = await at.ok(['manifest', `${at.host}/app:multi`]);
    const index = JSON.parse(bytes.toString()) as Document;
    const text = JSON.stringify({
      ...index,
      annotations: { a: 'b' },
      manifests: index['manifests'].slice(1),
    });
    const { out } = await at.ok(['edit', 'manifest', `${at.host}/app:multi`], { input: text });
    expect(out).toBe(`${at.host}/app@${digestOf(Buffer.from(text))}\n`);
    expect((await at.ok(['manifest', `${at.host}/app:multi`])).out).toBe(text);
    const wrong = [
      'edit',
      'manifest',
      `${at.host}/app:multi`,
      '-m',
      'application/vnd.docker.distribution.manifest.list.v2+json',
    ];
    expect((await at.run(wrong, { input: text })).err).toContain('mediaType');
  });

  it('fs: a layer on top', async () => {
    const at = await seeded();
    await at.ok(['edit', 'fs', `${at.host}/app:1`, '-f', '/etc/a'], { input: 'new' });
    const { manifest } = await documentsOf(at, `${at.host}/app:1`);
    expect(manifest['layers']).toHaveLength(2);
    const tar = (await at.ok(['export', `${at.host}/app:1`])).bytes.toString('latin1');
    expect([tar.includes('new'), tar.includes('old')]).toEqual([true, false]);
    expect((await at.run(['edit', 'fs', `${at.host}/app:1`], { input: 'x' })).err).toContain('-f');
    expect((await at.run(['edit', 'fs', `${at.host}/app:1`, '-f', '../x'], { input: 'x' })).code).toBe(1);
  });

  it('on a terminal opens $EDITOR, and keeps what a file was', async () => {
    const at = await seeded();
    const editor = at.path('editor');
    await writeFile(
      editor,
      '#!/bin/sh\ntest "$1" = -w && test "$(cat "$2")" = old && printf edited > "$2"\n',
    );
    await chmod(editor, 0o755);
    const env = { EDITOR: `${editor} -w`, PATH: process.env['PATH'] ?? '' };
    await at.ok(['edit', 'fs', `${at.host}/app:1`, '-f', 'etc/a'], { env, terminal: true });
    expect((await at.ok(['export', `${at.host}/app:1`])).out).toContain('edited');
    const failed = await at.run(['edit', 'config', `${at.host}/app:1`], { env, terminal: true });
    expect([failed.code, failed.err]).toEqual([1, expect.stringContaining('nothing was changed')]);
  });
});
