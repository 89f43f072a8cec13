import { execFile } from 'node:child_process';
import { mkdir, readFile, readdir, stat, truncate, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { gcCommand } from '../../cli/commands/gc.js';
import { tempFolder } from '../helpers/temp.js';
import { fakeContext } from './context.js';
import { LARGE, dataFolder } from './data.js';
import { run, serve } from './run.js';

const exec = promisify(execFile);

/** Both ways a command comes to its work: through the server of the folder, and by opening it. */
const WAYS = ['served', 'unserved'] as const;

/** Where large blobs lie in a folder of kind `auto`. */
async function largeFiles(data: string): Promise<string[]> {
  const found: string[] = [];
  for (const name of await readdir(data, { recursive: true })) {
    const path = join(data, name);
    const { size } = await stat(path);
    if (size === LARGE.byteLength) found.push(path);
  }
  return found;
}

describe.each(WAYS)('a folder that is %s', (way) => {
  it('is collected', async () => {
    const { data } = await dataFolder();
    if (way === 'served') await serve(['--data', data]);
    const dry = await run(['gc', '--data', data, '--dry-run']);
    expect(dry).toEqual({ code: 0, out: 'would collect 0 blobs (0 B), 0 manifests\n', err: '' });
    const report = await run(['gc', '--untagged', '-o', 'json'], { env: { OCILOT_DATA: data } });
    expect(JSON.parse(report.out)).toEqual({ blobs: 0, bytes: 0, manifests: 0, uploads: 0, repositories: 0 });
  });

  it('is read again, and what is damaged ends the command with 1', async () => {
    const { data, image } = await dataFolder();
    if (way === 'served') await serve(['--data', data]);
    const sound = await run(['scrub', '--data', data]);
    expect([sound.code, sound.out]).toEqual([
      0,
      expect.stringMatching(/^checked 3 blobs, 1 manifest, 1 tag .*: no damage\n$/),
    ]);
    const [file = ''] = await largeFiles(data);
    await truncate(file, 1000);
    const damaged = await run(['scrub', '--data', data]);
    expect([damaged.code, damaged.out]).toEqual([
      1,
      expect.stringContaining(`damaged blob ${image.layers[1]}: `),
    ]);
    const removed = await run(['scrub', '--data', data, '--remove', '-o', 'json']);
    expect(removed.code).toBe(1);
    expect(JSON.parse(removed.out)).toMatchObject({
      removed: 1,
      damaged: [{ kind: 'blob', name: image.layers[1] }],
    });
  });

  it('is copied to a folder that can be served, with its users', async () => {
    const { data, image } = await dataFolder();
    await writeFile(join(data, 'htpasswd'), '');
    if (way === 'served') await serve(['--data', data]);
    const target = join(await tempFolder(), 'copy');
    expect(await run(['backup', target, '--data', data])).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^copied \d+ records and 1 large blobs \(684 KiB\) to /),
    });
    expect(await readFile(join(target, 'htpasswd'), 'utf8')).toBe('');
    const { url } = await serve(['--data', target]);
    const layer = await fetch(`${url}/v2/team/app/blobs/${image.layers[1]}`);
    expect(Buffer.from(await layer.arrayBuffer()).equals(LARGE)).toBe(true);
    const again = await run(['backup', target, '--data', data]);
    expect([again.code, again.err]).toEqual([2, expect.stringContaining('is not empty')]);
  });

  it('is copied to a file, and nothing else is left', async () => {
    const { data, image } = await dataFolder('leveldb');
    if (way === 'served') await serve(['--data', data, '--blobs', 'leveldb']);
    const folder = await tempFolder();
    const { code } = await run(['backup', 'monday.tgz', '--data', data], { cwd: folder });
    expect([code, await readdir(folder)]).toEqual([0, ['monday.tgz']]);
    const restored = join(folder, 'restored');
    await mkdir(restored);
    await exec('tar', ['-xzf', join(folder, 'monday.tgz'), '-C', restored]);
    const { url } = await serve(['--data', restored]);
    expect((await fetch(`${url}/v2/team/app/manifests/${image.digest}`)).status).toBe(200);
    const again = await run(['backup', 'monday.tgz', '--data', data], { cwd: folder });
    expect([again.code, again.err]).toEqual([2, expect.stringContaining('does not replace anything')]);
  });
});

describe('who does the work', () => {
  it('is the server, as its log tells', async () => {
    const { data } = await dataFolder();
    const { stop } = await serve(['--data', data]);
    await run(['gc', '--data', data]);
    expect((await stop()).err).toMatch(/"operation":"admin\.gc","client":"control","status":200/);
    expect(await readdir(data)).not.toContain('control.sock');
  });

  it('is the server of a folder with a long path too', async () => {
    const data = join(await tempFolder(), 'x'.repeat(120));
    const runtime = await tempFolder();
    const { stop } = await serve(['--data', data], { env: { XDG_RUNTIME_DIR: runtime } });
    expect(await readdir(runtime)).toHaveLength(1);
    expect((await run(['gc', '--data', data])).code).toBe(0);
    expect((await stop()).err).toContain('"operation":"admin.gc"');
    expect(await readdir(runtime)).toEqual([]);
  });

  it('is the command when a socket was left by a server that is gone', async () => {
    const { data } = await dataFolder();
    const served = await serve(['--data', data]);
    expect((await served.stop('SIGKILL')).code).toBeNull();
    expect(await readdir(data)).toContain('control.sock');
    const postponed = await run(['gc', '--data', data]);
    expect([postponed.code, postponed.out]).toEqual([
      0,
      expect.stringMatching(/did not end in order(.|\n)*--force/),
    ]);
    expect((await run(['gc', '--data', data, '--force'])).out).toMatch(/^collected /);
    const again = await serve(['--data', data]);
    expect((await run(['gc', '--data', data])).code).toBe(0);
    expect((await again.stop()).code).toBe(0);
  });

  it('is nobody when the folder is none, or belongs to a process without a socket', async () => {
    const folder = await tempFolder();
    expect(await run(['gc', '--data', folder])).toEqual({
      code: 2,
      out: '',
      err: `ocilot: ${folder} is no data folder of a registry: name one with --data\n`,
    });
    expect(await readdir(folder)).toEqual([]);
  });

  it('shows on a terminal how far it is, in a line that goes at the end', async () => {
    const { data } = await dataFolder();
    const lines = [
      { progress: { looked: 3, blobs: 2, bytes: 2048, manifests: 0 } },
      { result: { blobs: 2, bytes: 2048, manifests: 0, uploads: 0, repositories: 1 } },
    ].map((line) => `${JSON.stringify(line)}\n`);
    const server = createServer((socket) => {
      socket.once('data', () =>
        socket.end(
          `HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\nconnection: close\r\n\r\n${lines.join('')}`,
        ),
      );
    });
    await new Promise<void>((resolve) => server.listen(join(data, 'control.sock'), resolve));
    const context = fakeContext({ terminal: true });
    await gcCommand(context).parseAsync(['--data', data], { from: 'user' });
    server.close();
    expect(context.written.err).toBe(
      '\r\u001B[Kgc: 3 repositories looked through, 2 blobs (2 KiB) collected\r\u001B[K',
    );
    expect(context.written.out).toMatch(/^collected 2 blobs/);
  });

  it('fails with one line when the server goes away meanwhile', async () => {
    const { data } = await dataFolder();
    const server = createServer((socket) => {
      socket.once('data', () =>
        socket.end(
          'HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\ncontent-length: 999\r\n\r\n{"progress":{}}\n',
        ),
      );
    });
    await new Promise<void>((resolve) => server.listen(join(data, 'control.sock'), resolve));
    const ended = await run(['gc', '--data', data]);
    server.close();
    expect(ended).toEqual({ code: 1, out: '', err: 'ocilot: the registry ended before the work did\n' });
  });
});
