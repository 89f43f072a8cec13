import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  describedImage,
  startRegistry,
  type Fault,
  type FaultRule,
  type LoggedRequest,
  type TestRegistry,
} from '../../../testing/index.js';
import { expectRegistry } from '../../../testing/node.js';
import { tempFolder } from '../../helpers/temp.js';
import { command } from '../command.js';
import { fixture, type Ran } from './site.js';

/** Waits that were asked for; none takes any time. */
const waits: number[] = [];
vi.mock('../../../client/layers/sleep.js', () => ({
  sleep: (milliseconds: number, signal?: AbortSignal): Promise<void> => {
    waits.push(milliseconds);
    signal?.throwIfAborted();
    return Promise.resolve();
  },
}));
beforeEach(() => {
  waits.length = 0;
});

const IMAGE = describedImage({ layers: 2, layerSize: 60_000, random: 'command faults' });
const FROM = { reader: 'secret of the reader' };
const TO = { writer: 'secret of the writer' };

type Side = 'from' | 'to';
type Verb = 'append' | 'copy' | 'digest' | 'manifest' | 'pull' | 'push';

/** Two registries with a user each, and a folder. */
interface Scene {
  readonly from: TestRegistry;
  readonly to: TestRegistry;
  readonly folder: string;
  readonly run: (verb: Verb, ...flags: readonly string[]) => Promise<Ran>;
}

async function scene(): Promise<Scene> {
  const [from, to] = await Promise.all([
    startRegistry({ users: FROM, auth: 'bearer', seed: { 'team/app': { v1: IMAGE } } }),
    startRegistry({ users: TO, auth: 'bearer' }),
  ]);
  onTestFinished(async () => {
    await Promise.all([from.close(), to.close()]);
  });
  const home = await tempFolder();
  const folder = await tempFolder();
  const entry = (users: Readonly<Record<string, string>>): object => {
    const [name, password] = Object.entries(users)[0] ?? [];
    return { auth: Buffer.from(`${name}:${password}`).toString('base64') };
  };
  await mkdir(join(home, '.docker'));
  await writeFile(
    join(home, '.docker/config.json'),
    JSON.stringify({
      auths: { [from.host]: entry(FROM), [to.host]: entry(TO) },
    }),
  );
  const image = `${from.host}/team/app:v1`;
  const target = `${to.host}/team/copy:v1`;
  const lines: Readonly<Record<Verb, readonly string[]>> = {
    copy: ['copy', image, target],
    pull: ['pull', image, join(folder, 'out.tar')],
    push: ['push', fixture('tar/two.docker.tar'), target],
    append: ['append', '-b', image, '-f', fixture('tar/l1.tar'), '-t', target],
    manifest: ['manifest', image],
    digest: ['digest', image],
  };
  const env = { HOME: home, XDG_STATE_HOME: join(home, 'state'), TMPDIR: folder };
  const run: Scene['run'] = async (verb, ...flags) => {
    const { exitCode: code, written, bytes } = await command(['image', ...lines[verb], ...flags], { env });
    return { code, out: written.out + bytes.toString('latin1'), bytes, err: written.err };
  };
  return { from, to, folder, run };
}

/** What there is after a command: what it printed, what is at the other registry, what is in the folder. */
async function outcome({ to, folder }: Scene, { out }: Ran): Promise<unknown> {
  const { store } = to.registry;
  const tag = await store.tags.get('team/copy', 'v1');
  return {
    out: out.replaceAll(to.host, 'to'),
    tag: tag?.digest,
    files: await readdir(folder),
  };
}

const NOTHING = { out: '', tag: undefined, files: [] };

/** By command, what there is when nothing fails. */
const RIGHT = new Map<Verb, Promise<unknown>>();

function right(verb: Verb): Promise<unknown> {
  const known =
    RIGHT.get(verb) ??
    scene().then(async (at) => {
      const ran = await at.run(verb);
      expect([verb, ran.code, ran.err.includes('again in')]).toEqual([verb, 0, false]);
      return await outcome(at, ran);
    });
  RIGHT.set(verb, known);
  return known;
}

/** Who has been told what: each user's secret and tokens go to his own registry only. */
function expectSecretsKept({ from, to }: Scene): void {
  const strangers = (registry: TestRegistry, user: string): LoggedRequest[] =>
    registry.requests.filter(
      (request) =>
        request.headers['authorization'] !== undefined &&
        request.faulted === undefined &&
        request.status !== 401 &&
        request.user !== user,
    );
  expect([strangers(from, 'reader'), strangers(to, 'writer')]).toEqual([[], []]);
  // Who is refused was somebody else, unless a fault says that a token has ended.
  const refused = (registry: TestRegistry): LoggedRequest[] =>
    registry.requests.filter(
      ({ status, headers, faulted }) =>
        status === 401 && headers['authorization'] !== undefined && faulted === undefined,
    );
  expect([refused(from), refused(to)]).toEqual([[], []]);
}

type Match = NonNullable<FaultRule['match']>;

const READ_MANIFEST: readonly [Side, Match] = ['from', { operation: 'manifest.get', method: 'GET' }];
const READ_BLOB: readonly [Side, Match] = ['from', { operation: 'blob.get', method: 'GET' }];
const HEAD: readonly [Side, Match] = ['from', { operation: 'manifest.get', method: 'HEAD' }];
const TOKEN = (side: Side): readonly [Side, Match] => [side, { operation: 'token' }];
const OPEN: readonly [Side, Match] = ['to', { operation: 'upload.start' }];
const SEND: readonly [Side, Match] = ['to', { operation: 'upload.finish' }];
const PUT: readonly [Side, Match] = ['to', { operation: 'manifest.put' }];

/** What each command asks of whom. */
const ASKED: Readonly<Record<Verb, readonly (readonly [Side, Match])[]>> = {
  copy: [READ_MANIFEST, READ_BLOB, OPEN, SEND, PUT, TOKEN('from'), TOKEN('to')],
  pull: [READ_MANIFEST, READ_BLOB],
  push: [OPEN, SEND, PUT],
  append: [READ_MANIFEST, READ_BLOB, OPEN, SEND, PUT],
  manifest: [READ_MANIFEST, HEAD],
  digest: [HEAD, TOKEN('from')],
};
const STRUCK = Object.entries(ASKED).flatMap(([verb, asked]) =>
  asked.map(([side, match]) => [verb as Verb, side, match] as const),
);

/** What passes, three in a row. */
const PASSING: readonly (readonly Fault[])[] = [
  [
    { kind: 'status', status: 429 },
    { kind: 'status', status: 429, retryAfter: 7 },
    { kind: 'status', status: 500 },
  ],
  [502, 503, 504].map((status) => ({ kind: 'status', status })),
  [{ kind: 'reset' }, { kind: 'reset', handled: true }, { kind: 'status', status: 503, handled: true }],
];

describe.each(PASSING.map((faults, at) => [faults, at] as const))('%j', (faults, at) => {
  // By one of them every command shows that it asks again; a copy and a read show the others.
  const struck = at === 0 ? STRUCK : STRUCK.filter(([verb]) => verb === 'copy' || verb === 'digest');

  it.each(struck)('%s gets over them, %s %j', async (verb, side, match) => {
    const wanted = await right(verb);
    const place = await scene();
    for (const fault of faults) place[side].faults.add({ match, fault, times: 1 });
    const ran = await place.run(verb);
    expect([ran.code, await outcome(place, ran)], ran.err).toEqual([0, wanted]);
    expect(place[side].requests.count({ faulted: true })).toBe(3);
    if (faults.some((fault) => 'retryAfter' in fault)) expect(waits).toContain(7000);
    expectSecretsKept(place);
  });
});

const CUTS: readonly (readonly [Verb, Side, Match, Fault])[] = (
  [
    [READ_BLOB, { kind: 'truncate', after: 20_000 }],
    [READ_BLOB, { kind: 'reset', after: 20_000 }],
    [READ_MANIFEST, { kind: 'truncate', after: 50 }],
    [READ_MANIFEST, { kind: 'reset', after: 50 }],
    [SEND, { kind: 'reset', of: 'request', after: 100 }],
    [PUT, { kind: 'reset', of: 'request', after: 100 }],
    [SEND, { kind: 'lostUpload' }],
    [READ_BLOB, { kind: 'expiredToken' }],
    [SEND, { kind: 'expiredToken' }],
    [PUT, { kind: 'expiredToken' }],
  ] as const
).flatMap(([target, fault]) =>
  Object.entries(ASKED)
    .filter(([, asked]) => asked.includes(target))
    .map(([verb]) => [verb as Verb, ...target, fault] as const),
);

describe('what breaks off in the middle', () => {
  it.each(CUTS)('%s ends with the right bytes, %s %j %j', async (verb, side, match, fault) => {
    const wanted = await right(verb);
    const at = await scene();
    // A fresh token that is refused is no good: nobody asks a third time.
    at[side].faults.add({ match, fault, times: fault.kind === 'expiredToken' ? 1 : 2 });
    const ran = await at.run(verb);
    expect([ran.code, await outcome(at, ran)], ran.err).toEqual([0, wanted]);
    expect(at[side].requests.count({ faulted: true })).toBeGreaterThan(0);
    expectSecretsKept(at);
  });
});

/** What does not pass. */
const LASTING: readonly (readonly [Fault, RegExp])[] = [
  [{ kind: 'status', status: 429, retryAfter: 1 }, /answered 429/],
  [{ kind: 'status', status: 403 }, /answered 403/],
  [{ kind: 'reset' }, /closed|reset/],
];
const WRONG: readonly (readonly [Verb, Side, Match, Fault, RegExp])[] = [
  ...STRUCK.flatMap(([verb, side, match]) =>
    LASTING.map(([fault, message]) => [verb, side, match, fault, message] as const),
  ),
  ...(['append', 'copy', 'pull'] as const).flatMap((verb) => [
    [verb, ...READ_BLOB, { kind: 'bitFlip', at: 60 }, /expected sha256/] as const,
    [verb, ...READ_BLOB, { kind: 'truncate', after: 10 }, /closed|ended/] as const,
  ]),
  ...(['append', 'copy', 'manifest', 'pull'] as const).map(
    (verb) => [verb, ...READ_MANIFEST, { kind: 'bitFlip', at: 60 }, /expected sha256/] as const,
  ),
];

describe('what does not pass', () => {
  it.each(WRONG)('%s ends with one clear error and nothing half done, %s %j %j', async (...given) => {
    const [verb, side, match, fault, message] = given;
    const at = await scene();
    at[side].faults.add({ match, fault });
    const ran = await at.run(verb, '--retry', '2');
    expect([ran.code, await outcome(at, ran)], ran.err).toEqual([1, NOTHING]);
    const errors = ran.err.split('\n').filter((line) => line.startsWith('ocilot: '));
    expect(errors, ran.err).toHaveLength(1);
    expect(errors[0]).toMatch(message);
    expect(ran.err).not.toMatch(/\n\s+at |secret/);
    expectSecretsKept(at);
  });
});

/** All at once, since each waits: what is slow by itself is asked again, too. */
describe('silence', () => {
  const SILENT = [
    ...STRUCK.map((one) => [...one, { kind: 'stall' }] as const),
    ...(['append', 'copy', 'pull'] as const).flatMap((verb) => [
      [verb, ...READ_BLOB, { kind: 'stall', after: 20_000 }] as const,
      [verb, ...READ_MANIFEST, { kind: 'stall', after: 50 }] as const,
    ]),
  ];

  it('is got over when it passes', async () => {
    const work = SILENT.map(async ([verb, side, match, fault]) => {
      const wanted = await right(verb);
      const at = await scene();
      at[side].faults.add({ match, fault, times: 1 });
      const ran = await at.run(verb, '--timeout', '700ms');
      expect([verb, side, match, ran.code, await outcome(at, ran)], ran.err).toEqual([
        verb,
        side,
        match,
        0,
        wanted,
      ]);
      expect(at[side].requests.count({ faulted: true })).toBe(1);
      expectSecretsKept(at);
    });
    await Promise.all(work);
  });

  it('ends with one clear error when it lasts', async () => {
    const work = SILENT.map(async ([verb, side, match, fault]) => {
      const at = await scene();
      at[side].faults.add({ match, fault });
      const ran = await at.run(verb, '--retry', '2', '--timeout', '300ms');
      expect([verb, side, match, ran.code, await outcome(at, ran)], ran.err).toEqual([
        verb,
        side,
        match,
        1,
        NOTHING,
      ]);
      expect(ran.err.split('\n').filter((line) => line.startsWith('ocilot: '))).toEqual([
        expect.stringContaining('no byte came or went'),
      ]);
      expectSecretsKept(at);
    });
    await Promise.all(work);
  });
});

describe('blobs on another host', () => {
  it.each(['append', 'copy', 'pull'] as const)(
    '%s reads them there, and tells nobody there who we are',
    async (verb) => {
      const wanted = await right(verb);
      const at = await scene();
      await using storage = await startRegistry({ seed: { 'team/app': { v1: IMAGE } } });
      const [side, match] = READ_BLOB;
      at[side].faults.add({ match, fault: { kind: 'redirect', to: storage.url } });
      storage.faults.add({ match, fault: { kind: 'truncate', after: 20_000 }, times: 2 });
      const ran = await at.run(verb);
      expect([ran.code, await outcome(at, ran)], ran.err).toEqual([0, wanted]);
      expect(storage.requests.count({ operation: 'blob.get', status: 206 })).toBeGreaterThan(0);
      expectSecretsKept(at);
      expectRegistry(at.from).toHaveNeverSentCredentialsTo(storage);
    },
  );
});
