import { readFile, readdir, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { digestOf } from '../../oci/index.js';
import { journalFolder, openJournal, remoteSink, type Journal } from '../../client/index.js';
import type { UploadKey } from '../../client/journal/journal.js';
import { startRegistry, type TestRegistry } from '../../testing/index.js';
import { bytesOf } from '../helpers/content.js';
import { tempFolder } from '../helpers/temp.js';
import { AT_ONCE, blobIn, repositoryOf } from './site.js';

const BYTES = bytesOf('journal', 50_000);
const DAY = 24 * 60 * 60 * 1000;
const KEY: UploadKey = { registry: 'r.example:5000', repository: 'team/app', digest: digestOf('blob') };
const HERE = 'https://r.example:5000/v2/team/app/blobs/uploads/1?_state=x';

/** A try that ends after two pieces, as a process that is killed. */
async function breakOff(registry: TestRegistry, journal: Journal): Promise<void> {
  const append = { operation: 'upload.append' } as const;
  const lift = registry.faults.add({ match: append, skip: 2, fault: { kind: 'status', status: 503 } });
  await expect(put(registry, journal)).rejects.toThrow(expect.objectContaining({ code: 'UNAVAILABLE' }));
  lift();
  registry.requests.clear();
}

function put(registry: TestRegistry, journal: Journal, notices: string[] = []): Promise<string> {
  const options = { journal, chunkSize: 16_000, retry: { ...AT_ONCE, attempts: 1 } };
  const sink = remoteSink(repositoryOf(registry), { ...options, onNotice: (text) => notices.push(text) });
  return sink.putBlob(blobIn(BYTES));
}

const ranges = (registry: TestRegistry): (string | undefined)[] =>
  registry.requests.filter({ method: 'PATCH' }).map(({ headers }) => headers['content-range']);

const files = async (folder: string): Promise<string[]> =>
  (await readdir(join(folder, 'uploads'))).map((name) => join(folder, 'uploads', name));

describe('an upload and a journal', () => {
  it('is gone on with by another process, and leaves nothing behind', async () => {
    await using registry = await startRegistry({ socket: false });
    const folder = await tempFolder();
    await breakOff(registry, openJournal({ folder }));
    const [file = '', ...others] = await files(folder);
    expect(others).toEqual([]);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect((await stat(join(folder, 'uploads'))).mode & 0o777).toBe(0o700);
    expect(await put(registry, openJournal({ folder }))).toBe('sent');
    expect(ranges(registry)).toEqual(['32000-47999', '48000-49999']);
    expect(registry.requests.count({ method: ['HEAD', 'POST'] })).toBe(0);
    const read = await registry.fetch(`/v2/team/app/blobs/${digestOf(BYTES)}`);
    expect(Buffer.compare(Buffer.from(await read.arrayBuffer()), BYTES)).toBe(0);
    expect(await files(folder)).toEqual([]);
  });

  it('begins anew, with a notice, when the registry has forgotten it', async () => {
    await using registry = await startRegistry({ socket: false });
    const folder = await tempFolder();
    await breakOff(registry, openJournal({ folder }));
    const [file = ''] = await files(folder);
    const { location } = JSON.parse(await readFile(file, 'utf8')) as { location: string };
    await registry.fetch(location, { method: 'DELETE' });
    registry.requests.clear();
    const notices: string[] = [];
    expect(await put(registry, openJournal({ folder }), notices)).toBe('sent');
    expect(ranges(registry)[0]).toBe('0-15999');
    expect(notices).toEqual([expect.stringContaining('has lost what was uploaded before')]);
    // What somebody else has put there meanwhile is nothing to speak of.
    notices.length = 0;
    expect(await put(registry, openJournal({ folder }), notices)).toBe('present');
    expect(notices).toEqual([]);
  });

  it('begins anew when what was uploaded before turns out to be something else', async () => {
    await using registry = await startRegistry({ socket: false });
    const folder = await tempFolder();
    await breakOff(registry, openJournal({ folder }));
    const [file = ''] = await files(folder);
    const started = await registry.fetch('/v2/team/app/blobs/uploads/', { method: 'POST' });
    const location = new URL(started.headers.get('location') ?? '', registry.url).href;
    await registry.fetch(location, { method: 'PATCH', body: Buffer.alloc(20_000) });
    const entry = JSON.parse(await readFile(file, 'utf8')) as object;
    await writeFile(file, JSON.stringify({ ...entry, location }));
    registry.requests.clear();
    expect(await put(registry, openJournal({ folder }))).toBe('sent');
    expect(ranges(registry).slice(0, 3)).toEqual(['20000-35999', '36000-49999', '0-15999']);
    expect(await files(folder)).toEqual([]);
  });

  it('is sent by two at once, of whom only one has the page', async () => {
    await using registry = await startRegistry({ socket: false });
    const folder = await tempFolder();
    await breakOff(registry, openJournal({ folder }));
    const key = { registry: registry.host, repository: 'team/app', digest: digestOf(BYTES) };
    await openJournal({ folder }).during(key, async (page) => {
      expect(page.location).toBeDefined();
      expect(await put(registry, openJournal({ folder }))).toBe('sent');
    });
    expect(ranges(registry)[0]).toBe('0-15999');
    registry.requests.clear();
    // The page of the first is as it was.
    await openJournal({ folder }).during(key, (page) => {
      expect(page.location).toBeDefined();
      return Promise.resolve();
    });
  });

  it('goes on without a journal that cannot be written', async () => {
    await using registry = await startRegistry({ socket: false });
    const folder = join(await tempFolder(), 'file');
    await writeFile(folder, '');
    const notices: string[] = [];
    const journal = openJournal({ folder, onNotice: (text) => notices.push(text) });
    expect(await put(registry, journal)).toBe('sent');
    expect(notices).toEqual([expect.stringContaining('uploads cannot be remembered')]);
  });
});

describe('a journal', () => {
  const pageOf = (journal: Journal, key = KEY): Promise<string | undefined> =>
    journal.during(key, (page) => Promise.resolve(page.location));
  const keep = (journal: Journal, location: string, key = KEY): Promise<boolean> =>
    journal.during(key, async (page) => {
      await page.keep(location);
      return page.kept;
    });

  it('tells uploads apart by registry, repository and digest', async () => {
    const folder = await tempFolder();
    expect(await keep(openJournal({ folder }), HERE)).toBe(true);
    expect(await pageOf(openJournal({ folder }))).toBe(HERE);
    for (const other of [{ registry: 'r.example' }, { repository: 'team' }, { digest: digestOf('other') }])
      expect(await pageOf(openJournal({ folder }), { ...KEY, ...other })).toBeUndefined();
  });

  it.each(['https://elsewhere.example/upload?sig=x', 'https://me:pw@r.example:5000/upload', 'no url'])(
    'does not keep %s',
    async (location) => {
      const folder = await tempFolder();
      expect(await keep(openJournal({ folder }), location)).toBe(false);
      expect(await files(folder)).toEqual([]);
    },
  );

  it('throws pages away after seven days, those of others too', async () => {
    const folder = await tempFolder();
    let now = 1_000_000 * DAY;
    const journal = openJournal({ folder, now: () => now });
    await keep(journal, HERE);
    now += 7 * DAY - 1;
    expect(await pageOf(journal)).toBe(HERE);
    now += 2;
    expect(await pageOf(journal)).toBeUndefined();
    await pageOf(openJournal({ folder, now: () => now }), { ...KEY, repository: 'other' });
    expect(await files(folder)).toEqual([]);
  });

  it('takes away what was half written: of this upload, and of others long ago', async () => {
    const folder = await tempFolder();
    await keep(openJournal({ folder }), HERE);
    const [kept = ''] = await files(folder);
    const named = (name: string): string => join(folder, 'uploads', name);
    const [own, old, fresh, other] = [
      `${kept}.new`,
      named('a.json.new'),
      named('b.json.new'),
      named('c.txt'),
    ];
    for (const path of [own, old, fresh, other]) await writeFile(path, '{');
    for (const path of [old, other]) await utimes(path, 0, 0);
    expect(await pageOf(openJournal({ folder }))).toBe(HERE);
    expect((await files(folder)).toSorted()).toEqual([kept, fresh, other].toSorted());
  });

  it.each(['', '{', '[]', '{"time":1}', '\u0000\u0001'])('takes %j for nothing', async (text) => {
    const folder = await tempFolder();
    await keep(openJournal({ folder }), HERE);
    const [file = ''] = await files(folder);
    await writeFile(file, text);
    expect(await pageOf(openJournal({ folder }))).toBeUndefined();
    expect(await files(folder)).toEqual([]);
  });

  it('throws what the work throws', async () => {
    const folder = await tempFolder();
    const problem = new Error('no');
    await expect(openJournal({ folder }).during(KEY, () => Promise.reject(problem))).rejects.toBe(problem);
    expect(await files(folder)).toEqual([]);
  });

  it('lies where the system keeps state', () => {
    expect(journalFolder({ XDG_STATE_HOME: '/state' }, '/home/me')).toBe('/state/ocilot');
    expect(journalFolder({}, '/home/me')).toBe('/home/me/.local/state/ocilot');
  });
});
