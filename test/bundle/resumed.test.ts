import { mkdir, readFile, readdir, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { roomPrefix } from '../../bundle/pull/rooms.js';
import { thisProcess, type ProcessFacts } from '../../image/layout/process.js';
import { storeSink } from '../../registry/index.js';
import { startRegistry, type TestRegistry } from '../../testing/index.js';
import { command } from '../cli/command.js';
import { bytesOf } from '../helpers/content.js';
import { tempFolder } from '../helpers/temp.js';
import { blobFrom } from '../image/content.js';
import { MEDIA_TYPES, describe as describeBytes, encodeJson } from '../../oci/index.js';
import { entriesIn, flipped } from './damage.js';

const SIZE = 100_000;
const MIB = 1 << 20;

/** A registry with an image of one layer of bytes that look random. */
async function near(): Promise<TestRegistry> {
  const registry = await startRegistry();
  const sink = storeSink(registry.registry.store, 'images');
  const layer = blobFrom(MEDIA_TYPES.ociLayer, bytesOf('layer', SIZE));
  const config = blobFrom(MEDIA_TYPES.ociConfig, encodeJson({ architecture: 'amd64', os: 'linux' }));
  for (const blob of [layer, config]) await sink.putBlob(blob);
  const mediaType = MEDIA_TYPES.ociManifest;
  const bytes = encodeJson({
    schemaVersion: 2,
    mediaType,
    config: config.descriptor,
    layers: [layer.descriptor],
  });
  await sink.putManifest(describeBytes(mediaType, bytes), bytes, { tags: ['1'] });
  return registry;
}

/** An archive whose writing was killed in the middle of the layer. */
async function killed(
  registry: TestRegistry,
): Promise<{ order: string[]; path: string; left: string; whole: Buffer; kept: number }> {
  const folder = await tempFolder();
  const path = join(folder, 'a.tar');
  const order = ['copy', '-i', `${registry.host}/images:1`, '--to-tar', path];
  expect((await command(order)).exitCode).toBe(0);
  const whole = await readFile(path);
  const layer = (await entriesIn(whole)).find(({ size }) => size === SIZE);
  const kept = 70_000;
  const left = join(folder, `.a.tar.${'0'.repeat(16)}`);
  await writeFile(left, whole.subarray(0, (layer?.body ?? 0) + kept));
  await writeFile(path, 'old');
  registry.requests.clear();
  return { order: [...order, '--resume'], path, left, whole, kept };
}

const sent = (registry: TestRegistry): number[] =>
  registry.requests
    .filter((request) => request.operation === 'blob.get' && request.method === 'GET' && request.sent > 1000)
    .map((request) => request.sent);

describe('copy --to-tar --resume', () => {
  it('goes on within the blob that a killed process was at', async () => {
    await using registry = await near();
    const { order, path, whole, kept } = await killed(registry);
    const { exitCode, written } = await command(order);
    expect([exitCode, written.err]).toEqual([0, expect.stringMatching(/blobs \(.*\) are there already/)]);
    expect(sent(registry)).toEqual([SIZE - kept]);
    expect((await readFile(path)).equals(whole)).toBe(true);
    expect(await readdir(join(path, '..'))).toEqual(['a.tar']);
  });

  it('throws a damaged beginning away, says so, and the next run is right', async () => {
    await using registry = await near();
    const { order, path, left, whole, kept } = await killed(registry);
    const bytes = await readFile(left);
    await writeFile(left, flipped(bytes, bytes.length - 100));
    const { exitCode, written } = await command(order);
    expect([exitCode, written.err]).toEqual([1, expect.stringContaining('run the same command again')]);
    expect(await readFile(path, 'utf8')).toBe('old');
    expect((await stat(left)).size).toBe(bytes.length - kept);
    expect((await command(order)).exitCode).toBe(0);
    expect(sent(registry)).toEqual([SIZE - kept, SIZE]);
    expect((await readFile(path)).equals(whole)).toBe(true);
    expect(await readdir(join(path, '..'))).toEqual(['a.tar']);
  });

  it('takes nothing but whole blobs from an archive that is somebody’s own', async () => {
    await using registry = await near();
    const { order, path, left, whole } = await killed(registry);
    const cut = await readFile(left);
    await truncate(left, 0);
    await writeFile(path, cut);
    expect((await command(order)).exitCode).toBe(0);
    expect(sent(registry)).toEqual([SIZE]);
    expect((await readFile(path)).equals(whole)).toBe(true);
  });
});

describe('pull', () => {
  const LARGE = 17 * MIB;

  /** A bundle with a layer of more than one piece, and where to pull it to. */
  async function bundle(): Promise<{
    registry: TestRegistry;
    folder: string;
    layer: string;
    order: string[];
    env: Record<string, string>;
  }> {
    const folder = await tempFolder();
    const registry = await startRegistry();
    await mkdir(join(folder, 'app/.imgpkg'), { recursive: true });
    await writeFile(
      join(folder, 'app/.imgpkg/images.yml'),
      'apiVersion: imgpkg.carvel.dev/v1alpha1\nkind: ImagesLock\n',
    );
    const data = Buffer.alloc(LARGE, bytesOf('data', 64 * 1024));
    for (let at = 0; at < LARGE; at += 64 * 1024) data.writeUInt32BE(at, at);
    await writeFile(join(folder, 'app/data'), data);
    const env = { HOME: join(folder, 'home'), XDG_STATE_HOME: join(folder, 'state') };
    const pushed = await command(['push', '-b', `${registry.host}/app:1`, '-f', join(folder, 'app')], {
      env,
    });
    expect([pushed.exitCode, pushed.written.err]).toEqual([0, expect.anything()]);
    const answer = await registry.fetch('/v2/app/manifests/1');
    const { layers } = (await answer.json()) as { layers: { digest: string }[] };
    registry.requests.clear();
    const order = ['pull', '-b', `${registry.host}/app:1`, '-o', join(folder, 'out')];
    return { registry, folder, layer: layers[0]?.digest ?? '', order, env };
  }

  it('goes on with a layer of which a part has come, and keeps nothing afterwards', async () => {
    const { registry, folder, layer, order, env } = await bundle();
    await using _ = registry;
    const whole = Buffer.from(await (await registry.fetch(`/v2/app/blobs/${layer}`)).arrayBuffer());
    const downloads = join(folder, 'state/ocilot/downloads');
    await mkdir(downloads, { recursive: true });
    const kept = join(downloads, layer.replace(':', '-'));
    await writeFile(kept, whole.subarray(0, 12 * MIB));
    registry.requests.clear();
    expect((await command(order, { env })).exitCode).toBe(0);
    expect(sent(registry)).toEqual([whole.length - 12 * MIB]);
    expect((await readFile(join(folder, 'out/data'))).equals(await readFile(join(folder, 'app/data')))).toBe(
      true,
    );
    expect(await readdir(downloads)).toEqual([]);
    // Damaged, it is fetched anew.
    await writeFile(kept, Buffer.alloc(12 * MIB));
    registry.requests.clear();
    expect((await command(order, { env })).exitCode).toBe(0);
    expect(sent(registry).at(-1)).toBe(whole.length);
    expect(await readdir(downloads)).toEqual([]);
  });

  it('needs no home that can be written to', async () => {
    const { registry, folder, order } = await bundle();
    await using _ = registry;
    await writeFile(join(folder, 'file'), '');
    const env = { HOME: join(folder, 'home'), XDG_STATE_HOME: join(folder, 'file') };
    const { exitCode, written } = await command(order, { env });
    expect([exitCode, written.err]).toEqual([0, expect.anything()]);
    expect((await stat(join(folder, 'out/data'))).size).toBe(LARGE);
  });

  it('clears away what a killed one left, and brings back the folder that it had moved', async () => {
    const { registry, folder, layer, order, env } = await bundle();
    await using _ = registry;
    const out = join(folder, 'out');
    const room = join(folder, `${roomPrefix(out)}0123456789ab`);
    const ownedBy = (owner: ProcessFacts): Promise<void> =>
      writeFile(join(room, 'owner'), JSON.stringify(owner));
    await mkdir(join(room, 'old'), { recursive: true });
    await writeFile(join(room, 'old/file'), 'old');
    registry.faults.add({
      match: { operation: 'blob.get', digest: layer },
      fault: { kind: 'status', status: 403 },
    });
    // One that runs still.
    await ownedBy(thisProcess());
    expect((await command(order, { env })).exitCode).toBe(1);
    expect(await readdir(room)).toEqual(['old', 'owner']);
    await ownedBy({ ...thisProcess(), start: 'long ago' });
    expect((await command(order, { env })).exitCode).toBe(1);
    expect(await readFile(join(out, 'file'), 'utf8')).toBe('old');
    expect((await readdir(folder)).toSorted()).toEqual(['app', 'out', 'state']);
  });
});
