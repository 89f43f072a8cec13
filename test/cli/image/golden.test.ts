import { execFile } from 'node:child_process';
import { mkdir, readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { digestOf, isObject } from '../../../oci/index.js';
import runs from '../../fixtures/crane/runs.json' with { type: 'json' };
import { fixture, site, type Site } from './site.js';

/** The registry that crane spoke to. */
const HOST = '127.0.0.1:5900';

/** Runs whose digests cannot be crane's. */
const OTHER_DIGEST: Readonly<Record<string, string>> = {
  rebase: 'types of the image are kept; crane makes them those of Docker',
  flatten: 'both depend on the clock',
  'push-oci': 'it is that of index.json, which crane indents and we do not: see below',
};

/** Runs that end otherwise. */
const OTHER_END: Readonly<Record<string, string>> = {
  'delete-tag': 'crane met a registry that deletes no tags',
};

/** Lists in the order of the registry. */
const LISTS = new Set(['ls', 'ls-full', 'catalog']);

describe('the runs that crane did', () => {
  it('give the same lines, exit codes, digests and bytes', async () => {
    const at = await site();
    for (const { name, command, exit, stdout } of runs) {
      const ran = await at.run(ours(at, command));
      const what = `${name}: ${command.join(' ')}\n${ran.err}`;
      expect(ran.code, what).toBe(OTHER_END[name] === undefined ? exit : 0);
      expect(shape(name, ran.out), what).toEqual(shape(name, stdout));
    }
    await checkBytes(at);
    await checkFiles(at);
  });

  it('of a layout that crane wrote, the same index is pushed', async () => {
    const at = await site();
    await mkdir(at.path('idx.oci'));
    await promisify(execFile)('tar', ['xf', fixture('tar/idx.oci.tar'), '-C', at.path('idx.oci')]);
    const { stdout = '' } = runs.find(({ name }) => name === 'push-oci') ?? {};
    const { out } = await at.ok(['push', at.path('idx.oci'), '--index', `${at.host}/c/pushed:idx`]);
    expect(out).toBe(stdout.replace(HOST, at.host));
  });
});

/** The same command line for this program, with crane's registry being the one of the test. */
function ours(at: Site, [, ...words]: readonly string[]): string[] {
  const local = words.map((word) =>
    /^l\d\.tar$/.test(word)
      ? fixture(`tar/${word}`)
      : word.replace(/^\$(?:OUT|W)\//, '').startsWith('crane/') || word.startsWith('$W/')
        ? at.path(basename(word))
        : word,
  );
  return ['--registry-map', `${HOST}=${at.host}`, ...local];
}

/** What must be the same of an output. */
function shape(name: string, text: string): unknown {
  if (LISTS.has(name)) return text.split('\n').toSorted();
  return OTHER_DIGEST[name] === undefined ? text : text.replace(/sha256:[0-9a-f]{64}/, 'sha256:…');
}

/** Manifests and configs in the registry, byte for byte. */
async function checkBytes(at: Site): Promise<void> {
  const map = ['--registry-map', `${HOST}=${at.host}`];
  const rebased = await at.ok([...map, 'config', `${HOST}/c/reb:1`]);
  expect(rebased.out).toBe(await readFile(fixture('crane/reb-1.config.json'), 'utf8'));
  const same = ['app-1', 'base-1', 'dbase-1', 'idx-1', 'idx-arm', 'mut-1', 'pushed-1', 'two-1'];
  for (const file of same) {
    const [repository = '', tag = ''] = file.split('-');
    const image = `${HOST}/c/${repository}:${tag}`;
    const manifest = await at.ok([...map, 'manifest', image]);
    expect(manifest.out, file).toBe(await readFile(fixture(`crane/${file}.manifest.json`), 'utf8'));
    if (['idx-1', 'idx-arm', 'pushed-1'].includes(file)) continue;
    const config = await at.ok([...map, 'config', image]);
    expect(config.out, file).toBe(await readFile(fixture(`crane/${file}.config.json`), 'utf8'));
  }
}

/** Archives and the tar of files, byte for byte. */
async function checkFiles(at: Site): Promise<void> {
  for (const file of ['two.docker.tar', 'two.legacy.tar', 'two.export.tar']) {
    const made = await readFile(at.path(file));
    expect(digestOf(made), file).toBe(digestOf(await readFile(fixture(`tar/${file}`))));
  }
  const index: unknown = JSON.parse(await readFile(at.path('idx.oci/index.json'), 'utf8'));
  expect(isObject(index) && index.manifests).toMatchObject([
    {
      digest: digestOf(await readFile(fixture('crane/idx-1.manifest.json'))),
      annotations: { 'org.opencontainers.image.ref.name': `${HOST}/c/idx:1` },
    },
  ]);
}
