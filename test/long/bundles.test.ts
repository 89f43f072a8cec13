import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readFile, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { onTestFinished, describe, expect, it } from 'vitest';
import { clearDeadLocks } from '../../image/layout/lock.js';
import type { Sink } from '../../image/media.js';
import {
  MEDIA_TYPES,
  describe as descriptorOf,
  digestOf,
  encodeJson,
  streamOf,
  type Descriptor,
} from '../../oci/index.js';
import { openStore, storeSink } from '../../registry/index.js';
import { bytesOf } from '../helpers/content.js';
import { isMeasured, startMeasured, type Measured } from '../helpers/measured.js';
import { Meter } from '../helpers/meter.js';
import { Random } from '../helpers/storage/random.js';
import { tempFolder } from '../helpers/temp.js';

const SCALE = Number(process.env.SCALE ?? 1);
const SEED = Number(process.env.SEED ?? 1);
const MIB = 1 << 20;
/** Of all layers together. */
const LAYERS = 256 * MIB * SCALE;
const IMAGES = 40;
const ARCHITECTURES = ['amd64', 'arm64'];
/** Of a file in the bundle itself: more than two pieces of an upload. */
const CONFIG = 40 * MIB;
/** What may be sent twice of one blob. */
const CHUNK = 16 * MIB;
/** What a process may have in memory. */
const MEMORY = 256 * MIB;
/** How often each step is killed. */
const KILLS = 3;

/** Bytes that nothing makes shorter, of their own for each name. */
function content(name: string, size: number): Buffer {
  const piece = bytesOf(name, 64 * 1024);
  const bytes = Buffer.alloc(size, piece);
  // No two pieces are the same.
  for (let at = 0; at < size; at += piece.length) bytes.writeUInt32BE(at, Math.min(at, size - 4));
  return bytes;
}

async function put(sink: Sink, mediaType: string, bytes: Uint8Array): Promise<Descriptor> {
  const descriptor = descriptorOf(mediaType, bytes);
  await sink.putBlob({ descriptor, open: async () => streamOf(bytes) });
  return descriptor;
}

async function putDocument(sink: Sink, document: { readonly mediaType: string }): Promise<Descriptor> {
  const bytes = encodeJson({ schemaVersion: 2, ...document });
  const descriptor = descriptorOf(document.mediaType, bytes);
  await sink.putManifest(descriptor, bytes);
  return descriptor;
}

/** Puts the images into a data folder: a quarter of their bytes is shared, a layer for each platform. */
async function putImages(folder: string): Promise<Descriptor[]> {
  const store = await openStore({ kind: 'auto', folder });
  try {
    const sink = storeSink(store, 'images');
    const shared = new Map<string, Descriptor>();
    for (const architecture of ARCHITECTURES) {
      const bytes = content(`base-${architecture}`, LAYERS / 4 / ARCHITECTURES.length);
      shared.set(architecture, await put(sink, MEDIA_TYPES.ociLayer, bytes));
    }
    const indexes: Descriptor[] = [];
    for (let image = 0; image < IMAGES; image++) {
      const manifests: Descriptor[] = [];
      for (const architecture of ARCHITECTURES) {
        const size = Math.floor(((LAYERS / 4) * 3) / IMAGES / ARCHITECTURES.length);
        const own = await put(sink, MEDIA_TYPES.ociLayer, content(`${SEED}-${image}-${architecture}`, size));
        const layers = [shared.get(architecture) ?? own, own];
        const diffs = layers.map(({ digest }) => digest);
        const config = await put(
          sink,
          MEDIA_TYPES.ociConfig,
          encodeJson({ architecture, os: 'linux', rootfs: { type: 'layers', diff_ids: diffs } }),
        );
        const made = await putDocument(sink, { mediaType: MEDIA_TYPES.ociManifest, config, layers } as {
          mediaType: string;
        });
        manifests.push({ ...made, platform: { os: 'linux', architecture } });
      }
      indexes.push(
        await putDocument(sink, { mediaType: MEDIA_TYPES.ociIndex, manifests } as { mediaType: string }),
      );
    }
    return indexes;
  } finally {
    await store.close();
  }
}

/** A folder with a list of the images, small files, and a large one. */
async function writeBundle(folder: string, images: readonly Descriptor[], host: string): Promise<void> {
  await mkdir(join(folder, '.imgpkg'), { recursive: true });
  const list = images.map(({ digest }) => `- image: ${host}/images@${digest}\n`).join('');
  await writeFile(
    join(folder, '.imgpkg/images.yml'),
    `apiVersion: imgpkg.carvel.dev/v1alpha1\nkind: ImagesLock\nimages:\n${list}`,
  );
  for (let at = 0; at < 200; at++) {
    const path = join(folder, `part-${at % 10}`);
    await mkdir(path, { recursive: true });
    await writeFile(join(path, `${at}.yml`), `number: ${at}\n`);
  }
  await writeFile(join(folder, 'data.bin'), content('data', CONFIG));
}

/** Where commands run: their home, and the figures of all of them. */
class Site {
  readonly folder: string;
  readonly rows: string[] = [];
  #runs = 0;

  constructor(folder: string) {
    this.folder = folder;
    onTestFinished(() => void process.stdout.write(`${this.rows.join('\n')}\n`));
  }

  at(...path: string[]): string {
    return join(this.folder, ...path);
  }

  start(...args: string[]): Measured {
    const measured = startMeasured(args, {
      home: this.at('home'),
      peakFile: this.at(`peak-${this.#runs++}`),
    });
    onTestFinished(() => {
      measured.child.kill('SIGKILL');
    });
    return measured;
  }

  /** Serves a data folder, with a meter before it. */
  async serve(name: string): Promise<Served> {
    const server = this.start('serve', '--data', this.at(name), '--port', '0', '--print-url');
    while (!server.said.out.includes('\n')) {
      expect(server.child.exitCode, server.said.err).toBe(null);
      await delay(5);
    }
    const url = server.said.out.trim();
    const meter = await Meter.before(url);
    const end = async (): Promise<void> => {
      await meter[Symbol.asyncDispose]();
      server.child.kill('SIGTERM');
      await this.succeeds(`serve ${name}`, server);
    };
    return { url, meter, end };
  }

  /** Waits for the end of a process, which has to be a good one. */
  async succeeds(what: string, process: Measured): Promise<void> {
    const { code, signal } = await process.ended;
    expect([code, signal], `${what}: ${process.said.err}`).toEqual([0, null]);
    expect(process.said.err, what).not.toContain('Warning');
    this.noteMemory(what, process.peak());
  }

  noteMemory(what: string, peak: number | undefined): void {
    if (peak === undefined) return;
    this.rows.push(`${what}: at most ${Math.round(peak / MIB)} MiB in memory`);
    expect(peak, `memory of ${what}`).toBeLessThan(MEMORY);
  }

  /** Runs a command undisturbed. Returns the bytes of blobs that it moved. */
  async undisturbed(meter: Meter, ...args: string[]): Promise<number> {
    meter.clear();
    await this.succeeds(args[0] ?? '', this.start(...args, '--progress', 'none'));
    return meter.moved;
  }

  /**
   * Kills a command again and again, each time further on, and then lets it end.
   * @param moved bytes that it moves when nobody disturbs it
   * @returns the most bytes of a blob that were sent again after it was killed once
   */
  async killed({ url, meter }: Served, moved: number, args: readonly string[]): Promise<number> {
    const random = new Random(SEED * 1000 + this.#runs);
    const points = Array.from({ length: KILLS }, () => 0.03 + 0.94 * random.next()).toSorted((a, b) => a - b);
    const order = [...args, '--progress', 'none'];
    meter.clear();
    const cuts = new Map<string, number>();
    for (const point of points) {
      const before = new Map([...meter.up, ...meter.down]);
      const run = this.start(...order);
      let peak: number | undefined;
      meter.at(point * moved, () => {
        peak = run.peak();
        run.child.kill('SIGKILL');
      });
      const { signal } = await run.ended;
      expect(signal, `${args[0]} is killed at ${point}: ${run.said.err}`).toBe('SIGKILL');
      this.noteMemory(`${args[0]} until it was killed`, peak);
      for (const [name, bytes] of [...meter.up, ...meter.down])
        if (bytes > (before.get(name) ?? 0)) cuts.set(name, (cuts.get(name) ?? 0) + 1);
    }
    await this.succeeds(`${args[0]} again`, this.start(...order));
    const again = await Promise.all(
      [...meter.up, ...meter.down].map(
        async ([name, bytes]) => (bytes - (await sizeOf(url, name))) / (cuts.get(name) ?? 1),
      ),
    );
    // One request, and all of them together: an upload that is forgotten begins anew under another name.
    const most = Math.max(meter.again, ...again);
    this.rows.push(
      `${args[0]}: killed at ${points.map((point) => `${Math.round(point * 100)}%`).join(', ')} of ${(moved / MIB).toFixed(1)} MiB; ` +
        `${(most / MIB).toFixed(1)} MiB of a blob sent again at most each time, ${((meter.moved - moved) / MIB).toFixed(1)} MiB of all`,
    );
    return most;
  }
}

interface Served {
  /** Past the meter. */
  readonly url: string;
  readonly meter: Meter;
  /** Ends it, and looks at its memory. */
  readonly end: () => Promise<void>;
}

/** The bytes of a blob, in whichever repository; 0 for what no blob was made of. */
async function sizeOf(url: string, digest: string): Promise<number> {
  for (const repository of ['images', 'app', 'again']) {
    const { ok, headers } = await fetch(`${url}/v2/${repository}/blobs/${digest}`, { method: 'HEAD' });
    if (ok) return Number(headers.get('content-length'));
  }
  return 0;
}

async function digestOfFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const bytes of createReadStream(path)) hash.update(bytes as Buffer);
  return hash.digest('hex');
}

/** What stands in a folder: paths, rights and digests. */
async function tree(folder: string): Promise<Record<string, string>> {
  const names = (await readdir(folder, { recursive: true })).toSorted();
  const entries = await Promise.all(
    names.map(async (name) => {
      const found = await stat(join(folder, name));
      const text = found.isFile() ? digestOf(await readFile(join(folder, name))) : 'a folder';
      return [name, `${found.mode.toString(8)} ${text}`] as const;
    }),
  );
  return Object.fromEntries(entries);
}

/** Everything in a repository: what its tags lead to, and all that is below. */
async function contentOf(url: string, repository: string): Promise<Record<string, string>> {
  const base = `${url}/v2/${repository}`;
  const { tags } = (await (await fetch(`${base}/tags/list`)).json()) as { tags: string[] };
  const found: Record<string, string> = {};
  const seen = new Set<string>();
  const look = async (reference: string): Promise<string> => {
    const answer = await fetch(`${base}/manifests/${reference}`, {
      headers: { accept: Object.values(MEDIA_TYPES).join(', ') },
    });
    expect(answer.status, `${repository}: ${reference}`).toBe(200);
    const bytes = Buffer.from(await answer.arrayBuffer());
    const digest = digestOf(bytes);
    if (seen.has(digest)) return digest;
    seen.add(digest);
    const document = JSON.parse(bytes.toString()) as Partial<
      Record<'layers' | 'manifests', Descriptor[]> & { config: Descriptor }
    >;
    for (const child of document.manifests ?? []) await look(child.digest);
    for (const blob of [document.config ?? [], document.layers ?? []].flat()) {
      const { status, headers } = await fetch(`${base}/blobs/${blob.digest}`, { method: 'HEAD' });
      found[blob.digest] = `${status} ${headers.get('content-length')}`;
      expect(found[blob.digest], blob.digest).toBe(`200 ${blob.size}`);
    }
    return digest;
  };
  for (const tag of tags) found[tag] = await look(tag);
  return found;
}

/** The bytes of all files in a folder. */
async function bytesIn(folder: string): Promise<number> {
  const names = await readdir(folder, { recursive: true }).catch(() => []);
  const sizes = names.map(async (name) => {
    const found = await stat(join(folder, name)).catch(() => undefined);
    return found?.isFile() === true ? found.size : 0;
  });
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

describe('a bundle on its way over an air gap', () => {
  it(`is not hurt by kill -9 at any step: ${IMAGES} images with ${LAYERS / MIB} MiB of layers`, async () => {
    if (!isMeasured) process.stdout.write('memory is not looked at: this system does not tell of it\n');
    const site = new Site(await tempFolder());
    const images = await putImages(site.at('near'));
    const near = await site.serve('near');
    await writeBundle(site.at('bundle'), images, near.meter.host);

    const push = (to: string): string[] => [
      'push',
      '-b',
      `${near.meter.host}/${to}:v1`,
      '-f',
      site.at('bundle'),
    ];
    const pushed = await site.undisturbed(near.meter, ...push('app'));
    expect(await site.killed(near, pushed, push('again'))).toBeLessThanOrEqual(CHUNK);
    expect(await contentOf(near.url, 'again')).toEqual(await contentOf(near.url, 'app'));

    await mkdir(site.at('tar'));
    const pack = (name: string): string[] => [
      'copy',
      '-b',
      `${near.meter.host}/app:v1`,
      '--to-tar',
      site.at('tar', name),
    ];
    const packed = await site.undisturbed(near.meter, ...pack('whole.tar'));
    const again = await site.killed(near, packed, [...pack('killed.tar'), '--resume']);
    expect(again).toBeLessThanOrEqual(CHUNK);
    expect((await readdir(site.at('tar'))).toSorted()).toEqual(['killed.tar', 'whole.tar']);
    expect(await digestOfFile(site.at('tar/killed.tar'))).toBe(await digestOfFile(site.at('tar/whole.tar')));
    await near.end();

    const load = (to: Served): string[] => [
      'copy',
      '--tar',
      site.at('tar/killed.tar'),
      '--to-repo',
      `${to.meter.host}/app`,
    ];
    const other = await site.serve('other');
    const loaded = await site.undisturbed(other.meter, ...load(other));
    const expected = await contentOf(other.url, 'app');
    await other.end();
    const far = await site.serve('far');
    expect(await site.killed(far, loaded, load(far))).toBeLessThanOrEqual(CHUNK);
    expect(await contentOf(far.url, 'app')).toEqual(expected);

    await mkdir(site.at('out'));
    const pull = (name: string): string[] => [
      'pull',
      '-b',
      `${far.meter.host}/app:v1`,
      '-o',
      site.at('out', name),
    ];
    const pulled = await site.undisturbed(far.meter, ...pull('whole'));
    expect(await site.killed(far, pulled, pull('killed'))).toBeLessThanOrEqual(CHUNK);
    const whole = await tree(site.at('out/whole'));
    expect(await tree(site.at('out/killed'))).toEqual(whole);
    // Once more, over what is there, until files are being written.
    const there = await bytesIn(site.at('out'));
    const writing = site.start(...pull('killed'), '--progress', 'none');
    while (writing.child.exitCode === null && (await bytesIn(site.at('out'))) < there + CONFIG / 4)
      await delay(1);
    writing.child.kill('SIGKILL');
    expect((await writing.ended).signal, 'pull is killed while it writes files').toBe('SIGKILL');
    expect(await tree(site.at('out/killed'))).toEqual(whole);
    expect(await site.undisturbed(far.meter, ...pull('killed')), 'what came is taken again').toBeLessThan(
      MIB,
    );
    expect(await tree(site.at('out/killed'))).toEqual(whole);
    expect((await readdir(site.at('out'))).toSorted()).toEqual(['killed', 'whole']);
    await far.end();

    // But for locks of the dead, which whoever comes next takes away.
    await clearDeadLocks(site.at('home/.local/state/ocilot/locks'));
    expect(await bytesIn(site.at('home')), 'nothing is kept at home').toBe(0);
  });
});
