import { describe, expect, it, vi } from 'vitest';
import { resultOf, type JobLine } from '../../../registry/operations/jobs.js';
import type { RegistryOptions, Usage } from '../../../registry/index.js';
import { tempFolder } from '../../helpers/temp.js';
import { putImage } from '../../helpers/content.js';
import { WAYS, open as openSite, pushManifest, type Answer, type Site, type Way } from '../helpers.js';

/** A site whose own endpoints may be asked for under the name that `fetch` of the helpers uses. */
const open = (options: RegistryOptions, way?: Way): Promise<Site> =>
  openSite({ publicUrl: 'http://registry.test', ...options }, way);

/** The result of a job that was answered as lines. */
async function jobOf(answer: Answer): Promise<object> {
  expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'application/x-ndjson']);
  const lines = answer.bytes
    .toString()
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as JobLine);
  return await resultOf(
    (async function* () {
      yield* lines;
    })(),
  );
}

const CLOSED: RegistryOptions = {
  access: { mode: 'basic', users: { alice: 'secret', bob: 'secret' }, admins: ['alice'] },
};

const as = (name: string) => ({
  headers: { authorization: `Basic ${Buffer.from(`${name}:secret`).toString('base64')}` },
});

describe.each(WAYS)('own endpoints by %s', (way) => {
  it('tell what is stored', async () => {
    await using site = await open({ quotas: { team: 1_000_000 } }, way);
    await putImage(site.registry.store, 'team/app', { seed: 'a', layers: [100, 200], tags: ['1', '2'] });
    await putImage(site.registry.store, 'other', { seed: 'a', layers: [100] });
    const usage = (await site.ask('GET', '/_ocilot/usage')).json<Usage>();
    expect(usage).toMatchObject({
      repositories: 2,
      manifests: 2,
      tags: 2,
      blobs: 3,
      uploads: 0,
      quotas: [{ prefix: 'team', limit: 1_000_000 }],
    });
    expect(usage.quotas[0]?.used).toBe(usage.bytes);
  });

  it('collect', async () => {
    let time = 1_000_000;
    await using site = await open({ now: () => time, lease: 1000 }, way);
    await putImage(site.registry.store, 'app', { seed: 'a' });
    time += 2000;
    const dry = await jobOf(await site.ask('POST', '/_ocilot/gc?untagged=true&dryRun=true'));
    expect(dry).toMatchObject({ manifests: 1, repositories: 0 });
    expect(await jobOf(await site.ask('POST', '/_ocilot/gc'))).toMatchObject({ manifests: 0, blobs: 0 });
    expect(await jobOf(await site.ask('POST', '/_ocilot/gc?untagged=true'))).toMatchObject({
      manifests: 1,
      blobs: 2,
      repositories: 1,
    });
  });

  it('read everything again', async () => {
    await using site = await open({}, way);
    await pushManifest(site, 'app', '1');
    expect(await jobOf(await site.ask('POST', '/_ocilot/scrub'))).toMatchObject({
      manifests: 1,
      tags: 1,
      damaged: [],
    });
  });

  it('delete a repository', async () => {
    await using site = await open({}, way);
    await pushManifest(site, 'team/app', '1');
    expect((await site.ask('DELETE', '/_ocilot/repositories/team/app')).status).toBe(204);
    expect((await site.ask('GET', '/v2/team/app/tags/list')).codes()).toEqual(['NAME_UNKNOWN']);
    const again = await site.ask('DELETE', '/_ocilot/repositories/team/app');
    expect([again.status, again.codes()]).toEqual([404, ['NAME_UNKNOWN']]);
    expect((await site.ask('DELETE', '/_ocilot/repositories/Team//x')).codes()).toEqual(['NAME_INVALID']);
  });

  it.each([
    ['GET', '/_ocilot/gc', 405, 'UNSUPPORTED'],
    ['POST', '/_ocilot/usage', 405, 'UNSUPPORTED'],
    ['POST', '/_ocilot/gc?dry=true', 400, 'UNSUPPORTED'],
    ['POST', '/_ocilot/gc?dryRun=yes', 400, 'UNSUPPORTED'],
    ['POST', '/_ocilot/nothing', 404, 'NAME_UNKNOWN'],
    ['POST', '/_ocilot/constructor', 404, 'NAME_UNKNOWN'],
    // A path of the server is the business of whoever is on its machine.
    ['POST', '/_ocilot/backup?folder=/tmp/x', 404, 'NAME_UNKNOWN'],
  ])('%s %s is refused with %i', async (method, path, status, code) => {
    await using site = await open({}, way);
    const answer = await site.ask(method, path);
    expect([answer.status, answer.codes()]).toEqual([status, [code]]);
  });

  it('are for administrators', async () => {
    await using site = await open(CLOSED, way);
    const anonymous = await site.ask('GET', '/_ocilot/usage');
    expect([anonymous.status, anonymous.headers.has('www-authenticate')]).toEqual([401, true]);
    expect((await site.ask('GET', '/_ocilot/usage', as('bob'))).codes()).toEqual(['DENIED']);
    expect((await site.ask('GET', '/_ocilot/usage', as('alice'))).status).toBe(200);
    expect((await site.ask('GET', '/_ocilot/nothing')).status).toBe(401);
  });
});

describe('what is refused', () => {
  const status = async (site: Site, method: string, path: string): Promise<number> =>
    (await site.ask(method, path)).status;

  it('in a registry that is read-only: to delete', async () => {
    await using site = await open({ readOnly: true });
    expect(await status(site, 'DELETE', '/_ocilot/repositories/app')).toBe(403);
    expect(await status(site, 'POST', '/_ocilot/scrub?remove=true')).toBe(403);
    expect(await status(site, 'POST', '/_ocilot/scrub')).toBe(200);
    expect(await status(site, 'POST', '/_ocilot/gc?untagged=true')).toBe(403);
    expect(await status(site, 'POST', '/_ocilot/gc')).toBe(403);
    expect(await status(site, 'POST', '/_ocilot/gc?untagged=true&dryRun=true')).toBe(200);
    await expect(site.registry.collect()).rejects.toMatchObject({ code: 'DENIED' });
    await expect(site.registry.collect({ untagged: true })).rejects.toMatchObject({ code: 'DENIED' });
  });

  it('in a registry that is read-only: to collect from time to time', async () => {
    const every = vi.spyOn(globalThis, 'setInterval');
    const timers = async (readOnly: boolean): Promise<number> => {
      every.mockClear();
      await using site = await open({ readOnly, collection: { every: 12_345 } });
      expect((await site.ask('GET', '/livez')).status).toBe(200);
      return every.mock.calls.filter(([, time]) => time === 12_345).length;
    };
    expect([await timers(false), await timers(true)]).toEqual([1, 0]);
    every.mockRestore();
  });

  it('where deleting is switched off: to delete', async () => {
    await using site = await open({ deletes: { enabled: false } });
    expect(await status(site, 'DELETE', '/_ocilot/repositories/app')).toBe(405);
    expect(await status(site, 'POST', '/_ocilot/gc?untagged=true')).toBe(405);
    expect(await status(site, 'POST', '/_ocilot/gc?untagged=true&dryRun=true')).toBe(200);
    expect(await status(site, 'POST', '/_ocilot/gc')).toBe(200);
  });

  it('where deleting is switched off: to collect manifests, whatever the options say', async () => {
    let time = 1_000_000;
    await using site = await open({
      deletes: { enabled: false },
      collection: { untagged: true },
      now: () => time,
      lease: 1000,
    });
    await putImage(site.registry.store, 'app', { seed: 'a' });
    time += 2000;
    expect(await site.registry.collect()).toMatchObject({ manifests: 0, blobs: 0 });
    await expect(site.registry.collect({ untagged: true })).rejects.toMatchObject({ code: 'UNSUPPORTED' });
  });

  it('a repository with an immutable tag', async () => {
    await using site = await open({ immutableTags: [{ repository: '**' }] });
    await pushManifest(site, 'app', '1');
    expect(await status(site, 'DELETE', '/_ocilot/repositories/app')).toBe(403);
    expect(await status(site, 'GET', '/v2/app/manifests/1')).toBe(200);
  });

  it('to pages of other sites', async () => {
    await using site = await open({});
    const from = async (origin: string): Promise<number> =>
      (await site.ask('POST', '/_ocilot/gc', { headers: { origin, host: 'registry.test' } })).status;
    expect([await from('https://evil.example'), await from('null')]).toEqual([403, 403]);
    expect(await from('http://registry.test')).toBe(200);
  });

  it('to pages of other sites, with the credentials that a browser remembers', async () => {
    await using site = await openSite(CLOSED);
    const from = async (origin: string): Promise<number> => {
      const headers = { origin, host: 'registry.test', ...as('alice').headers };
      return (await site.ask('POST', '/_ocilot/gc', { headers })).status;
    };
    expect([await from('https://evil.example'), await from('http://registry.test')]).toEqual([403, 200]);
  });
});

describe('somebody on the machine', () => {
  it('needs no credentials, and is in the log', async () => {
    const paths: string[] = [];
    await using site = await open({
      ...CLOSED,
      onRequest: ({ path, client }) => paths.push(`${client} ${path}`),
    });
    const ask = (method: string, path: string): Promise<Response> =>
      site.registry.administer(new Request(`http://localhost${path}`, { method }));
    expect((await ask('GET', '/_ocilot/usage')).status).toBe(200);
    const folder = await tempFolder();
    expect(await (await ask('POST', `/_ocilot/backup?folder=${folder}`)).text()).toContain('{"result":');
    expect((await ask('POST', '/_ocilot/backup?folder=relative')).status).toBe(400);
    expect((await ask('POST', '/_ocilot/..%2f')).status).toBe(400);
    expect(paths).toContain('control /_ocilot/usage');
  });
});
