import { chmod, lstat, mkdir, readdir, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { listenControl } from '../../../registry/index.js';
import { askServer, type ControlRequest } from '../../../registry/operations/control-client.js';
import { controlPath, placeControl } from '../../../registry/operations/control-path.js';
import { resultOf, type JobLine } from '../../../registry/operations/jobs.js';
import { tempFolder } from '../../helpers/temp.js';
import { open, deferred } from '../helpers.js';

/** A server on a socket that answers whatever comes with these bytes. */
async function fakeServer(path: string, answer: string): Promise<Server> {
  const server = createServer((socket) => socket.once('data', () => socket.end(answer)));
  await new Promise<void>((resolve) => server.listen(path, resolve));
  onTestFinished(() => void server.close());
  return server;
}

/** What the server of a folder answers; there must be one. */
async function ask(folder: string, request: ControlRequest): Promise<AsyncIterable<JobLine>> {
  const lines = await askServer(folder, request);
  if (lines === undefined) throw new Error('nobody answers');
  return lines;
}

describe('the control socket', () => {
  it("is its owner's alone, does what is asked and goes with its server", async () => {
    await using site = await open({ access: { mode: 'basic', users: { alice: 'secret' } } });
    const folder = await tempFolder();
    const control = await listenControl(site.registry, folder);
    expect((await lstat(join(folder, 'control.sock'))).mode & 0o777).toBe(0o600);
    const lines = await ask(folder, { path: 'gc', query: { dryRun: true, untagged: undefined } });
    expect(await resultOf(lines)).toMatchObject({ blobs: 0 });
    await control?.close();
    expect(await readdir(folder)).toEqual([]);
    expect(await askServer(folder, { path: 'gc' })).toBeUndefined();
  });

  it('passes on what the server refuses', async () => {
    await using site = await open({ readOnly: true });
    const folder = await tempFolder();
    const control = await listenControl(site.registry, folder);
    await expect(askServer(folder, { path: 'scrub', query: { remove: true } })).rejects.toMatchObject({
      code: 'DENIED',
      message: 'the registry is read-only',
    });
    await control?.close();
  });

  it('ends a job whose caller goes away', async () => {
    const folder = await tempFolder();
    const cancelled = deferred<void>();
    const body = (): ReadableStream =>
      new ReadableStream({
        start: (controller) => controller.enqueue(Buffer.from('{"progress":{}}\n')),
        cancel: () => cancelled.resolve(),
      });
    const administer = (): Promise<Response> =>
      Promise.resolve(new Response(body(), { headers: { 'content-type': 'application/x-ndjson' } }));
    const control = await listenControl({ administer }, folder);
    const abort = new AbortController();
    const lines = await ask(folder, { path: 'gc', signal: abort.signal });
    const result = resultOf(lines, () => abort.abort(new Error('enough')));
    await expect(result).rejects.toThrow('enough');
    await cancelled.promise;
    await control?.close();
  });

  it('ends the jobs of its server', async () => {
    const folder = await tempFolder();
    const endless = new ReadableStream({
      start: (controller) => controller.enqueue(Buffer.from('{"progress":{}}\n')),
    });
    const administer = (): Promise<Response> =>
      Promise.resolve(new Response(endless, { headers: { 'content-type': 'application/x-ndjson' } }));
    const control = await listenControl({ administer }, folder);
    const lines = await ask(folder, { path: 'gc' });
    const result = resultOf(lines, () => void control?.close());
    await expect(result).rejects.toMatchObject({ code: 'ABORTED' });
  });
});

describe('who answers', () => {
  it('is nobody when a socket was left behind, or is a file', async () => {
    const folder = await tempFolder();
    const path = join(folder, 'control.sock');
    const server = await fakeServer(path, '');
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
    });
    await writeFile(path, '');
    expect(await askServer(folder, { path: 'gc' })).toBeUndefined();
  });

  it('may be something else', async () => {
    const folder = await tempFolder();
    await fakeServer(join(folder, 'control.sock'), 'HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello');
    await expect(askServer(folder, { path: 'gc' })).rejects.toMatchObject({
      code: 'UNKNOWN',
      message: 'the server answered 200: "hello"',
    });
  });

  it('may be another user', async () => {
    const folder = await tempFolder();
    await fakeServer(join(folder, 'control.sock'), '');
    await chmod(folder, 0o000);
    // For root nothing is forbidden.
    const root = process.geteuid?.() === 0;
    if (root) process.seteuid?.(65_534);
    try {
      await expect(askServer(folder, { path: 'gc' })).rejects.toMatchObject({
        code: 'DENIED',
        message: expect.stringContaining('another user'),
      });
    } finally {
      if (root) process.seteuid?.(0);
      await chmod(folder, 0o700);
    }
  });
});

describe('the place of the socket', () => {
  it('is the folder', async () => {
    const folder = await tempFolder();
    const place = await placeControl(folder, {});
    expect([place.path, await controlPath(folder)]).toEqual([join(folder, 'control.sock'), place.path]);
  });

  it('is elsewhere when the path is too long for a socket, and what was left there goes', async () => {
    const folder = join(await tempFolder(), 'é'.repeat(60));
    const runtime = await tempFolder();
    await mkdir(folder);
    const first = await placeControl(folder, { XDG_RUNTIME_DIR: runtime });
    const second = await placeControl(folder, { XDG_RUNTIME_DIR: runtime });
    expect(second.path).not.toBe(first.path);
    expect(await controlPath(folder)).toBe(second.path);
    const [place = ''] = await readdir(runtime);
    expect((await lstat(join(runtime, place))).mode & 0o777).toBe(0o700);
    await second.remove();
    expect([await readdir(runtime), await readdir(folder)]).toEqual([[], []]);
  });

  it('is not where that path is too long as well', async () => {
    const folder = join(await tempFolder(), 'é'.repeat(60));
    await mkdir(folder);
    const place = await placeControl(folder, { XDG_RUNTIME_DIR: folder });
    expect(place.path).toMatch(/^\/tmp\/ocilot-[\da-f]{12}\/control\.sock$/);
    await place.remove();
    expect(await readdir(folder)).toEqual([]);
  });
});
