import type { Command } from 'commander';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { imageCommand } from '../../../cli/commands/image.js';
import { VERSION } from '../../../cli/version.js';
import { errorPrefix, lineAsCalled } from '../../../cli/compat.js';
import { arrangeImageLine } from '../../../cli/image/line.js';
import { splitCsv } from '../../../cli/image/options.js';
import type { StartOptions } from '../../../testing/index.js';
import { fakeContext } from '../context.js';
import { site, type Document } from './site.js';

const SEED: NonNullable<StartOptions['seed']> = {
  'team/app': {
    '1': { layers: 1 },
    'sha256-abc': { layers: 1, random: 1 },
    multi: { platforms: ['linux/amd64', 'linux/arm64'], layers: 1, random: 2 },
  },
  'team/app/sub': { x: { layers: 1 } },
  teamster: { x: { layers: 1 } },
};

describe('image ls', () => {
  it('tags, in full, without those for digests, as JSON; across pages', async () => {
    const at = await site({ seed: SEED, profile: 'smallPages' });
    const repository = `${at.host}/team/app`;
    expect((await at.ok(['ls', repository])).out).toBe('1\nmulti\nsha256-abc\n');
    expect((await at.ok(['ls', '-O', '--full-ref', repository])).out).toBe(
      `${repository}:1\n${repository}:multi\n`,
    );
    expect(JSON.parse((await at.ok(['ls', '-o', 'json', repository])).out)).toEqual([
      '1',
      'multi',
      'sha256-abc',
    ]);
    const missing = await at.run(['ls', `${at.host}/none`]);
    expect([missing.code, missing.out]).toEqual([1, '']);
  });

  it('-r and --json: sizes and times added up where the registry tells none', async () => {
    const at = await site({ seed: SEED });
    const { out } = await at.ok(['ls', '-r', '--json', `${at.host}/team`]);
    const lines = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Document);
    expect(lines.map(({ name }) => name as string)).toEqual([
      `${at.host}/team/app`,
      `${at.host}/team/app/sub`,
    ]);
    const digest = (await at.ok(['digest', `${at.host}/team/app:1`])).out.trim();
    const { bytes } = await at.ok(['manifest', `${at.host}/team/app:1`]);
    const { config, layers } = JSON.parse(bytes.toString()) as Document;
    expect(lines[0]?.['manifest'][digest]).toMatchObject({
      tag: ['1'],
      imageSizeBytes: String(bytes.length + config.size + layers[0].size),
      timeCreatedMs: '0',
    });
    const plain = (await at.ok(['ls', '-r', `${at.host}/team`])).out;
    expect(plain).toContain(`${at.host}/team/app@${digest}\n${at.host}/team/app:1\n`);
  });
});

/** A registry with Google's longer list. */
async function google(): Promise<string> {
  const told = (tag: string[], size: string): object => ({
    tag,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    imageSizeBytes: size,
    timeCreatedMs: '1700000000000',
    timeUploadedMs: '1700000001000',
  });
  const lists: Record<string, object> = {
    '/v2/p/app/tags/list': {
      name: 'p/app',
      child: ['sub'],
      tags: ['1'],
      manifest: { 'sha256:aa': told(['1'], '10'), 'sha256:bb': told([], '20') },
    },
    '/v2/p/app/sub/tags/list': {
      name: 'p/app/sub',
      child: [],
      tags: [],
      manifest: { 'sha256:cc': told([], '30') },
    },
    '/v2/_catalog': { repositories: ['p/app', 'p/app/sub', 'p/other'] },
    '/v2/': {},
  };
  const server = createServer(({ url = '' }, response) => {
    const list = lists[url.split('?')[0] ?? ''];
    response
      .writeHead(list === undefined ? 404 : 200, { 'content-type': 'application/json' })
      .end(JSON.stringify(list ?? {}));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('a registry with the longer list', () => {
  it('is believed about sizes, times and what has no tag', async () => {
    const at = await site();
    const host = await google();
    const { out } = await at.ok(['ls', '--json', `${host}/p/app`]);
    expect(JSON.parse(out)).toMatchObject({
      name: `${host}/p/app`,
      child: ['sub'],
      manifest: {
        'sha256:aa': { imageSizeBytes: '10', timeUploadedMs: '1700000001000' },
        'sha256:bb': { tag: [] },
      },
    });
    expect((await at.ok(['gc', `${host}/p/app`])).out).toBe(`${host}/p/app@sha256:bb\n`);
    expect((await at.ok(['gc', '-r', `${host}/p/app`])).out).toBe(
      `${host}/p/app@sha256:bb\n${host}/p/app/sub@sha256:cc\n`,
    );
  });
});

describe('single commands', () => {
  it('catalog, page by page', async () => {
    const at = await site({ seed: SEED, profile: 'smallPages' });
    expect((await at.ok(['catalog', at.host])).out).toBe('team/app\nteam/app/sub\nteamster\n');
    expect((await at.ok(['catalog', '--full-ref', at.host])).out).toContain(`${at.host}/teamster\n`);
    expect((await at.run(['catalog', 'not/a/host'])).code).toBe(1);
  });

  it('manifest, config and blob print bytes as they are', async () => {
    const at = await site({ seed: SEED });
    const { bytes } = await at.ok(['manifest', `${at.host}/team/app:1`]);
    const { config, layers } = JSON.parse(bytes.toString()) as Document;
    expect((await at.ok(['blob', `${at.host}/team/app@${config.digest}`])).bytes).toEqual(
      (await at.ok(['config', `${at.host}/team/app:1`])).bytes,
    );
    expect((await at.ok(['blob', `${at.host}/team/app@${layers[0].digest}`])).bytes).toHaveLength(
      layers[0].size as number,
    );
    expect((await at.run(['blob', `${at.host}/team/app@sha256:${'0'.repeat(64)}`])).err).toContain(
      'is not there',
    );
    at.registry.faults.add({
      match: { operation: 'blob.get', method: 'GET' },
      fault: { kind: 'bitFlip', at: 3 },
    });
    expect((await at.run(['blob', `${at.host}/team/app@${layers[0].digest}`])).code).toBe(1);
  });

  it('digest: of a tag, a platform, an archive', async () => {
    const at = await site({ seed: SEED });
    expect((await at.ok(['digest', `${at.host}/team/app:1`])).out).toMatch(/^sha256:[0-9a-f]{64}\n$/);
    expect(
      (await at.ok(['digest', '--full-ref', '--platform', 'linux/arm64', `${at.host}/team/app:multi`])).out,
    ).toMatch(/team\/app@sha256:/);
    const none = await at.run(['digest', '--platform', 'linux/s390x', `${at.host}/team/app:multi`]);
    expect([none.code, none.err]).toEqual([1, expect.stringContaining('linux/amd64, linux/arm64')]);
    expect((await at.run(['digest', '--tarball', 'x', '--full-ref'])).err).toContain(
      '--full-ref has no meaning',
    );
    expect((await at.run(['digest'])).err).toContain('name an image');
    expect((await at.run(['digest', `${at.host}/team/app`])).err).toBe(
      `ocilot: ${at.host}/team/app:latest is not there\n`,
    );
    await at.ok(['pull', `${at.host}/team/app:1`, at.path('a.tar')]);
    expect((await at.ok(['digest', '--tarball', at.path('a.tar')])).out).toMatch(/^sha256:/);
    expect((await at.run(['digest', '--tarball', at.path('a.tar'), 'other'])).err).toBe(
      `ocilot: ${at.path('a.tar')} holds nothing that is called "other"\n`,
    );
  });

  it('tag and delete', async () => {
    const at = await site({ seed: SEED });
    await at.ok(['tag', `${at.host}/team/app:multi`, 'again']);
    expect((await at.ok(['digest', `${at.host}/team/app:again`])).out).toBe(
      (await at.ok(['digest', `${at.host}/team/app:multi`])).out,
    );
    expect((await at.run(['tag', `${at.host}/team/app:1`, 'not a tag'])).code).toBe(1);
    await at.ok(['delete', `${at.host}/team/app:again`]);
    expect((await at.ok(['ls', `${at.host}/team/app`])).out).not.toContain('again');
    expect((await at.ok(['digest', `${at.host}/team/app:multi`])).code).toBe(0);
    await at.ok(['delete', '--resolve', `${at.host}/team/app:1`]);
    expect((await at.run(['digest', `${at.host}/team/app:1`])).code).toBe(1);
    expect((await at.run(['delete', `${at.host}/team/app:none`])).code).toBe(1);
  });
});

describe('the line', () => {
  it('takes options before the command, as crane does', async () => {
    const at = await site({ seed: SEED });
    expect(
      (await at.ok(['--insecure', '--platform', 'linux/arm64', 'digest', `${at.host}/team/app:multi`])).out,
    ).toBe((await at.ok(['digest', '--platform', 'linux/arm64', `${at.host}/team/app:multi`])).out);
    await at.ok(['-v', 'index', 'list', `${at.host}/team/app:multi`]);
    expect((await at.ok(['--insecure', 'version'])).out).toBe(`${VERSION}\n`);
    await at.ok(['index', '--insecure', 'list', `${at.host}/team/app:multi`]);
  });

  it('takes crane’s global options for every command, and shows those that mean something', async () => {
    const at = await site();
    const globals = ['--insecure', '-v', '--allow-nondistributable-artifacts', '--platform', 'linux/arm64'];
    await at.ok(['auth', 'login', at.host, ...globals, '-u', 'me', '-p', 'secret']);
    expect((await at.ok([...globals, 'auth', 'get', at.host])).out).toBe(
      '{"Username":"me","Secret":"secret"}\n',
    );
    await at.ok(['auth', ...globals, 'logout', at.host]);
    const folder = at.path('layout');
    await at.ok(['append', '--oci-empty-base', '-t', `oci:${folder}:1`]);
    await at.ok(['layout', 'gc', folder, ...globals]);
    expect((await at.run(['auth', 'token', `${at.host}/app`, ...globals])).err).toContain(
      'not work by tokens',
    );
    const { out } = await at.ok(['auth', 'login', '--help']);
    expect(out).toContain('--password-stdin');
    expect(out).not.toContain('--insecure');
  });

  it.each([
    [
      ['image', '--platform=x', '-v', 'index', 'list', 'y'],
      ['image', 'index', 'list', '--platform=x', '-v', 'y'],
    ],
    [
      ['image', '--platform', 'ls', 'ls', 'y'],
      ['image', 'ls', '--platform', 'ls', 'y'],
    ],
    [
      ['image', '--insecure', 'layout', 'gc', 'y'],
      ['image', 'layout', 'gc', '--insecure', 'y'],
    ],
    [
      ['image', 'index', '--platform', 'list', 'list', '-v', 'y'],
      ['image', 'index', 'list', '--platform', 'list', '-v', 'y'],
    ],
    [
      ['image', '-v', 'index', '--help'],
      ['image', 'index', '--help', '-v'],
    ],
    [
      ['image', 'ls', '--full-ref=1', '--json=T', '--recursive=FALSE', '--verbose=0', '--full-ref=yes'],
      ['image', 'ls', '--full-ref', '--json', '--full-ref=yes'],
    ],
    [
      ['image', 'copy', '--all-tags=true', '--no-clobber=false', 'a', '--x=true'],
      ['image', 'copy', '--all-tags', 'a', '--x=true'],
    ],
    [
      ['image', '--help'],
      ['image', '--help'],
    ],
    [
      ['image', '--insecure'],
      ['image', '--insecure'],
    ],
    [['image'], ['image']],
  ])('%j is %j', (line, arranged) => {
    expect(arrangeImageLine(line)).toEqual(arranged);
  });

  it('is that of `image` when the program is called crane', () => {
    expect(lineAsCalled(['ls', 'x'], '/usr/bin/crane', {})).toEqual(['image', 'ls', 'x']);
    expect(lineAsCalled(['ls', 'x'], '/usr/bin/ocilot', { OCILOT_COMPAT: 'crane' })).toEqual([
      'image',
      'ls',
      'x',
    ]);
    expect(lineAsCalled(['ls', 'x'], '/usr/bin/ocilot', {})).toEqual(['ls', 'x']);
    expect(lineAsCalled(['ls', 'x'], '/usr/bin/crane', { OCILOT_COMPAT: 'ocilot' })).toEqual(['ls', 'x']);
    expect(lineAsCalled([], undefined, {})).toEqual([]);
    expect(['crane', 'imgpkg', 'x', undefined].map((name) => errorPrefix({ OCILOT_COMPAT: name }))).toEqual([
      'Error',
      'imgpkg: Error',
      'ocilot',
      'ocilot',
    ]);
  });

  it('splits lists as CSV', () => {
    expect(splitCsv('a,"b,c",,"d""e"')).toEqual(['a', 'b,c', '', 'd"e']);
    for (const bad of ['"a', 'a"b', '"a"b']) expect(() => splitCsv(bad)).toThrow('CSV');
  });
});

/** crane's flags and those of gcrane, by command. */
const FLAGS: Readonly<Record<string, string>> = {
  append: '-b --base -t --new_tag -f --new_layer -o --output --set-base-image-annotations --oci-empty-base',
  'auth login': '-u --username -p --password --password-stdin',
  'auth token': '-H --header --push -m --mount',
  blob: '',
  catalog: '--full-ref',
  config: '',
  copy: '-a --all-tags -n --no-clobber -j --jobs -r --recursive',
  delete: '',
  digest: '--tarball --full-ref',
  'edit config': '-t --tag',
  'edit fs': '-t --tag -f --filename',
  'edit manifest': '-t --tag -m --media-type',
  export: '',
  flatten: '-t --tag',
  gc: '-r --recursive',
  'index append': '-m --manifest -t --tag --docker-empty-base --flatten',
  'index filter': '-t --tag --platform --insecure -v --verbose',
  'index list': '',
  ls: '--full-ref -O --omit-digest-tags -r --recursive --json',
  manifest: '',
  mutate:
    '-a --annotation -l --label -e --env --entrypoint --cmd -u --user -w --workdir --exposed-ports --set-platform --append -t --tag --repo -o --output',
  pull: '--format -c --cache_path --annotate-ref',
  push: '--index --image-refs',
  rebase: '--old_base --new_base -t --tag --rebased',
  'registry serve': '--address --disk',
  tag: '',
  validate: '--tarball --remote --fast',
};
/** What each that talks to a registry takes. */
const GLOBAL = '--platform --insecure --allow-nondistributable-artifacts -v --verbose';

describe('the commands of crane', () => {
  it.each(Object.entries(FLAGS))('%s has its flags: %s', async (path, flags) => {
    const top = await imageCommand(fakeContext());
    const command = path
      .split(' ')
      .reduce<Command | undefined>((above, name) => above?.commands.find((one) => one.name() === name), top);
    const named = command?.options.flatMap(({ long, short }) => [long, short]) ?? [];
    const global = /^(?:auth|registry)|^index filter$/.test(path) ? '' : GLOBAL;
    for (const flag of `${flags} ${global}`.split(' ').filter(Boolean)) expect(named).toContain(flag);
  });
});
