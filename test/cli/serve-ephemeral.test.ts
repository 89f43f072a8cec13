import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { copy } from '../../image/copy/index.js';
import { createLayout } from '../../image/layout/index.js';
import { storeSource } from '../../registry/store-media.js';
import { randomImage, startRegistry } from '../../testing/index.js';
import { tempFolder } from '../helpers/temp.js';
import { run, start } from './run.js';

const image = randomImage();
const CLI = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));

async function layout(): Promise<string> {
  const path = join(await tempFolder(), 'base');
  await using registry = await startRegistry({ socket: false, seed: { app: { stable: image } } });
  await copy(storeSource(registry.registry.store, 'app'), await createLayout(path), [
    { descriptor: image.descriptor, tags: ['stable'] },
  ]);
  return path;
}

const URL_LINE = /^http:\/\/127\.0\.0\.1:\d+(?=\n)/;

describe('serve --ephemeral', () => {
  it('serves layouts on a free port, prints the URL alone, and is gone after a signal', async () => {
    const path = await layout();
    const running = start([
      'serve',
      '--ephemeral',
      '--print-url',
      '--seed',
      path,
      '--seed',
      `team/app=${path}`,
    ]);
    const [url] = await running.said(URL_LINE);
    for (const repository of ['base', 'team/app']) {
      const answer = await fetch(`${url}/v2/${repository}/manifests/stable`);
      expect(answer.headers.get('docker-content-digest')).toBe(image.digest);
    }
    running.child.kill('SIGTERM');
    expect(await running.ended).toMatchObject({ code: 0, out: `${url}\n` });
  });

  it('takes in what --load names, as with a data folder', async () => {
    const path = await layout();
    const running = start(['serve', '--ephemeral', '--print-url', '--load', path]);
    const [url] = await running.said(URL_LINE);
    expect((await fetch(`${url}/v2/base/manifests/stable`)).status).toBe(200);
    running.child.kill('SIGTERM');
    expect((await running.ended).code).toBe(0);
    const failed = await run(['serve', '--replay', path, '--load', path]);
    expect(failed.err).toContain('--load cannot be given with --record or --replay');
  });

  it('lets faults of a file strike', async () => {
    const file = join(await tempFolder(), 'rules.yaml');
    await writeFile(
      file,
      '- match: { operation: ping }\n  times: 1\n  fault: { kind: status, status: 429, retryAfter: 2 }\n',
    );
    const running = start(['serve', '--ephemeral', '--faults', file]);
    const [url] = await running.said(URL_LINE);
    const answer = await fetch(`${url}/v2/`);
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([429, '2']);
    expect((await fetch(`${url}/v2/`)).status).toBe(200);
    running.child.kill('SIGTERM');
    expect((await running.ended).code).toBe(0);
  });

  it('ends with its parent', async () => {
    const script = `
      const { spawn } = require('node:child_process');
      const child = spawn(process.execPath, [${JSON.stringify(CLI)}, 'serve', '--ephemeral', '--print-url', '--exit-with-parent'],
        { stdio: ['ignore', 'pipe', 'ignore'] });
      child.stdout.once('data', (url) => { process.stdout.write(url); setInterval(() => undefined, 1000); });
    `;
    const parent = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'ignore'] });
    const [line] = (await once(parent.stdout.setEncoding('utf8'), 'data')) as [string];
    const url = line.trim();
    expect((await fetch(`${url}/v2/`)).status).toBe(200);
    parent.kill('SIGKILL');
    await expect
      .poll(async () => await fetch(`${url}/v2/`).catch((error: Error) => error.message), { timeout: 10_000 })
      .toBe('fetch failed');
  });

  it.each<[readonly string[], string]>([
    [['--seed', '/dev/null/layout'], 'cannot be read'],
    [['--seed', '/dev'], 'not an OCI layout'],
    [['--faults', '/nonexistent.yaml'], 'cannot be read: there is no such file'],
    [['--port', 'x'], 'port'],
  ])('refuses %j in one line', async (args, message) => {
    const { code, out, err } = await run(['serve', '--ephemeral', ...args]);
    expect(code).not.toBe(0);
    expect(out).toBe('');
    expect(err).toContain(message);
    expect(err).not.toContain('    at ');
  });

  it('refuses rules that are none, and its own flags without it', async () => {
    const file = join(await tempFolder(), 'rules.yaml');
    await writeFile(file, '- fault: { kind: flood }\n');
    expect((await run(['serve', '--ephemeral', '--faults', file])).err).toContain(
      'is flood, expected one of',
    );
    await writeFile(file, '- fault: { kind: stall }\n- { fault: { kind: stall }, name: mine, when: 3 }\n');
    expect((await run(['serve', '--ephemeral', '--faults', file])).err).toContain(
      'fault rule 2 "mine" is not valid: it has "when"',
    );
    await writeFile(file, '-\n');
    expect((await run(['serve', '--ephemeral', '--faults', file])).err).toContain(
      'fault rule 1 is not valid: it is not an object',
    );
    await writeFile(file, 'fault: all\n');
    expect((await run(['serve', '--ephemeral', '--faults', file])).err).toContain('a list of fault rules');
    expect((await run(['serve', '--faults', file])).err).toContain('are for --ephemeral: add it');
  });
});
