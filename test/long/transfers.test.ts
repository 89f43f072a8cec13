import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { createLayout, openLayout } from '../../image/layout/index.js';
import type { Sink } from '../../image/media.js';
import {
  Digester,
  MEDIA_TYPES,
  describe as descriptorOf,
  encodeJson,
  streamOf,
  type Descriptor,
} from '../../oci/index.js';
import { startRegistry, type TestRegistry } from '../../testing/index.js';
import { tempFolder } from '../helpers/temp.js';

const SCALE = Number(process.env.SCALE ?? 1);
const MIB = 1 << 20;
const SIZE = 256 * MIB * SCALE;
/** What may be sent twice of one blob. */
const CHUNK = 16 * MIB;
const PROGRAM = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));

/** Bytes that no compression and no luck makes shorter, the same in every run. */
function* content(): Generator<Uint8Array> {
  const piece = Buffer.alloc(MIB);
  for (let at = 0; at < SIZE; at += MIB) {
    piece.fill((at / MIB) % 251);
    piece.writeUInt32BE(at / MIB);
    yield Buffer.from(piece);
  }
}

async function putImage(sink: Sink): Promise<Descriptor> {
  const digester = new Digester();
  for (const chunk of content()) digester.update(chunk);
  const layer: Descriptor = { mediaType: MEDIA_TYPES.ociLayer, digest: digester.digest(), size: SIZE };
  await sink.putBlob({
    descriptor: layer,
    open: async () =>
      (async function* open() {
        yield* content();
      })(),
  });
  const config = encodeJson({
    architecture: 'amd64',
    os: 'linux',
    rootfs: { type: 'layers', diff_ids: [layer.digest] },
  });
  const described = descriptorOf(MEDIA_TYPES.ociConfig, config);
  await sink.putBlob({ descriptor: described, open: async () => streamOf(config) });
  const mediaType = MEDIA_TYPES.ociManifest;
  const bytes = encodeJson({ schemaVersion: 2, mediaType, config: described, layers: [layer] });
  const manifest = descriptorOf(mediaType, bytes);
  await sink.putManifest(manifest, bytes, { tags: ['1'], top: true });
  await sink.finish?.();
  return layer;
}

interface Site {
  readonly folder: string;
  readonly registry: TestRegistry;
  /** Runs the program; its state is in the folder. */
  readonly run: (...args: string[]) => ChildProcess;
}

async function site(): Promise<Site & AsyncDisposable> {
  expect(existsSync(PROGRAM), 'the program is built').toBe(true);
  const folder = await tempFolder();
  const registry = await startRegistry({ storage: { kind: 'auto', folder: join(folder, 'data') } });
  return {
    folder,
    registry,
    run: (...args) =>
      spawn(process.execPath, [PROGRAM, 'image', ...args, '--progress', 'none'], {
        env: { PATH: process.env.PATH, HOME: folder, XDG_STATE_HOME: join(folder, 'state') },
        stdio: ['ignore', 'ignore', 'pipe'],
      }),
    [Symbol.asyncDispose]: () => registry.close(),
  };
}

/** Waits for the end of a command, and expects it to be a good one. */
async function succeeds(child: ChildProcess): Promise<void> {
  let said = '';
  child.stderr?.on('data', (text: Buffer) => (said += text.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  expect(code, said).toBe(0);
}

/** Kills a command when something has come so far. */
async function killWhen(child: ChildProcess, reached: () => Promise<boolean>): Promise<void> {
  const ended = once(child, 'close');
  while (child.exitCode === null && !(await reached())) await delay(5);
  expect(child.exitCode, 'it is killed before it ends').toBe(null);
  child.kill('SIGKILL');
  await ended;
}

/** The bytes of the largest file below a folder; 0 without one. */
async function largest(folder: string): Promise<number> {
  const names = await readdir(folder, { recursive: true }).catch(() => []);
  const sizes = await Promise.all(
    names.map(async (name) => (await stat(join(folder, name)).catch(() => undefined))?.size ?? 0),
  );
  return Math.max(0, ...sizes);
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);

describe('a transfer that is killed', () => {
  it(`goes on with a push of ${SIZE / MIB} MiB where it broke off`, async () => {
    await using place = await site();
    const { folder, registry, run } = place;
    const layer = await putImage(await createLayout(join(folder, 'layout')));
    const order = ['copy', `oci:${join(folder, 'layout')}:1`, `${registry.host}/app:1`];
    const uploads = join(folder, 'data', 'uploads');
    await killWhen(run(...order), async () => (await largest(uploads)) > 0.4 * SIZE);
    const before = sum(registry.requests.filter({ status: 202 }).map(({ received }) => received));
    expect(before).toBeGreaterThan(0);
    registry.requests.clear();
    await succeeds(run(...order));
    const after = sum([...registry.requests].map(({ received }) => received));
    expect(after).toBeLessThan(SIZE - before + CHUNK + MIB);
    const answer = await registry.fetch(`/v2/app/blobs/${layer.digest}`, { method: 'HEAD' });
    expect(answer.headers.get('content-length')).toBe(String(SIZE));
  });

  it(`goes on with a pull of ${SIZE / MIB} MiB where it broke off`, async () => {
    await using place = await site();
    const { folder, registry, run } = place;
    const made = join(folder, 'made');
    const layer = await putImage(await createLayout(made));
    await succeeds(run('copy', `oci:${made}:1`, `${registry.host}/app:1`));
    const layout = join(folder, 'layout');
    const order = ['copy', `${registry.host}/app:1`, `oci:${layout}:1`];
    await killWhen(run(...order), async () => (await largest(layout)) > 0.4 * SIZE);
    const before = await largest(layout);
    registry.requests.clear();
    await succeeds(run(...order));
    const sent = sum(registry.requests.filter({ operation: 'blob.get' }).map((request) => request.sent));
    expect(sent).toBeLessThan(SIZE - before + CHUNK + MIB);
    const source = await openLayout(layout);
    expect(await source.resolve('1')).toMatchObject({ mediaType: MEDIA_TYPES.ociManifest });
    const digester = new Digester();
    for await (const chunk of await source.blob(layer)) digester.update(chunk);
    expect(digester.digest()).toBe(layer.digest);
    const index = await readFile(join(layout, 'index.json'), 'utf8');
    expect(JSON.parse(index)).toMatchObject({ manifests: [{ mediaType: MEDIA_TYPES.ociManifest }] });
  });
});
