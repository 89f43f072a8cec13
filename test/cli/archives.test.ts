import { readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseInventory, readInventory } from '../../bundle/inventory/index.js';
import { verifyArchive } from '../../image/archive/index.js';
import { createLayout } from '../../image/layout/index.js';
import { openStore, storeSink } from '../../registry/index.js';
import { startRegistry, type TestRegistry } from '../../testing/index.js';
import { tempFolder } from '../helpers/temp.js';
import { putImage, putIndex } from '../image/content.js';
import { fixture } from '../image/tar/helpers.js';
import { command } from './command.js';
import { start } from './run.js';

/** A registry with two versions of an app that share an image. */
async function near(): Promise<TestRegistry> {
  const registry = await startRegistry();
  const sink = storeSink(registry.registry.store, 'app');
  const shared = await putImage(sink, { seed: 'shared' });
  for (const version of ['1', '2']) {
    const own = await putImage(sink, {
      seed: `own-${version}`,
      platform: { os: 'linux', architecture: 'arm64' },
    });
    await putIndex(sink, [shared, own], { tags: [version] });
  }
  return registry;
}

async function archive(): Promise<string> {
  await using registry = await near();
  const path = join(await tempFolder(), 'app.tar');
  const { exitCode, written } = await command([
    'image',
    'copy',
    `${registry.host}/app:1`,
    `oci-archive:${path}:${registry.host}/app:1`,
  ]);
  expect(written.err).toContain('copied');
  expect(exitCode).toBe(0);
  return path;
}

describe('ocilot verify', () => {
  it('ends with 0 for a whole archive and tells of its seal', async () => {
    const path = await archive();
    const { written, exitCode } = await command(['verify', path]);
    expect(exitCode).toBe(0);
    expect(written.out).toMatch(
      /app\.tar: 7 manifests and blobs \(.*\) are right, its seal holds for every byte\n$/,
    );
    const json = await command(['verify', '-o', 'json', path]);
    expect(JSON.parse(json.written.out)).toMatchObject({ file: path, sealed: true, blobs: 7, problems: [] });
    const piped = await command(['verify', '-'], { input: await readFile(path) });
    expect(piped.written.out).toContain('its seal holds');
  });

  it('ends with 1 and names what is damaged', async () => {
    const path = await archive();
    const bytes = await readFile(path);
    bytes[600] = (bytes[600] ?? 0) ^ 1;
    await writeFile(path, bytes);
    const { written, exitCode } = await command(['verify', path]);
    expect(exitCode).toBe(1);
    expect(written.out).toContain('damaged: the seal ocilot-seal.json');
    await writeFile(path, bytes.subarray(0, 3000));
    const cut = await command(['verify', '-o', 'json', path]);
    expect(cut.exitCode).toBe(1);
    const { problems } = JSON.parse(cut.written.out) as { problems: { reason: string }[] };
    expect(problems[0]?.reason).toContain('blobs/sha256/');
  });

  it('says of an archive of another tool that it has no seal, and ends with 4 where one is asked for', async () => {
    const path = join(await tempFolder(), 'idx.tar');
    await writeFile(path, fixture('idx.oci.tar'));
    const { written, exitCode } = await command(['verify', path]);
    expect(exitCode).toBe(0);
    expect(written.out).toContain('it has no seal: only content was checked');
    expect((await command(['verify', '--require-seal', path])).exitCode).toBe(4);
  });

  it('ends with 2 for what is no archive', async () => {
    const path = join(await tempFolder(), 'a.tar');
    expect((await command(['verify', path])).exitCode).toBe(2);
    await writeFile(path, Buffer.alloc(1024));
    expect((await command(['verify', path])).exitCode).toBe(2);
  });
});

describe('ocilot inventory', () => {
  it('counts a registry, a repository, an image, a layout and an archive', async () => {
    await using registry = await near();
    const folder = await tempFolder();
    const layout = join(folder, 'layout');
    await putImage(await createLayout(layout), { seed: 'x', tags: ['1'] });
    const count = async (...args: string[]): Promise<[number, number, number]> => {
      const { exitCode, bytes, written } = await command(['inventory', ...args]);
      expect([exitCode, written.err]).toEqual([0, expect.stringMatching(/ in \d/) as string]);
      const { bundles, manifests, blobs } = parseInventory(bytes, 'x');
      return [bundles.size, manifests.size, blobs.size];
    };
    expect(await count(registry.host)).toEqual([0, 5, 6]);
    expect(await count(`${registry.host}/app`)).toEqual([0, 5, 6]);
    expect(await count(`${registry.host}/app:1`)).toEqual([0, 3, 4]);
    expect(await count('--ids', `${registry.host}/app`)).toEqual([2, 0, 0]);
    expect(await count(layout)).toEqual([0, 1, 2]);
    expect(await count(`oci:${layout}:1`, `${registry.host}/app:1`)).toEqual([0, 4, 6]);
    expect(await count(await archive())).toEqual([0, 3, 4]);
  });

  it('refuses a damaged archive, and leaves the file alone', async () => {
    const path = await archive();
    const to = join(await tempFolder(), 'have');
    await writeFile(path, (await readFile(path)).subarray(0, 2000));
    expect((await command(['inventory', path, '--to', to])).exitCode).toBe(1);
    await expect(readFile(to)).rejects.toThrow('ENOENT');
  });
});

describe('an update over the gap', () => {
  it('packs what is missing, in parts, is checked on the way, and is loaded on its base only', async () => {
    await using registry = await near();
    await using far = await startRegistry();
    await using other = await startRegistry();
    const folder = await tempFolder();
    const [have, update] = [join(folder, 'far.inventory'), join(folder, 'update.tar')];
    const ok = async (...args: string[]): Promise<string> => {
      const { exitCode, written } = await command(args);
      expect([exitCode, exitCode === 0 ? '' : written.err]).toEqual([0, '']);
      return written.out + written.err;
    };
    await ok('image', 'copy', `${registry.host}/app:1`, `${far.host}/app:1`);
    expect(await ok('inventory', `${far.host}/app`, '--to', have)).toContain('3 manifests and 4 blobs');
    expect((await readInventory(have)).of).toEqual([`${far.host}/app`]);
    const pack = ['image', 'copy', '--have', have, '--split', '4KiB', `${registry.host}/app:2`];
    expect(await ok(...pack, `oci-archive:${update}:2`)).toContain('2 manifests and 2 blobs');
    const parts = (await readdir(folder)).filter((name) => name.startsWith('update'));
    expect(parts.length).toBeGreaterThan(1);

    expect(await ok('verify', update)).toContain(`it relies on 1 manifest and 0 blobs of ${far.host}/app`);
    expect(await ok('verify', update, '--at', `${far.host}/app`)).toContain(`which ${far.host}/app has`);
    const elsewhere = await command(['verify', update, '--at', `${other.host}/app`, '-o', 'json']);
    expect(elsewhere.exitCode).toBe(4);
    const { missing } = JSON.parse(elsewhere.written.out) as { missing: string[] };
    expect(missing).toHaveLength(1);

    const refused = await command(['image', 'copy', `oci-archive:${update}:2`, `${other.host}/app:2`]);
    expect(refused.exitCode).toBe(1);
    expect(refused.written.err).toContain(String(missing[0]));
    expect(other.requests.filter(({ method }) => method !== 'GET' && method !== 'HEAD')).toEqual([]);

    const [part = ''] = parts;
    const bytes = await readFile(join(folder, part));
    await rm(join(folder, part));
    const before = far.requests.length;
    const gone = await command(['image', 'copy', `oci-archive:${update}:2`, `${far.host}/app:2`]);
    expect(gone.written.err).toContain(`${part} is not there`);
    expect([...far.requests].slice(before)).toEqual([]);
    await writeFile(join(folder, part), bytes);

    await ok('image', 'copy', `oci-archive:${update}:2`, `${far.host}/app:2`);
    const digest = async (at: TestRegistry): Promise<string> =>
      await ok('image', 'digest', `${at.host}/app:2`);
    expect(await digest(far)).toBe(await digest(registry));
  });

  it('goes by the ids of what was loaded before', async () => {
    await using registry = await near();
    const folder = await tempFolder();
    const [have, update] = [join(folder, 'ids'), join(folder, 'update.tar')];
    await command(['inventory', '--ids', `${registry.host}/app:1`, '--to', have]);
    const { written } = await command([
      'image',
      'copy',
      '--have',
      have,
      `${registry.host}/app:2`,
      `oci-archive:${update}:2`,
    ]);
    expect(written.err).toContain('2 manifests and 2 blobs');
    expect((await verifyArchive(update)).base?.manifests).toHaveLength(1);
  });

  it('is for archives only', async () => {
    const { exitCode, written } = await command([
      'image',
      'copy',
      '--split',
      '4KiB',
      `oci-archive:${await archive()}`,
      'oci:./nowhere:1',
    ]);
    expect([exitCode, written.err]).toEqual([1, expect.stringContaining('oci-archive:FILE') as string]);
  });
});

describe('ocilot serve and archives', () => {
  const URL_LINE = /^http:\/\/127\.0\.0\.1:\d+(?=\n)/;

  it('serves one as it is, and says where it lies', async () => {
    const path = await archive();
    const running = start(['serve', '--from', path, '--port', '0']);
    const [url] = await running.said(URL_LINE);
    const answer = await fetch(`${url}/v2/app/manifests/1`);
    expect(answer.status).toBe(200);
    await answer.arrayBuffer();
    expect((await fetch(`${url}/v2/app/blobs/uploads/`, { method: 'POST' })).status).toBe(403);
    running.child.kill('SIGTERM');
    expect(await running.ended).toMatchObject({ code: 0, out: `${url}\ndata: ${path}, read-only\n` });
  });

  it('takes one in at the start, more than once', async () => {
    const path = await archive();
    const data = join(await tempFolder(), 'data');
    for (const times of [1, 2]) {
      const running = start(['serve', '--load', path, '--data', data, '--port', '0']);
      const [url] = await running.said(URL_LINE);
      expect((await fetch(`${url}/v2/app/manifests/1`)).status, `start ${times}`).toBe(200);
      running.child.kill('SIGTERM');
      expect((await running.ended).code).toBe(0);
    }
  });

  it('takes in nothing of a damaged one, and ends', async () => {
    const path = await archive();
    const bytes = await readFile(path);
    bytes[bytes.length - 2000] = (bytes[bytes.length - 2000] ?? 0) ^ 1;
    await writeFile(path, bytes);
    const data = join(await tempFolder(), 'data');
    const { code, err } = await start(['serve', '--load', path, '--data', data, '--port', '0']).ended;
    expect([code, err]).toEqual([1, expect.stringContaining('nothing of it is used') as string]);
    const store = await openStore({ kind: 'auto', folder: data });
    expect(await store.repositories.exists('app')).toBe(false);
    await store.close();
  });
});
