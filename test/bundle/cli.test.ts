import { mkdir, readFile, readdir, symlink, writeFile } from 'node:fs/promises';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { startRegistry, type TestRegistry } from '../../testing/index.js';
import { command } from '../cli/command.js';
import type { FakeContext } from '../cli/context.js';
import { tempFolder } from '../helpers/temp.js';
import { DIGESTS, fileOf, goldenInputs, goldenPath, HOST, seedGolden } from './fixtures.js';

/** Runs the program against a registry under the name that the golden files have for it. */
async function ocilot(
  registry: TestRegistry | undefined,
  line: string,
  env: Readonly<Record<string, string>> = {},
): Promise<FakeContext> {
  const home = await tempFolder();
  const args = registry === undefined ? [] : ['--registry-map', `${HOST}=${registry.host}`];
  return await command([...line.split(' '), ...args], {
    env: { HOME: home, XDG_STATE_HOME: join(home, 'state'), ...env },
  });
}

const said = ({ written, exitCode }: FakeContext): unknown => ({ ...written, exitCode });
const IMGPKG = { OCILOT_COMPAT: 'imgpkg' };

describe('off a terminal', () => {
  it('push and copy print one reference, pull nothing (weakness 5)', async () => {
    await using registry = await startRegistry();
    await seedGolden(registry);
    const folder = await goldenInputs();
    const run = async (line: string): Promise<unknown> => said(await ocilot(registry, line));
    const reference = `${HOST}/src/inner@${DIGESTS.inner}\n`;
    expect(await run(`push -b ${HOST}/src/inner:1 -f ${folder}/inner`)).toEqual({
      out: reference,
      err: '',
      exitCode: 0,
    });
    expect(await run(`copy -b ${HOST}/src/outer:v1 --to-repo ${HOST}/dst`)).toEqual({
      out: `${HOST}/dst@${DIGESTS.outer}\n`,
      err: '',
      exitCode: 0,
    });
    expect(await run(`copy -b ${HOST}/src/outer:v1 --to-tar ${folder}/x.tar`)).toEqual({
      out: `${HOST}/src/outer@${DIGESTS.outer}\n`,
      err: '',
      exitCode: 0,
    });
    expect(await run(`pull -b ${HOST}/dst:v1 -o ${folder}/out`)).toEqual({
      out: '',
      err: `The bundle repo (${HOST}/dst) is hosting every image specified in the bundle's Images Lock file (.imgpkg/images.yml)\n`,
      exitCode: 0,
    });
    // The tar is our own, and loads.
    expect(await run(`copy --tar ${folder}/x.tar --to-repo ${HOST}/loaded`)).toMatchObject({
      out: `${HOST}/loaded@${DIGESTS.outer}\n`,
    });
    expect(await readdir(folder)).not.toContain('state');
  });

  it('under the name of imgpkg nothing is on stdout, and the digest on stderr', async () => {
    await using registry = await startRegistry();
    const folder = await goldenInputs();
    const pushed = await ocilot(registry, `push -b ${HOST}/src/inner:1 -f ${folder}/inner`, IMGPKG);
    expect(said(pushed)).toEqual({
      out: '',
      err: `Pushed '${HOST}/src/inner@${DIGESTS.inner}'\n`,
      exitCode: 0,
    });
  });
});

describe('--json', () => {
  it('tells what was done, in one document', async () => {
    await using registry = await startRegistry();
    const folder = await goldenInputs();
    const { written } = await ocilot(registry, `push -b ${HOST}/src/inner:1 -f ${folder}/inner --json`);
    expect(JSON.parse(written.out)).toEqual({
      Tables: null,
      Blocks: null,
      Lines: [
        'dir: .',
        'dir: .imgpkg',
        'file: .imgpkg/images.yml',
        'file: cm.yml',
        `Pushed '${HOST}/src/inner@${DIGESTS.inner}'`,
        'Succeeded',
      ],
    });
    expect(written.out).toMatch(/^\{\n {4}"Tables": null,.*\}$/s);
  });

  it('shows errors (weakness 5)', async () => {
    await using registry = await startRegistry();
    const failed = await ocilot(registry, `pull -b ${HOST}/none:1 -o /tmp/never --json`);
    expect(failed.exitCode).toBe(1);
    expect(failed.written.out).toBe('');
    expect(failed.written.err).toMatch(/^ocilot: Fetching image .*none:1/);
  });
});

describe('what cannot be meant', () => {
  it.each([
    ['push -f x', /Expected either image or bundle/],
    ['push -b a.io/b -i a.io/b -f x', /Expected only one of image or bundle/],
    ['push -i a.io/b -f x --lock-output y', /Lock output is not compatible with image/],
    ['push -b a.io/b -f /nonexistent/x', /there is no such file or folder/],
    ['push -b a.io/B -f .', /repository/],
    ['pull -o x', /Expected either image, bundle, or lock/],
    ['pull -i a.io/b -b a.io/b -o x', /Expected only one of image, bundle, or lock/],
    ['pull -i a.io/b', /Expected --output to be none empty/],
    ['pull -i a.io/b -o x -r', /--recursive/],
    ['pull -b a.io/b -o x --image-is-bundle-check=false', /--image-is-bundle-check/],
    ['pull --lock /nonexistent/lock -o x', /there is no such file/],
    [`pull --lock ${goldenPath('pulled-after.images.yml')} -o x`, /only the bundle of a BundleLock/],
    [
      'copy --to-repo a.io/b',
      /Expected either --lock, --bundle \(-b\), --image \(-i\), or --tar as a source/,
    ],
    ['copy -b a.io/b', /Expected either --to-tar or --to-repo/],
    ['copy --tar x --to-tar y', /tar source/],
    ['copy -b a.io/b --to-tar x --lock-output y', /Cannot output lock file with tar destination/],
    ['copy -b a.io/b --to-repo a.io/c --resume', /--resume can only be used when copying to tar/],
    ['copy -b a.io/b --to-repo a.io/c --concurrency 0', /--concurrency/],
    ['copy -b a.io/b --to-tar - --resume', /standard output/],
    ['copy -b a.io/b --to-repo a.io/c --tar-format x', /oci, imgpkg/],
    ['copy --tar /nonexistent/x --to-repo a.io/b', /there is no archive/],
    [`copy --tar ${goldenPath('outer.tar')} --to-repo a.io/b:1`, /without tag and digest/],
    ['describe', /Expected a bundle/],
    ['describe -b a.io/b -o xml', /text, yaml, json/],
    ['tag list', /Expected a repository/],
    ['tag resolve', /Expected an image/],
    ['tag', /Usage/],
    ['push extra -b a.io/b', /too many arguments/],
    ['push --nope', /unknown option/],
    ['push --tty=maybe -b a.io/b', /Expected true or false/],
  ])('%s', async (line, message) => {
    const failed = await ocilot(undefined, line);
    expect(failed.written.err).toMatch(message);
    expect([failed.exitCode, failed.written.out]).toEqual([1, '']);
  });
});

describe('flags', () => {
  it('push: labels, exclusions, several files, rights, types of OCI', async () => {
    await using registry = await startRegistry();
    const folder = await tempFolder();
    await fileOf(join(folder, 'a/.git/x'), '');
    await fileOf(join(folder, 'a/skip/x'), '');
    await fileOf(join(folder, 'a/run'), '', 0o755);
    await fileOf(join(folder, 'b'), '');
    const line = `push -i ${HOST}/app -f ${folder}/a,${folder}/b -l k=v,z=1 --file-exclusion skip --preserve-permissions --oci --tty`;
    const { written } = await ocilot(registry, line);
    expect(written.out.split('\n').slice(0, -3)).toEqual([
      'dir: .',
      'dir: .git',
      'file: .git/x',
      'file: run',
      'file: b',
    ]);
    const manifest = (await (await registry.fetch('/v2/app/manifests/latest')).json()) as {
      config: { digest: string };
      mediaType: string;
    };
    expect(manifest.mediaType).toBe('application/vnd.oci.image.manifest.v1+json');
    const config = await (await registry.fetch(`/v2/app/blobs/${manifest.config.digest}`)).json();
    expect(config).toMatchObject({ config: { Labels: { k: 'v', z: '1' } } });
  });

  it('pull: by a lock file, and a bundle as an image', async () => {
    await using registry = await startRegistry();
    await seedGolden(registry);
    const folder = await tempFolder();
    await ocilot(registry, `pull --lock ${goldenPath('inner.lock.yml')} -o ${folder}/a`);
    expect(await readdir(join(folder, 'a'))).toEqual(['.imgpkg', 'cm.yml']);
    const raw = await ocilot(
      registry,
      `pull -i ${HOST}/src/inner:1 --image-is-bundle-check=false -o ${folder}/b`,
    );
    expect(said(raw)).toEqual({ out: '', err: '', exitCode: 0 });
    expect(await readdir(join(folder, 'b'))).toEqual(['.imgpkg', 'cm.yml']);
  });

  it('pull refuses the folder that one works in, and the home folder (weakness 3)', async () => {
    await using registry = await startRegistry();
    await seedGolden(registry, ['src/plain']);
    const home = await tempFolder();
    await mkdir(join(home, 'kept'));
    await symlink(home, join(await tempFolder(), 'link'));
    for (const output of ['.', './', '..', '/', home]) {
      const failed = await ocilot(registry, `pull -i ${HOST}/src/plain:1 -o ${output}`, { HOME: home });
      expect(failed.written.err, output).toMatch(/output folder .* is refused/);
      expect(failed.exitCode).toBe(1);
    }
    expect(await readdir(home)).toContain('kept');
  });

  it('copy: a list of images, its lock, an image, --resume, formats', async () => {
    await using registry = await startRegistry();
    await seedGolden(registry);
    const folder = await tempFolder();
    const list = join(folder, 'images.yml');
    await writeFile(
      list,
      `apiVersion: imgpkg.carvel.dev/v1alpha1\nkind: ImagesLock\nimages:\n- {image: "${HOST}/src/app@${DIGESTS.app}", annotations: {a: b}}\n`,
    );
    await ocilot(registry, `copy --lock ${list} --to-repo ${HOST}/dst --lock-output ${folder}/out.yml`);
    expect(await readFile(join(folder, 'out.yml'), 'utf8')).toBe(
      `---\napiVersion: imgpkg.carvel.dev/v1alpha1\nimages:\n- annotations:\n    a: b\n  image: ${HOST}/dst@${DIGESTS.app}\nkind: ImagesLock\n`,
    );
    for (const format of ['oci', 'imgpkg']) {
      const tar = join(folder, `${format}.tar`);
      const line = `copy -i ${HOST}/src/multi:1 --to-tar ${tar} --tar-format ${format} --resume`;
      await ocilot(registry, line);
      const again = await ocilot(registry, line);
      expect(again.written.err).toMatch(/\d+ blobs \(.*\) are there already/);
      const loaded = await ocilot(
        registry,
        `copy --tar ${tar} --to-repo ${HOST}/${format} --lock-output ${folder}/l.yml`,
      );
      expect(loaded.written.out).toBe(`${HOST}/${format}@${DIGESTS.multi}\n`);
      expect(await readFile(join(folder, 'l.yml'), 'utf8')).toContain(`kind: ImagesLock`);
    }
  });

  it('copy refuses a damaged archive before anything is sent', async () => {
    await using registry = await startRegistry();
    const path = join(await tempFolder(), 'bad.tar');
    const bytes = await readFile(goldenPath('outer.tar'));
    bytes.writeUInt8((bytes.at(-1800) ?? 0) ^ 1, bytes.length - 1800);
    await writeFile(path, bytes);
    const failed = await ocilot(registry, `copy --tar ${path} --to-repo ${HOST}/dst`);
    expect(failed.written.err).toMatch(/is damaged/);
    expect(failed.exitCode).toBe(1);
    expect(registry.requests.count()).toBe(0);
  });

  it('describe and everything else take credentials from flags (weakness 9)', async () => {
    await using registry = await startRegistry({ users: { alice: 'wonderland' }, auth: 'bearer' });
    const folder = await goldenInputs();
    const who = '--registry-username alice --registry-password wonderland';
    await fileOf(
      join(folder, 'mine/.imgpkg/images.yml'),
      'apiVersion: imgpkg.carvel.dev/v1alpha1\nkind: ImagesLock\n',
    );
    expect((await ocilot(registry, `push -b ${HOST}/mine:1 -f ${folder}/mine ${who}`)).exitCode).toBe(0);
    const described = await ocilot(registry, `describe -b ${HOST}/mine:1 -o json ${who}`);
    expect(JSON.parse(described.written.out)).toMatchObject({
      image: expect.stringContaining('/mine@'),
      layers: [{}],
    });
    const env = { IMGPKG_USERNAME: 'alice', IMGPKG_PASSWORD: 'wonderland' };
    expect((await ocilot(registry, `tag resolve -i ${HOST}/mine:1`, env)).written.out).toMatch(
      /\/mine@sha256:/,
    );
    expect((await ocilot(registry, `tag resolve -i ${HOST}/mine:1`)).exitCode).toBe(1);
    expect((await ocilot(registry, `copy -b ${HOST}/mine:1 --to-repo ${HOST}/other`, env)).exitCode).toBe(0);
  });

  it('tag: a table with a header on a terminal; what is not there is an error', async () => {
    await using registry = await startRegistry();
    await seedGolden(registry);
    const list = await ocilot(registry, `tag ls -i ${HOST}/src/app --digests --tty`);
    expect(list.written.out).toBe(`Tags\n\nName  Digest\n1     ${DIGESTS.app}\n\n1 tags\n\nSucceeded\n`);
    const missing = await ocilot(registry, `tag resolve -i ${HOST}/src/app:none`);
    expect([missing.exitCode, missing.written.out]).toEqual([1, '']);
    const byDigest = await ocilot(registry, `tag resolve -i ${HOST}/src/app@${DIGESTS.inner}`);
    expect(byDigest.exitCode).toBe(1);
  });
});

describe('what speaks of images', () => {
  it('comes along out of a registry, in an archive too, and is told of (weaknesses 10, 20)', async () => {
    await using registry = await startRegistry({
      seed: {
        app: {
          v1: { files: { a: 'a' } },
          '@sbom': { artifactType: 'application/spdx+json', subject: 'v1' },
        },
      },
    });
    await using other = await startRegistry();
    const folder = await tempFolder();
    const tar = join(folder, 'a.tar');
    const told = 'copy | 1 signatures and other referrers came along\n';
    const list = async (host: string, name: string): Promise<number> => {
      const digest = (await fetch(`http://${host}/v2/app/manifests/v1`)).headers.get('docker-content-digest');
      const answer = await fetch(`http://${host}/v2/${name}/referrers/${digest}`);
      return ((await answer.json()) as { manifests: unknown[] }).manifests.length;
    };
    const run = async (line: string): Promise<FakeContext> => await ocilot(undefined, line);
    const plan = await run(`copy -i ${registry.host}/app:v1 --to-repo ${other.host}/app --dry-run`);
    expect(plan.written.out).toMatch(
      /would copy 2 manifests and \d blobs of .*\n.*\nsignatures and other referrers among the manifests: 1/,
    );
    expect(other.requests.count(({ method }) => method !== 'HEAD' && method !== 'GET')).toBe(0);
    const room = await run(`copy -i ${registry.host}/app:v1 --to-tar ${tar} --dry-run`);
    expect(room.written.out).toMatch(/free, which is enough\n$/);
    expect(await readdir(folder)).toEqual([]);
    expect((await run(`copy -i ${registry.host}/app:v1 --to-repo ${other.host}/app`)).written.err).toBe(told);
    expect(await list(other.host, 'app')).toBe(1);
    expect((await run(`copy -i ${registry.host}/app:v1 --to-tar ${tar}`)).written.err).toBe(told);
    expect((await run(`copy --tar ${tar} --to-repo ${other.host}/loaded`)).written.err).toBe('');
    expect(await list(other.host, 'loaded')).toBe(1);
    // Within a registry only when it is asked for: it takes requests.
    expect((await run(`copy -i ${registry.host}/app:v1 --to-repo ${registry.host}/b`)).written.err).toBe('');
    expect(
      (await run(`copy -i ${registry.host}/app:v1 --to-repo ${registry.host}/b --referrers`)).written.err,
    ).toBe(told);
  });
});

describe('the name of imgpkg', () => {
  it.each([
    [['version'], 'imgpkg version '],
    [['-v'], 'imgpkg version '],
  ])('%j is answered as imgpkg does', async (args, start) => {
    const link = join(await tempFolder(), 'imgpkg');
    await symlink(fileURLToPath(new URL('../../dist/cli.js', import.meta.url)), link);
    const { stdout } = await promisify(execFile)(process.execPath, [link, ...args]);
    expect(stdout).toMatch(new RegExp(`^${start}\\d`));
  });

  it('flags that all verbs have may stand before the verb', async () => {
    await using registry = await startRegistry();
    await seedGolden(registry);
    const { written } = await ocilot(registry, `--json --color=false tag list -i ${HOST}/src/app`);
    expect(JSON.parse(written.out)).toMatchObject({
      Tables: [{ Rows: [{ name: '1' }] }],
      Lines: ['Succeeded'],
    });
  });
});

describe('docs/bundles.md', () => {
  it('has every flag of its own that the commands have', async () => {
    const page = await readFile(new URL('../../docs/bundles.md', import.meta.url), 'utf8');
    const shared = new Set((await flagsOf('image manifest')).concat('--help'));
    const ours = ['bundle init', 'bundle diff', 'bundle tree', 'lock resolve', 'lock update'];
    for (const name of ['push', 'pull', 'copy', 'describe', 'tag list', 'tag resolve', ...ours])
      for (const flag of await flagsOf(name))
        if (!shared.has(flag)) expect(page, `${name} ${flag}`).toContain(flag);
  });

  it('and docs/archives.md those of the commands for archives', async () => {
    const page = await readFile(new URL('../../docs/archives.md', import.meta.url), 'utf8');
    const shared = new Set((await flagsOf('image manifest')).concat('--help', '--output'));
    for (const name of ['verify', 'inventory'])
      for (const flag of await flagsOf(name))
        if (!shared.has(flag)) expect(page, `${name} ${flag}`).toContain(flag);
  });

  async function flagsOf(name: string): Promise<string[]> {
    const { written } = await command(['help', ...name.split(' ')]);
    return [...written.out.matchAll(/^ {2}(?:-\w, )?(--[\w-]+)/gm)].map(([, flag = '']) => flag);
  }
});
