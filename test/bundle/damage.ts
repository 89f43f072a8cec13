import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { verifyArchive } from '../../image/archive/index.js';
import { readTar } from '../../image/tar/index.js';
import { streamOf } from '../../oci/index.js';
import { storeSink } from '../../registry/index.js';
import { startRegistry, type TestRegistry } from '../../testing/index.js';
import { command } from '../cli/command.js';
import { bytesOf } from '../helpers/content.js';
import { tempFolder } from '../helpers/temp.js';
import { putImage, putIndex } from '../image/content.js';

/** What a message has to name: an entry, a blob, or a part. */
export const NAMED =
  /blobs\/sha256\/[0-9a-f]{64}|sha256:[0-9a-f]{64}|oci-layout|(?:index|manifest|ocilot-base|ocilot-seal)\.json|its first entry|\.\d{3}\b/;

/** Where archives are packed, and where they may not touch anything. */
export interface Site {
  readonly folder: string;
  /** Where it was packed from. */
  readonly near: TestRegistry;
  readonly far: TestRegistry;
}

/** A bundle of one image for two platforms at the near side, and something else under the same tag at the far side. */
export async function site(): Promise<Site & AsyncDisposable> {
  const folder = await tempFolder();
  const near = await startRegistry();
  const far = await startRegistry();
  const sink = storeSink(near.registry.store, 'images');
  const children = [
    await putImage(sink, { seed: 'a' }),
    await putImage(sink, { seed: 'b', platform: { os: 'linux', architecture: 'arm64' } }),
  ];
  const image = await putIndex(sink, children);
  await mkdir(join(folder, 'app/.imgpkg'), { recursive: true });
  await writeFile(join(folder, 'app/notes.txt'), bytesOf('notes', 3000));
  await writeFile(
    join(folder, 'app/.imgpkg/images.yml'),
    `apiVersion: imgpkg.carvel.dev/v1alpha1\nkind: ImagesLock\nimages:\n- image: ${near.host}/images@${image.digest}\n`,
  );
  await ok('push', '-b', `${near.host}/app:1`, '-f', join(folder, 'app'));
  await putImage(storeSink(far.registry.store, 'app'), { seed: 'old', tags: ['1'] });
  return {
    folder,
    near,
    far,
    [Symbol.asyncDispose]: async () => {
      await near.close();
      await far.close();
    },
  };
}

/** Runs a command line that has to succeed. */
export async function ok(...args: string[]): Promise<void> {
  const { exitCode, written } = await command(args, { env: { HOME: await tempFolder() } });
  expect([exitCode, exitCode === 0 ? '' : written.err]).toEqual([0, '']);
}

/** The bundle in an archive. */
export async function packed({ folder, near }: Site, ...options: string[]): Promise<string> {
  const path = join(folder, 'a.tar');
  await ok('copy', '-b', `${near.host}/app:1`, '--to-tar', path, ...options);
  return path;
}

/** `verify` and `copy` refuse an archive by name, and the far side was only read. */
export async function expectRefused({ far }: Site, path: string, what: string, named = NAMED): Promise<void> {
  const verify = await command(['verify', path]);
  expect([verify.exitCode, verify.written.out], what).toEqual([1, expect.stringMatching(named)]);
  const copy = await command(['copy', '--tar', path, '--to-repo', `${far.host}/app`]);
  expect([copy.exitCode, copy.written.err], what).toEqual([1, expect.stringMatching(named)]);
  expectUntouched(far, what);
}

/** Nobody has tried to write anything there. */
export function expectUntouched(far: TestRegistry, what: string): void {
  const writes = far.requests.filter(({ method }) => !['GET', 'HEAD'].includes(method));
  expect(
    writes.map(({ method, path }) => `${method} ${path}`),
    what,
  ).toEqual([]);
}

/** Where an entry lies. */
export interface Entry {
  readonly name: string;
  readonly begins: number;
  readonly body: number;
  readonly size: number;
}

/** Where the entries of a plain tar lie. */
export async function entriesIn(bytes: Uint8Array): Promise<readonly Entry[]> {
  const entries: Entry[] = [];
  let begins = 0;
  for await (const { header } of readTar(streamOf(bytes))) {
    const size = header.type === 'file' ? header.size : 0;
    entries.push({ name: header.name, begins, body: begins + 512, size });
    begins += 512 + Math.ceil(size / 512) * 512;
  }
  return entries;
}

/** A place in every field of every header, in every body and padding, and in what ends the archive. */
export async function placesIn(bytes: Uint8Array): Promise<readonly number[]> {
  const entries = await entriesIn(bytes);
  const places = entries.flatMap(({ begins, body, size }) => {
    const fields = [0, 99, 100, 108, 116, 124, 135, 136, 147, 148, 155, 156, 157, 257, 263, 265, 345, 511];
    const padding = size % 512 === 0 ? [] : [body + size, body + size + 511 - ((size - 1) % 512) - 1];
    return [...fields.map((field) => begins + field), body, body + size - 1, ...padding];
  });
  return [...new Set([...places, bytes.length - 1024, bytes.length - 512, bytes.length - 1])];
}

/** The same bytes but for one bit. */
export function flipped(bytes: Uint8Array, at: number, bit = at % 8): Buffer {
  const copy = Buffer.from(bytes);
  copy[at] = (copy[at] ?? 0) ^ (1 << bit);
  return copy;
}

/** A whole archive, or one that relies on what an inventory has. */
export async function archiveOf(place: Site, kind: 'differential' | 'whole'): Promise<Buffer> {
  const have = join(place.folder, 'have');
  if (kind === 'differential') await ok('inventory', `${place.near.host}/images`, '--to', have);
  return await readFile(await packed(place, ...(kind === 'differential' ? ['--have', have] : [])));
}

/** The changes of an archive that `verify` does not find, or of which it does not say where they are. */
export async function overlooked(
  changes: Iterable<readonly [what: string, bytes: Uint8Array]>,
): Promise<string[]> {
  const wrong: string[] = [];
  for (const [what, bytes] of changes) {
    // oxlint-disable-next-line no-await-in-loop -- the memory of one
    const { problems } = await verifyArchive(bytes);
    const said = problems.map(({ reason }) => reason).join('\n');
    if (!NAMED.test(said)) wrong.push(`${what}: ${said}`);
  }
  return wrong;
}
