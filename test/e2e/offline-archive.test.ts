import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import pkg from '../../package.json' with { type: 'json' };
import { tempFolder } from '../helpers/temp.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const SESSION = fileURLToPath(new URL('offline-session.mjs', import.meta.url));
const NAME = `ocilot-${pkg.version}-offline.tgz`;

/** Runs a command in a network of its own, which has loopback and nothing else. */
const ISOLATE = ['-rn', 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh'] as const;
const isolated = spawnSync('unshare', [...ISOLATE, 'true']).status === 0;

/** Packs into a folder; gives the archive. */
function packInto(folder: string): string {
  const script = join(root, 'scripts/pack-offline.mjs');
  return execFileSync(process.execPath, [script, '--out', folder], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  }).trim();
}

/** Nothing of this checkout: only node, and what every system has. */
const bareEnv = (home: string): Record<string, string> => ({
  PATH: `${dirname(process.execPath)}:/usr/sbin:/usr/bin:/sbin:/bin`,
  HOME: home,
});

describe('the offline archive', () => {
  it('is the same whenever it is packed, and holds no file that others may not read', async () => {
    const folder = await tempFolder();
    const first = packInto(join(folder, 'one'));
    const second = packInto(join(folder, 'two'));
    expect(first).toBe(join(folder, 'one', NAME));
    expect(readFileSync(first).equals(readFileSync(second))).toBe(true);
    const listing = execFileSync('tar', ['-tzvf', first], { encoding: 'utf8' }).trimEnd().split('\n');
    expect(listing.filter((line) => !/^-rw(?:xr-xr-x|-r--r--) 0\/0 /.test(line))).toEqual([]);
    expect(
      listing.filter((line) => / ocilot\/(?:install\.sh|dist\/cli\.js|README\.md|LICENSE)$/.test(line)),
    ).toHaveLength(4);
  });

  it.skipIf(!isolated)(
    `installs and serves without a network${isolated ? '' : ' (skipped: unshare may not make a network here)'}`,
    async () => {
      const folder = await tempFolder();
      const place = join(folder, 'place');
      mkdirSync(place);
      execFileSync('tar', ['-xzf', packInto(folder), '-C', folder]);
      const unpacked = join(folder, 'ocilot');
      const output = execFileSync('unshare', [...ISOLATE, process.execPath, SESSION, unpacked, place], {
        encoding: 'utf8',
        cwd: place,
        env: bareEnv(place),
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      expect(JSON.parse(output)).toEqual({
        interfaces: ['lo'],
        installed: `ocilot version ${pkg.version}\nadd ${place}/prefix/bin to PATH\n`,
        version: `ocilot version ${pkg.version}\n`,
        pushed: [201, 201, 201],
        pulled: [true, true],
        anonymous: 401,
        damaged: [],
        code: 0,
      });
    },
  );

  it('installs over an older one, and leaves nothing else behind', async () => {
    const folder = await tempFolder();
    execFileSync('tar', ['-xzf', packInto(folder), '-C', folder]);
    const prefix = join(folder, 'prefix');
    const install = (): string =>
      execFileSync('sh', [join(folder, 'ocilot/install.sh'), prefix], {
        encoding: 'utf8',
        env: bareEnv(folder),
      });
    install();
    expect(install()).toContain(`ocilot version ${pkg.version}\n`);
    expect(readdirSync(join(prefix, 'lib'))).toEqual(['ocilot']);
    expect(readdirSync(join(prefix, 'bin'))).toEqual(['ocilot']);
    expect(statSync(join(prefix, 'bin/ocilot')).mode & 0o111).toBe(0o111);
  });

  it('says what it needs when there is no node', async () => {
    const folder = await tempFolder();
    execFileSync('tar', ['-xzf', packInto(folder), '-C', folder]);
    const empty = join(folder, 'empty');
    mkdirSync(empty);
    const tools = ['dirname', 'id', 'sed'].map((name) => `${name}() { /usr/bin/${name} "$@"; }`).join('; ');
    const { status, stderr } = spawnSync(
      '/bin/sh',
      ['-c', `${tools}; . "$1"`, join(folder, 'ocilot/install.sh'), join(folder, 'ocilot/install.sh')],
      { encoding: 'utf8', env: { PATH: empty, HOME: folder } },
    );
    expect([status, stderr]).toEqual([
      1,
      'install.sh: there is no node in PATH: install Node 20.19 or newer first\n',
    ]);
  });
});
