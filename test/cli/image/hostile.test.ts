import { mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { writeTar, type TarEntry } from '../../../image/tar/index.js';
import {
  MEDIA_TYPES,
  collect,
  describe as described,
  digestOf,
  encodeJson,
  type Descriptor,
} from '../../../oci/index.js';
import { site, type Site } from './site.js';

const file = (name: string, body: Uint8Array | string): TarEntry => {
  const bytes = Buffer.from(body);
  return { name, type: 'file', mode: 0o644, size: bytes.length, body: [bytes] };
};

const link = (name: string, linkname: string, type: 'link' | 'symlink'): TarEntry => ({
  name,
  type,
  mode: 0o644,
  linkname,
});

/** A header as no encoder would write it. */
function headerOf(name: string, size: number, type: string): Buffer {
  const header = Buffer.alloc(512);
  header.write(name);
  header.write('0000644\0', 100);
  header[124] = 0x80;
  header.writeBigUInt64BE(BigInt(size), 128);
  header.write('        ', 148);
  header.write(type, 156);
  header.write('ustar\x0000', 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return header;
}

const tarOf = (entries: readonly TarEntry[]): Promise<Uint8Array> =>
  collect(writeTar(entries), 1 << 24, 'tar');

/** A docker archive of one layer with these entries. */
async function archive(at: Site, entries: readonly TarEntry[], change: object = {}): Promise<string> {
  const layer = await tarOf(entries);
  const config = encodeJson({
    os: 'linux',
    architecture: 'amd64',
    config: {},
    rootfs: { type: 'layers', diff_ids: [digestOf(layer)] },
  });
  const list = [{ Config: 'config.json', RepoTags: ['app:1'], Layers: ['layer.tar'], ...change }];
  const path = at.path('hostile.tar');
  await writeFile(
    path,
    await tarOf([
      file('config.json', config),
      file('layer.tar', layer),
      file('manifest.json', encodeJson(list)),
    ]),
  );
  return path;
}

/** A layout whose index.json has these entries. */
async function layout(at: Site, entries: readonly object[], blobs: readonly Uint8Array[]): Promise<string> {
  await mkdir(at.path('l/blobs/sha256'), { recursive: true });
  await writeFile(at.path('l/oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  await writeFile(at.path('l/index.json'), encodeJson({ schemaVersion: 2, manifests: entries }));
  for (const blob of blobs) await writeFile(at.path('l/blobs', digestOf(blob).replace(':', '/')), blob);
  return at.path('l');
}

/** It fails with one line, and leaves nothing. */
async function refused(at: Site, args: readonly string[], message: RegExp): Promise<void> {
  const before = await readdir(at.folder);
  const ran = await at.run(args);
  expect([args, ran.code, ran.err.trimEnd().split('\n').length]).toEqual([args, 1, 1]);
  expect(ran.err).toMatch(message);
  expect(await readdir(at.folder)).toEqual(before);
  expect(at.registry.requests.count({ operation: 'manifest.put' })).toBe(0);
}

/** Entries of layers, and what is said of them. */
const OUTSIDE: readonly (readonly [what: string, entries: readonly TarEntry[], message: RegExp])[] = [
  ['a part ..', [file('../evil', 'x')], /"\.\.\/evil"/],
  ['a part .. in the middle', [file('a/../../evil', 'x')], /\.\./],
  ['a drive', [file('C:\\evil', 'x')], /Windows/],
  [
    'a hard link to nothing',
    [{ name: 'a', type: 'link', mode: 0o644, linkname: '/etc/passwd' }],
    /hard link/,
  ],
  ['a whiteout of ..', [file('a/.wh...', 'x')], /whiteout/],
];

describe('layers that lead outside', () => {
  it.each(OUTSIDE)('%s is refused by export and flatten', async (_, entries, message) => {
    const at = await site();
    const path = await archive(at, entries);
    await refused(at, ['export', `docker-archive:${path}`, at.path('out.tar')], message);
    await refused(at, ['flatten', `docker-archive:${path}`, '-t', `${at.host}/x:1`], message);
  });

  it('links are kept and never followed', async () => {
    const at = await site();
    const path = await archive(at, [
      { name: 'etc', type: 'symlink', mode: 0o777, linkname: '/tmp' },
      file('/etc/x', 'x'),
      file('dup', 'one'),
      file('dup', 'two'),
    ]);
    await at.ok(['export', `docker-archive:${path}`, at.path('out.tar')]);
    const tar = (await readFile(at.path('out.tar'))).toString('latin1');
    expect([tar.includes('two'), tar.includes('one')]).toEqual([true, false]);
    expect((await at.run(['validate', '--tarball', path])).out).toMatch(/^FAIL: .* it has "dup" twice\n$/);
  });
});

describe('archives that lie', () => {
  it.each([
    [{ Config: '../../etc/passwd' }, /passwd/],
    [{ Layers: ['/etc/passwd'] }, /passwd/],
    [{ Layers: ['layer.tar', 'layer.tar'] }, /./],
    [{ Layers: 'x' }, /Layers is not a list/],
    [{ Config: 'absent.json' }, /absent/],
  ])('%j', async (change, message) => {
    const at = await site();
    await refused(at, ['push', await archive(at, [file('a', 'a')], change), `${at.host}/x:1`], message);
  });

  it('a layer of other content than the config says', async () => {
    const at = await site();
    const path = await archive(at, [file('a', 'aaaa')]);
    const bytes = await readFile(path);
    bytes.write('bbbb', bytes.indexOf('aaaa'));
    await writeFile(path, bytes);
    const ran = await at.run(['validate', '--tarball', path]);
    expect([ran.code, ran.out]).toEqual([1, expect.stringContaining('is damaged')]);
  });

  it.each([
    [[link('layer.tar', 'other.tar', 'symlink'), link('other.tar', 'layer.tar', 'symlink')], /in circles/],
    [[link('layer.tar', 'layer.tar', 'link')], /in circles/],
    [[link('layer.tar', '../../../../etc/passwd', 'symlink')], /leads out of the archive/],
    [[link('layer.tar', '/etc/passwd', 'symlink')], /leads out|does not have|passwd/],
  ])('layers that are links: %j', async (entries, message) => {
    const at = await site();
    const path = at.path('links.tar');
    const list = encodeJson([{ Config: 'config.json', RepoTags: ['app:1'], Layers: ['layer.tar'] }]);
    const config = encodeJson({ rootfs: { type: 'layers', diff_ids: [digestOf('x')] } });
    await writeFile(
      path,
      await tarOf([file('config.json', config), ...entries, file('manifest.json', list)]),
    );
    await refused(at, ['push', path, `${at.host}/x:1`], message);
  });

  it('documents of nothing but brackets', async () => {
    const at = await site();
    const deep = `${'['.repeat(2_000_000)}${']'.repeat(2_000_000)}`;
    const path = at.path('deep.tar');
    await writeFile(path, await tarOf([file('manifest.json', deep)]));
    await refused(at, ['push', path, `${at.host}/x:1`], /nested more than 1000 deep/);
    await writeFile(
      path,
      await tarOf([
        file('manifest.json', '[{"Config":"c","Layers":[]}]'),
        file('c', `{"rootfs":{"type":"layers","diff_ids":[]},"a":${deep}}`),
      ]),
    );
    await refused(at, ['push', path, `${at.host}/x:1`], /nested more than 1000 deep/);
  });

  it('sizes and headers that nobody could hold', async () => {
    const at = await site();
    const path = at.path('huge.tar');
    for (const [header, message] of [
      [headerOf('big', 2 ** 62, '0'), /size .* out of range/],
      [headerOf('long', 300 << 20, 'L'), /header of 314572800 bytes/],
      [headerOf('pax', 1 << 30, 'x'), /header of 1073741824 bytes/],
    ] as const) {
      await writeFile(path, Buffer.concat([header, Buffer.alloc(1024)]));
      await refused(at, ['push', path, `${at.host}/x:1`], message);
      await refused(
        at,
        ['append', '--oci-empty-base', '-f', path, '-t', `oci:${at.path('none')}:1`],
        message,
      );
    }
  });

  it('a layer that unpacks to a thousand times its size is carried as it is, and unpacked in passing', async () => {
    const at = await site();
    const layer = gzipSync(
      Buffer.concat([headerOf('zeros', 32 << 20, '0'), Buffer.alloc((32 << 20) + 1024)]),
    );
    const path = at.path('bomb.tar');
    await writeFile(path, layer);
    await at.ok(['append', '--oci-empty-base', '-f', path, '-t', `${at.host}/bomb:1`]);
    const out = at.path('out.tar');
    await at.ok(['export', `${at.host}/bomb:1`, out]);
    expect((await stat(out)).size).toBeGreaterThan(32 << 20);
  });

  it('seals that do not fit', async () => {
    const at = await site({ seed: { app: { '1': { layers: 1 } } } });
    const { bytes } = await at.ok(['mutate', `${at.host}/app:1`, '-o', '-']);
    const changed = Buffer.from(bytes);
    const where = changed.indexOf('random-0.bin') + 1024;
    changed[where] = (changed[where] ?? 0) ^ 1;
    at.registry.requests.clear();
    const ran = await at.run(['push', '-', `${at.host}/x:1`], { input: changed });
    expect([ran.code, at.registry.requests.count({ operation: 'manifest.put' })]).toEqual([1, 0]);
  });
});

describe('layouts that lie', () => {
  const image = (): { readonly descriptor: Descriptor; readonly blobs: readonly Uint8Array[] } => {
    const config = encodeJson({});
    const manifest = encodeJson({
      schemaVersion: 2,
      mediaType: MEDIA_TYPES.ociManifest,
      config: described(MEDIA_TYPES.ociEmpty, config),
      layers: [],
    });
    return { descriptor: described(MEDIA_TYPES.ociManifest, manifest), blobs: [config, manifest] };
  };

  it('sizes, digests and types', async () => {
    const { descriptor, blobs } = image();
    for (const [entry, message] of [
      [{ ...descriptor, size: 3 }, /expected 3 bytes/],
      [{ ...descriptor, size: 1 << 30 }, /SIZE|larger/],
      [{ ...descriptor, digest: 'sha256:../../../../etc/passwd' }, /digest/],
      [{ ...descriptor, digest: `sha256:${'0'.repeat(64)}` }, /does not have/],
      [{ ...descriptor, mediaType: MEDIA_TYPES.ociIndex }, /sent as|mediaType/],
    ] as const) {
      const at = await site();
      await refused(at, ['push', await layout(at, [entry], blobs), `${at.host}/x:1`], message);
    }
  });

  it('blobs that are links, and indexes without end', async () => {
    const { descriptor, blobs } = image();
    const at = await site();
    const path = await layout(at, [descriptor], blobs.slice(0, 1));
    await writeFile(at.path('manifest'), blobs[1] ?? '');
    await symlink(at.path('manifest'), at.path('l/blobs', descriptor.digest.replace(':', '/')));
    await refused(at, ['push', path, `${at.host}/x:1`], /./);

    const deep = await site();
    let entry: Descriptor = descriptor;
    const all = [...blobs];
    for (let depth = 0; depth < 40; depth++) {
      const index = encodeJson({ schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests: [entry] });
      entry = described(MEDIA_TYPES.ociIndex, index);
      all.push(index);
    }
    await refused(deep, ['push', await layout(deep, [entry], all), `${deep.host}/x:1`], /nested/);
  });

  it('indexes that list the same again and again are walked once', async () => {
    const at = await site();
    const config = encodeJson({
      os: 'linux',
      architecture: 'amd64',
      rootfs: { type: 'layers', diff_ids: [] },
    });
    const manifest = encodeJson({
      schemaVersion: 2,
      mediaType: MEDIA_TYPES.ociManifest,
      config: described(MEDIA_TYPES.ociConfig, config),
      layers: [],
    });
    let entry = described(MEDIA_TYPES.ociManifest, manifest);
    const all = [config, manifest];
    for (let depth = 0; depth < 12; depth++) {
      const manifests = Array.from({ length: 20 }, () => entry);
      all.push(encodeJson({ schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests }));
      entry = described(MEDIA_TYPES.ociIndex, all.at(-1) ?? config);
    }
    const place = `oci:${await layout(at, [entry], all)}`;
    const empty = `oci:${at.path('empty')}:1`;
    await at.ok(['append', '--oci-empty-base', '--set-platform', 'linux/amd64', '-t', empty]);
    for (const [tag, ...args] of [
      ['mutate', 'mutate', place, '-l', 'a=b'],
      ['flatten', 'flatten', place],
      ['append', 'append', '-b', place, '--env', 'A=b'],
      ['rebase', 'rebase', place, '--old_base', empty, '--new_base', empty],
    ] as const) {
      at.registry.requests.clear();
      await at.ok([...args, '-t', `${at.host}/x:${tag}`]);
      expect(at.registry.requests.count({ operation: 'manifest.put' })).toBeLessThanOrEqual(13);
    }
    await at.ok(['copy', place, `${at.host}/x:copy`]);
    expect((await at.ok(['validate', place, `${at.host}/x:mutate`])).out).toBe(
      `PASS: ${place}\nPASS: ${at.host}/x:mutate\n`,
    );
  });
});
