import { execFile } from 'node:child_process';
import { chmod, cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { copy } from '../../image/copy/index.js';
import { createLayout } from '../../image/layout/index.js';
import { storeSource } from '../../registry/store-media.js';
import { startRegistry } from '../../testing/index.js';
import { needs } from '../helpers/clients/process.js';
import { tempFolder } from '../helpers/temp.js';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../', import.meta.url));
const modules = join(root, 'node_modules');

/** The package as a user has it: packed, unpacked, with its dependencies beside it. */
let installed: string;

beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'ocilot-packed-'));
  const pack = ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder];
  const { stdout } = await run('npm', pack, { cwd: root });
  await run('tar', ['-xzf', join(folder, stdout.trim()), '-C', folder]);
  installed = join(folder, 'package');
  return () => rm(folder, { recursive: true, force: true });
});

/** Copies an example to a folder of its own, and installs the package and its runner there. */
async function install(example: string, links: readonly string[]): Promise<string> {
  const folder = await tempFolder();
  await cp(join(root, 'examples', example), folder, { recursive: true });
  await mkdir(join(folder, 'node_modules/.bin'), { recursive: true });
  // A copy: what is linked would find the modules of this project, and hide what the package lacks.
  await cp(installed, join(folder, 'node_modules/ocilot'), { recursive: true });
  const { dependencies } = JSON.parse(await readFile(join(installed, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>;
  };
  for (const name of [...Object.keys(dependencies), ...links]) {
    await mkdir(join(folder, 'node_modules', name, '..'), { recursive: true });
    await symlink(join(modules, name), join(folder, 'node_modules', name));
  }
  return folder;
}

/** Runs a suite to its end; both streams, also when it fails. */
async function suite(folder: string, file: string, ...args: readonly string[]): Promise<string> {
  const env: NodeJS.ProcessEnv = { PATH: process.env['PATH'], HOME: folder, CI: 'true', NO_COLOR: '1' };
  const { stdout, stderr } = await run(file, [...args], { cwd: folder, env }).catch(
    (error: { stdout: string; stderr: string }) => {
      throw new Error(`the suite failed:\n${error.stdout}\n${error.stderr}`);
    },
  );
  return stdout + stderr;
}

describe('docs/testing.md', () => {
  it('has a first test that passes', async () => {
    const folder = await install('node-test', []);
    const guide = await readFile(join(root, 'docs/testing.md'), 'utf8');
    const [, block = ''] = /```js\n([^`]*(?:`[^`]+`[^`]*)*?)```/.exec(guide) ?? [];
    await writeFile(join(folder, 'registry.test.mjs'), block);
    const output = await suite(folder, process.execPath, '--test', 'registry.test.mjs');
    expect(output).toMatch(/pass 1\b/);
  });
});

describe('the examples, from the packed package', () => {
  it('node:test', async () => {
    const folder = await install('node-test', []);
    const output = await suite(folder, process.execPath, '--test');
    expect(output).toMatch(/pass 3\b/);
    expect(output).toMatch(/fail 0\b/);
  });

  it('vitest', async () => {
    const folder = await install('vitest', ['vitest', 'vite']);
    const bin = join(folder, 'node_modules/vitest/vitest.mjs');
    expect(await suite(folder, process.execPath, bin, 'run')).toMatch(/Tests\s+5 passed/);
  });

  it('jest, with its default settings', async () => {
    const folder = await install('jest', ['jest']);
    const output = await suite(folder, process.execPath, join(folder, 'node_modules/jest/bin/jest.js'));
    expect(output).toMatch(/Tests:\s+5 passed, 5 total/);
    expect(output).not.toMatch(/did not exit|open handle/);
  });

  it('skopeo, from a shell script', async (ctx) => {
    needs(ctx, 'skopeo', 'bash');
    const folder = await install('shell', []);
    const layout = join(folder, 'base');
    await using registry = await startRegistry({ socket: false, seed: { app: { stable: { layers: 2 } } } });
    const source = storeSource(registry.registry.store, 'app');
    const descriptor = await source.resolve('stable');
    if (descriptor === undefined) throw new Error('the seed is not there');
    await copy(source, await createLayout(layout), [{ descriptor, tags: ['stable'] }]);
    const bin = join(folder, 'node_modules/ocilot/dist/cli.js');
    await chmod(join(folder, 'skopeo.sh'), 0o755);
    const output = await suite(folder, 'env', `OCILOT=${process.execPath} ${bin}`, './skopeo.sh', layout);
    expect(output.match(/^ok - /gm)).toHaveLength(4);
    expect(output).not.toContain('not ok');
  });
});
