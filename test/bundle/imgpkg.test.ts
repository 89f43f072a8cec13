import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { startRegistry } from '../../testing/index.js';
import { command } from '../cli/command.js';
import type { FakeContext } from '../cli/context.js';
import { tempFolder } from '../helpers/temp.js';
import { VERSION } from '../../cli/version.js';
import { fileOf, seedGolden } from './fixtures.js';

/** Runs the program with a home of its own. */
async function ocilot(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<FakeContext> {
  const home = await tempFolder();
  return await command([...args], { env: { HOME: home, XDG_STATE_HOME: join(home, 'state'), ...env } });
}

const IMGPKG = { OCILOT_COMPAT: 'imgpkg' };

describe('called as imgpkg', () => {
  it('errors of the command line begin with its words, and end with 1', async () => {
    for (const line of [['push', '--nope'], ['nope'], ['push', 'extra', '-b', 'a.io/b']]) {
      const failed = await ocilot(line, IMGPKG);
      expect(failed.written.err).toMatch(/^imgpkg: Error: /);
      expect([failed.exitCode, failed.written.out]).toEqual([1, '']);
    }
  });

  it('without a command there is help, and 1', async () => {
    const asked = await ocilot([], IMGPKG);
    expect(asked.written.out).toMatch(/^Usage: /m);
    expect(asked.exitCode).toBe(1);
    expect((await ocilot(['--help'], IMGPKG)).exitCode).toBe(0);
    expect((await ocilot([])).exitCode).toBe(0);
  });

  it('version takes the flags that all commands take', async () => {
    expect((await ocilot(['version', '--tty', '-y'], IMGPKG)).written.out).toBe(
      `imgpkg version ${VERSION}\n\nSucceeded\n`,
    );
    expect(JSON.parse((await ocilot(['version', '--json'])).written.out)).toEqual({
      Tables: null,
      Blocks: [`ocilot version ${VERSION}\n`],
      Lines: ['Succeeded'],
    });
  });
});

describe('requests', () => {
  it('all have one number in imgpkg-session-id', async () => {
    await using registry = await startRegistry({ auth: 'bearer', users: { a: 'pw' } });
    const files = await tempFolder();
    await fileOf(join(files, 'a'), 'a');
    const done = await ocilot(['push', '-i', `${registry.host}/app:1`, '-f', files], {
      IMGPKG_USERNAME: 'a',
      IMGPKG_PASSWORD: 'pw',
    });
    expect(done.exitCode, done.written.err).toBe(0);
    const ids = registry.requests
      .filter(({ path }) => path.startsWith('/v2/'))
      .map(({ headers }) => headers['imgpkg-session-id']);
    expect(ids.length).toBeGreaterThan(4);
    expect(new Set(ids).size).toBe(1);
    expect(ids[0]).toMatch(/^\d+$/);
  });

  it('are tried five times, or as often as --registry-retry-count says', async () => {
    await using registry = await startRegistry();
    await seedGolden(registry);
    const reference = `${registry.host}/src/app:1`;
    registry.faults.add({
      match: { operation: 'manifest.get' },
      fault: { kind: 'status', status: 503, headers: { 'retry-after': '0' } },
    });
    const asked = async (...flags: string[]): Promise<number> => {
      registry.requests.clear();
      expect((await ocilot(['tag', 'resolve', '-i', reference, ...flags])).exitCode).toBe(1);
      return registry.requests.count(({ method }) => method === 'HEAD');
    };
    expect(await asked()).toBe(5);
    expect(await asked('--registry-retry-count', '0')).toBe(1);
    expect(await asked('--registry-retry-count=2')).toBe(2);
  });
});

describe('push', () => {
  it('labels may be empty, and have commas in quotes', async () => {
    await using registry = await startRegistry();
    const files = await tempFolder();
    await fileOf(join(files, 'a'), 'a');
    const line = [
      'push',
      '-i',
      `${registry.host}/app:1`,
      '-f',
      files,
      '-l',
      'empty=,"list=a,b"',
      '-l',
      'z=1',
    ];
    expect((await ocilot(line)).exitCode).toBe(0);
    const manifest = (await (await registry.fetch('/v2/app/manifests/1')).json()) as {
      config: { digest: string };
    };
    const config = await (await registry.fetch(`/v2/app/blobs/${manifest.config.digest}`)).json();
    expect(config).toMatchObject({ config: { Labels: { empty: '', list: 'a,b', z: '1' } } });
  });

  it('paths have commas in quotes', async () => {
    await using registry = await startRegistry();
    const files = await tempFolder();
    const path = join(files, 'a,b');
    await writeFile(path, 'x');
    const done = await ocilot(['push', '-i', `${registry.host}/app:1`, '-f', `"${path}"`, '--tty']);
    expect(done.written.out).toContain('file: a,b\n');
  });
});

describe('variables', () => {
  it('that nobody knows are told of, and break nothing (weakness 17)', async () => {
    await using registry = await startRegistry();
    await seedGolden(registry);
    const line = ['tag', 'resolve', '-i', `${registry.host}/src/app:1`];
    const done = await ocilot(line, { IMGPKG_REGISTRY_HOST: 'x', IMGPKG_ENABLE_IAAS_AUTH: 'false' });
    expect(done.exitCode, done.written.err).toBe(0);
    expect(done.written.err).toMatch(/IMGPKG_ENABLE_IAAS_AUTH is deprecated/);
  });
});

describe('copy --to-tar', () => {
  it('says what is wrong with the file before it asks registries', async () => {
    await using registry = await startRegistry();
    const folder = await tempFolder();
    await writeFile(join(folder, 'file'), '');
    for (const [target, why] of [
      [folder, /is a folder; name a file in it/],
      [join(folder, 'none/a.tar'), /there is no folder ".*none"; make it first/],
      [join(folder, 'file/a.tar'), /is no folder/],
    ] as const)
      for (const more of [[], ['--dry-run']]) {
        const failed = await ocilot(['copy', '-i', `${registry.host}/app:1`, '--to-tar', target, ...more]);
        expect(failed.written.err).toMatch(why);
        expect(failed.exitCode).toBe(1);
      }
    expect(registry.requests.count()).toBe(0);
  });
});
