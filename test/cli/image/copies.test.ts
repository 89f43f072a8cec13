import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { openStore } from '../../../registry/storage/open.js';
import type { StartOptions } from '../../../testing/index.js';
import { documentsOf, fixture, site, type Document, type Site } from './site.js';

const SEED: NonNullable<StartOptions['seed']> = {
  app: {
    '1': { layers: 2 },
    '2': { layers: 2, random: 2 },
    multi: { platforms: ['linux/amd64', 'linux/arm64'], layers: 1, random: 3 },
    '@sig': { artifactType: 'application/vnd.example.sig', subject: '1' },
  },
};

/** What a repository has, as digests by tag. */
async function tagged(at: Site, repository: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const tag of (await at.ok(['ls', repository])).out.split('\n').filter(Boolean))
    found[tag] = (await at.ok(['digest', `${repository}:${tag}`])).out.trim();
  return found;
}

describe('image copy', () => {
  it('carries an index with its children, and what refers to it', async () => {
    const at = await site({ seed: SEED });
    const one = await at.ok(['copy', `${at.host}/app:1`, `${at.host}/to:1`]);
    expect([one.out, one.err]).toEqual([
      '',
      expect.stringMatching(/^2 manifests and 0 blobs .*4 mounted.*referrers and signatures among them: 1/),
    ]);
    const alone = await at.ok([
      'cp',
      '--no-referrers',
      `${at.host}/app:1`,
      `${at.host}/bare:1`,
      '-o',
      'json',
    ]);
    expect(JSON.parse(alone.out)).toMatchObject({ manifests: { put: 1, present: 0 }, carried: [] });
    await at.ok(['copy', `${at.host}/app:multi`, `${at.host}/to:multi`]);
    expect((await at.ok(['digest', `${at.host}/to:multi`])).out).toBe(
      (await at.ok(['digest', `${at.host}/app:multi`])).out,
    );
    await at.ok(['copy', '--platform', 'linux/arm64', `${at.host}/app:multi`, `${at.host}/to:arm`]);
    expect((await documentsOf(at, `${at.host}/to:arm`)).config['architecture']).toBe('arm64');
  });

  it('--dry-run plans and puts nothing', async () => {
    const at = await site({ seed: SEED });
    const plan = await at.ok(['copy', '--dry-run', '-o', 'json', `${at.host}/app:1`, `${at.host}/to:1`]);
    expect(JSON.parse(plan.out)).toMatchObject({
      manifests: { put: 2 },
      sent: { blobs: 4, bytes: expect.any(Number) as number },
    });
    expect((await at.ok(['copy', '--dry-run', `${at.host}/app:1`, `oci:${at.path('l')}:1`])).err).toContain(
      'to copy',
    );
    expect(at.registry.requests.count(({ method }) => !['GET', 'HEAD'].includes(method))).toBe(0);
  });

  it('-n leaves a tag alone that is there', async () => {
    const at = await site({ seed: SEED });
    const ran = await at.run(['copy', '-n', `${at.host}/app:1`, `${at.host}/app:2`]);
    expect([ran.code, ran.out, ran.err]).toEqual([
      1,
      '',
      expect.stringContaining(`${at.host}/app:2 is there already`),
    ]);
    await at.ok(['copy', '-n', `${at.host}/app:1`, `${at.host}/app:3`]);
  });

  it('-a takes every tag, with -n those that are not there, with --platform of each what is asked for', async () => {
    const at = await site({ seed: SEED });
    await at.ok(['copy', '-a', `${at.host}/app`, `${at.host}/to`]);
    expect(await tagged(at, `${at.host}/to`)).toEqual(await tagged(at, `${at.host}/app`));
    await at.ok(['tag', `${at.host}/app:1`, '2']);
    await at.ok(['copy', '-a', '-n', `${at.host}/app`, `${at.host}/to`]);
    const kept = await tagged(at, `${at.host}/to`);
    expect(kept['2']).not.toBe(kept['1']);
    await at.ok(['copy', '-a', '-j', '2', `${at.host}/app`, `${at.host}/to`]);
    expect(await tagged(at, `${at.host}/to`)).toEqual(await tagged(at, `${at.host}/app`));
    await at.ok(['copy', '-a', '--platform', 'linux/amd64', `${at.host}/app`, `oci:${at.path('l')}`]);
    expect((await documentsOf(at, `oci:${at.path('l')}:multi`)).config['architecture']).toBe('amd64');
    expect((await at.run(['copy', '-a', `${at.host}/app:1`, `${at.host}/to`])).err).toContain(
      'is to name no tag',
    );
  });

  it('-r takes repositories below too, again only what is missing', async () => {
    const at = await site({
      seed: {
        'team/a': { '1': { layers: 1 } },
        'team/a/b': { '1': { layers: 1, random: 1 } },
        teamster: { '1': {} },
      },
    });
    await at.ok(['copy', '-r', `${at.host}/team`, `${at.host}/other`]);
    expect(
      (await at.ok(['catalog', at.host])).out.split('\n').filter((name) => name.startsWith('other')),
    ).toEqual(['other/a', 'other/a/b']);
    at.registry.requests.clear();
    await at.ok(['copy', '-r', `${at.host}/team`, `${at.host}/other`]);
    expect(at.registry.requests.count(({ method }) => ['PUT', 'POST'].includes(method))).toBe(0);
  });
});

describe('places', () => {
  it('each as destination and source, digests kept where the medium can', async () => {
    const at = await site({ seed: SEED });
    await (await openStore({ kind: 'auto', folder: at.path('data') })).close();
    const digest = (await at.ok(['digest', `${at.host}/app:1`])).out;
    const kept = [
      `oci:${at.path('layout')}:x`,
      `ocidir://${at.path('layout2')}:x`,
      `oci-archive:${at.path('a.tar')}:x`,
      `store:${at.path('data')}:team/app:x`,
      `docker://${at.host}/copy:x`,
    ];
    for (const place of kept) {
      await at.ok(['copy', `${at.host}/app:1`, place]);
      expect([place, (await at.ok(['digest', place])).out]).toEqual([place, digest]);
      expect((await at.ok(['validate', place])).out).toBe(`PASS: ${place}\n`);
    }
    await at.ok([
      'copy',
      '--platform',
      'linux/amd64',
      `${at.host}/app:1`,
      `docker-archive:${at.path('d.tar')}:app:x`,
    ]);
    const [there, here] = [
      await documentsOf(at, `docker-archive:${at.path('d.tar')}:app:x`),
      await documentsOf(at, `${at.host}/app:1`),
    ];
    expect(there.config).toEqual(here.config);
    // From each to the next, and back.
    for (const [n, from] of kept.entries())
      await at.ok(['copy', from, kept[(n + 1) % kept.length] as string, '--force']);
    await at.ok(['copy', kept[3] as string, `${at.host}/back:1`]);
    expect((await at.ok(['digest', `${at.host}/back:1`])).out).toBe(digest);
    expect((await at.ok(['ls', `store:${at.path('data')}:team/app`])).out).toBe('x\n');
  });

  it('an index does not go into a docker archive', async () => {
    const at = await site({ seed: SEED });
    const ran = await at.run(['copy', `${at.host}/app:multi`, `docker-archive:${at.path('d.tar')}:x`]);
    expect([ran.code, ran.err, await readdir(at.folder)]).toEqual([
      1,
      expect.stringContaining('--platform'),
      [],
    ]);
  });

  it.each([
    [['copy', 'oci:', 'x'], /expected a path/],
    [['copy', 'docker-daemon:', 'x'], /has a name/],
    [['manifest', 'store:./nowhere'], /store:DIR:REPOSITORY/],
    [['manifest', 'oci:/nonexistent:x'], /\/nonexistent/],
    [['manifest', 'oci-archive:/nonexistent.tar'], /no archive/],
    [['delete', 'oci:./x:1'], /is not in a registry/],
    [['blob', 'localhost:1/app:1'], /expected repository@digest/],
    [['nosuch'], /nosuch/],
    [['copy', 'one'], /missing required argument/],
  ])('what is wrong is one line and exit code 1: %j', async (args, message) => {
    const at = await site();
    const ran = await at.run(args);
    expect([ran.code, ran.out]).toEqual([1, '']);
    expect(ran.err).toMatch(message);
    expect(ran.err.trimEnd().split('\n')).toHaveLength(1);
  });
});

describe('image pull', () => {
  it('takes several images into one archive or layout, and names them', async () => {
    const at = await site({ seed: SEED });
    const images = [`${at.host}/app:1`, `${at.host}/app:2`];
    await at.ok(['pull', ...images, at.path('both.tar')]);
    expect((await at.ok(['ls', `docker-archive:${at.path('both.tar')}`])).out).toBe(`${images.join('\n')}\n`);
    await at.ok(['pull', '--format', 'oci', ...images, `${at.host}/app:multi`, at.path('l')]);
    const entries = async (): Promise<Document[]> =>
      (JSON.parse(await readFile(at.path('l', 'index.json'), 'utf8')) as Document)['manifests'] as Document[];
    expect((await entries()).map(({ annotations }) => annotations as unknown)).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    await at.ok([
      'pull',
      '--format',
      'oci',
      '--annotate-ref',
      `${at.host}/app`.replace('/app', '/app:2'),
      at.path('l'),
    ]);
    expect((await entries()).map(({ annotations }) => (annotations as Document | undefined)?.['org.opencontainers.image.ref.name'] as unknown)).toEqual([
      undefined, `${at.host}/app:2`, undefined,
    ]); // prettier-ignore
  });

  it('of an index, one platform into a docker archive, all into a layout', async () => {
    const at = await site({ seed: SEED });
    const ran = await at.ok(['pull', `${at.host}/app:multi`, at.path('a.tar')]);
    expect(ran.err).toContain('took linux/amd64');
    await at.ok(['pull', '--platform', 'linux/arm64', `${at.host}/app:multi`, at.path('arm.tar')]);
    expect((await documentsOf(at, `docker-archive:${at.path('arm.tar')}`)).config['architecture']).toBe(
      'arm64',
    );
    await at.ok([
      'pull',
      '--format',
      'oci-archive',
      '--annotate-ref',
      `${at.host}/app:multi`,
      at.path('o.tar'),
    ]);
    expect((await at.ok(['digest', '--tarball', at.path('o.tar')])).out).toBe(
      (await at.ok(['digest', `${at.host}/app:multi`])).out,
    );
    const one = await at.ok(['digest', '--tarball', at.path('o.tar'), '--platform', 'linux/arm64']);
    expect(one.out).toBe((await at.ok(['digest', '--platform', 'linux/arm64', `${at.host}/app:multi`])).out);
  });

  it('by digest gets the name that crane gives', async () => {
    const at = await site({ seed: SEED });
    const name = (await at.ok(['digest', '--full-ref', `${at.host}/app:1`])).out.trim();
    await at.ok(['pull', name, at.path('a.tar')]);
    expect((await at.ok(['ls', `docker-archive:${at.path('a.tar')}`])).out).toBe(
      `${at.host}/app:i-was-a-digest\n`,
    );
  });

  it('from other places by the name there', async () => {
    const at = await site({ seed: SEED });
    await at.ok(['copy', `${at.host}/app:1`, `oci:${at.path('l')}:registry.example/app:1`]);
    await at.ok([
      'pull',
      `oci:${at.path('l')}:registry.example/app:1`,
      `docker://${at.host}/app:2`,
      at.path('a.tar'),
    ]);
    const { out } = await at.ok(['ls', `docker-archive:${at.path('a.tar')}`]);
    expect(out).toBe(`${at.host}/app:2\nregistry.example/app:1\n`);
    const piped = { input: await readFile(at.path('a.tar')) };
    expect((await at.ok(['ls', '-'], piped)).out).toBe(out);
  });

  it('-c keeps layers: the second time none travels, and a damaged one is not believed', async () => {
    const at = await site({ seed: SEED });
    const pull = (): Promise<{ code: number }> =>
      at.run(['pull', '-c', at.path('cache'), `${at.host}/app:1`, at.path('a.tar')]);
    expect((await pull()).code).toBe(0);
    const first = await readFile(at.path('a.tar'));
    at.registry.requests.clear();
    expect((await pull()).code).toBe(0);
    expect(at.registry.requests.count({ operation: 'blob.get', method: 'GET' })).toBe(0);
    expect(await readFile(at.path('a.tar'))).toEqual(first);
    const [name = ''] = await readdir(at.path('cache'));
    await writeFile(at.path('cache', name), 'damaged');
    expect((await pull()).code).toBe(0);
    expect(await readFile(at.path('a.tar'))).toEqual(first);
  });
});

describe('image push', () => {
  it('takes archives of every kind, folders and the standard input', async () => {
    const at = await site({ seed: SEED });
    const digest = (await at.ok(['digest', `${at.host}/app:1`])).out.trim();
    await at.ok(['pull', '--format', 'oci', `${at.host}/app:1`, at.path('l')]);
    await at.ok(['pull', '--format', 'oci-archive', `${at.host}/app:1`, at.path('o.tar')]);
    for (const path of ['l', 'o.tar'])
      expect((await at.ok(['push', at.path(path), `${at.host}/to:${path}`])).out).toBe(
        `${at.host}/to@${digest}\n`,
      );
    const piped = await at.ok(['push', '-', `${at.host}/to:piped`], {
      input: await readFile(at.path('o.tar')),
    });
    expect(piped.out).toBe(`${at.host}/to@${digest}\n`);
    const docker = await at.ok(['push', fixture('tar/two.docker.tar'), `${at.host}/to:two`]);
    const legacy = await at.ok(['push', fixture('tar/two.legacy.tar'), `${at.host}/to:old`]);
    expect((await at.ok(['config', docker.out.trim()])).out).toBe(
      (await at.ok(['config', legacy.out.trim()])).out,
    );
  });

  it('of several asks which; --image-refs notes it', async () => {
    const at = await site({ seed: SEED });
    await at.ok([
      'pull',
      '--format',
      'oci',
      '--annotate-ref',
      `${at.host}/app:1`,
      `${at.host}/app:2`,
      at.path('l'),
    ]);
    const which = await at.run(['push', at.path('l'), `${at.host}/to:1`]);
    expect([which.code, which.err]).toEqual([
      1,
      expect.stringContaining('holds 2 images: --tag chooses one, --index'),
    ]);
    const one = await at.ok([
      'push',
      '--tag',
      `${at.host}/app:2`,
      '--image-refs',
      at.path('refs'),
      at.path('l'),
      `${at.host}/to:1`,
    ]);
    expect(await readFile(at.path('refs'), 'utf8')).toBe(one.out.trimEnd());
    await at.ok(['push', '--index', at.path('l'), `${at.host}/to:both`]);
    expect((await at.ok(['index', 'list', `${at.host}/to:both`])).out.trimEnd().split('\n')).toHaveLength(3);
    expect((await at.ok(['validate', `${at.host}/to:both`])).out).toMatch(/^PASS/);
  });

  it('of hostile and broken archives nothing', async () => {
    const at = await site();
    await mkdir(at.path('l'));
    await writeFile(at.path('l', 'index.json'), '{"manifests":"x"}');
    await writeFile(at.path('l', 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
    await writeFile(at.path('no.tar'), 'no tar');
    const whole = await readFile(fixture('tar/two.docker.tar'));
    await writeFile(at.path('cut.tar'), whole.subarray(0, 1400));
    for (const path of ['l', 'no.tar', 'cut.tar', 'absent']) {
      const ran = await at.run(['push', at.path(path), `${at.host}/to:1`]);
      expect([path, ran.code, ran.out, ran.err.trimEnd().split('\n').length]).toEqual([path, 1, '', 1]);
    }
    expect(at.registry.requests.count({ operation: 'manifest.put' })).toBe(0);
  });
});
