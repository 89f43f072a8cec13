import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { createLayout, layoutGc, openLayout } from '../../../image/layout/index.js';
import { digestOf, type Descriptor } from '../../../oci/index.js';
import { tempFolder } from '../../helpers/temp.js';
import { all, blobFrom, putImage } from '../content.js';

const SCRIPT = `
import { createLayout } from './image/layout/index.js';
import { withLock } from './image/layout/lock.js';
import { lockOf } from './image/layout/workplace.js';
import { blobFrom, putImage } from './test/image/content.js';
const [, , work, folder, name] = process.argv;
const sink = await createLayout(folder);
if (work === 'write') {
  for (let at = 0; at < 10; at++) await putImage(sink, { seed: 'same', tags: [name + '-' + at] });
  await sink.finish();
  console.log('done');
} else if (work === 'half') {
  await sink.putBlob(blobFrom('text/plain', Buffer.from('whole')));
  const whole = blobFrom('text/plain', Buffer.alloc(4 << 20, 'half'));
  await sink.putBlob({ ...whole, open: async () => (async function* () {
    yield Buffer.alloc(3 << 20, 'half');
    yield Buffer.alloc(1 << 10, 'half');
    console.log('half');
    await new Promise((resolve) => setTimeout(resolve, 1e8));
  })() });
} else {
  await withLock(lockOf(folder), async () => {
    console.log('locked');
    await new Promise((resolve) => setTimeout(resolve, 1e8));
  });
}
`;

describe('processes that write a layout', () => {
  let programs: string;
  let program: string;

  beforeAll(async () => {
    programs = await mkdtemp(join(tmpdir(), 'ocilot-test-'));
    program = join(programs, 'writer.mjs');
    await build({
      stdin: { contents: SCRIPT, resolveDir: join(import.meta.dirname, '../../..') },
      outfile: program,
      bundle: true,
      format: 'esm',
      platform: 'node',
      logLevel: 'error',
    });
  });
  afterAll(() => rm(programs, { recursive: true, force: true }));

  /** Starts one, and waits for what it says. */
  async function start(...args: readonly string[]): Promise<{ said: string; kill: () => Promise<void> }> {
    const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
    const exited = once(child, 'exit');
    const kill = async (): Promise<void> => {
      child.kill('SIGKILL');
      await exited;
    };
    onTestFinished(kill);
    const line = once(createInterface({ input: child.stdout }), 'line') as Promise<[string]>;
    const [said] = await Promise.race([line, exited.then(() => ['nothing'])]);
    return { said: said ?? '', kill };
  }

  it('lose no entry of each other', async () => {
    const folder = join(await tempFolder(), 'layout');
    const done = await Promise.all(['a', 'b', 'c'].map((name) => start('write', folder, name)));
    expect(done.map(({ said }) => said)).toEqual(['done', 'done', 'done']);
    expect(await all((await openLayout(folder)).tags())).toHaveLength(30);
    expect((await readdir(folder)).toSorted()).toEqual(['blobs', 'index.json', 'oci-layout']);
  });

  it('and are killed leave whole blobs only, and what a collection clears', async () => {
    const folder = join(await tempFolder(), 'layout');
    const writer = await start('half', folder);
    expect(writer.said).toBe('half');
    await writer.kill();
    const blobs = await readdir(join(folder, 'blobs/sha256'));
    expect(blobs.map((hex) => `sha256:${hex}`)).toEqual([digestOf('whole')]);
    expect(await readFile(join(folder, 'blobs/sha256', blobs[0] ?? ''), 'utf8')).toBe('whole');
    const sink = await createLayout(folder);
    expect(await sink.hasBlob(blobFrom('text/plain', Buffer.alloc(4 << 20, 'half')).descriptor)).toBe(false);
    await putImage(sink, { seed: 'a', tags: ['1'] });
    await sink.finish?.();
    expect((await layoutGc(folder)).removed).toEqual([digestOf('whole')]);
    expect((await readdir(folder)).toSorted()).toEqual(['blobs', 'index.json', 'oci-layout']);
  });

  it('and are killed with the lock in their hands stop nobody', async () => {
    const folder = join(await tempFolder(), 'layout');
    const holder = await start('lock', folder);
    expect(holder.said).toBe('locked');
    await holder.kill();
    const sinks = await Promise.all([createLayout(folder), createLayout(folder), createLayout(folder)]);
    await Promise.all(sinks.map((sink, at) => putImage(sink, { seed: 'a', tags: [`${at}`] })));
    await Promise.all(sinks.map(async (sink) => await sink.finish?.()));
    const index = JSON.parse(await readFile(join(folder, 'index.json'), 'utf8')) as {
      manifests: Descriptor[];
    };
    expect(index.manifests).toHaveLength(3);
  });
});
