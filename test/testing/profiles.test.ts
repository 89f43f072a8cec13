import { describe, expect, it } from 'vitest';
import { TestClock, randomImage, startRegistry, type Profile } from '../../testing/index.js';

const image = randomImage({ layerSize: 5000 });
const { digest } = (image.layers[0] ?? image.config).descriptor;
const seed = {
  app: {
    a: image,
    b: { files: { b: '' } },
    c: { files: { c: '' } },
    '@sbom': { artifactType: 'text/x', subject: 'a' },
  },
} as const;

describe('profiles', () => {
  it('noReferrers: no such API, and no word about a subject', async () => {
    await using registry = await startRegistry({ seed, profile: 'noReferrers' });
    const answer = await fetch(`${registry.url}/v2/app/referrers/${image.digest}`);
    expect(answer.status).toBe(404);
    expect(await answer.text()).toBe('404 page not found\n');
    const manifest = await (await fetch(`${registry.url}/v2/app/manifests/a`)).text();
    const { config, layers } = JSON.parse(manifest) as { config: object; layers: object[] };
    const subject = { mediaType: image.descriptor.mediaType, digest: image.digest, size: 1 };
    const mediaType = 'application/vnd.oci.image.manifest.v1+json';
    const put = await fetch(`${registry.url}/v2/app/manifests/d`, {
      method: 'PUT',
      headers: { 'content-type': mediaType },
      body: JSON.stringify({ schemaVersion: 2, mediaType, config, layers, subject }),
    });
    expect(put.status).toBe(201);
    expect(put.headers.has('oci-subject')).toBe(false);
    expect(put.headers.has('docker-content-digest')).toBe(true);
  });

  it.each([
    ['/v2/app/tags/list', 2],
    ['/v2/app/tags/list?n=100', 2],
    ['/v2/app/tags/list?n=1', 1],
  ])('smallPages: %s gives %i entries and a link', async (path, count) => {
    await using registry = await startRegistry({ seed, profile: 'smallPages' });
    const answer = await fetch(registry.url + path);
    const { tags } = (await answer.json()) as { tags: string[] };
    expect(tags).toEqual(['a', 'b'].slice(0, count));
    const next = /<([^>]+)>/.exec(answer.headers.get('link') ?? '')?.[1] ?? '';
    const { tags: more } = (await (await fetch(registry.url + next)).json()) as { tags: string[] };
    expect(more).toEqual(['a', 'b', 'c'].slice(count, 2 * count));
  });

  it('smallPages: what is no number is still refused', async () => {
    await using registry = await startRegistry({ seed, profile: 'smallPages' });
    expect((await fetch(`${registry.url}/v2/app/tags/list?n=many`)).status).toBe(400);
  });

  it('noDelete: 405 to content, not to an upload', async () => {
    await using registry = await startRegistry({ seed, profile: 'noDelete' });
    for (const path of ['manifests/a', `blobs/${digest}`])
      expect((await fetch(`${registry.url}/v2/app/${path}`, { method: 'DELETE' })).status).toBe(405);
    const started = await fetch(`${registry.url}/v2/app/blobs/uploads/`, { method: 'POST' });
    const upload = new URL(started.headers.get('location') ?? '', registry.url);
    expect((await fetch(upload, { method: 'DELETE' })).status).toBe(204);
  });

  it('noMount: an upload is opened instead', async () => {
    const mount = `/v2/other/blobs/uploads/?mount=${digest}&from=app`;
    await using plain = await startRegistry({ seed });
    expect((await fetch(plain.url + mount, { method: 'POST' })).status).toBe(201);
    await using registry = await startRegistry({ seed, profile: 'noMount' });
    const answer = await fetch(registry.url + mount, { method: 'POST' });
    expect(answer.status).toBe(202);
    expect(answer.headers.get('location')).toMatch(/\/v2\/other\/blobs\/uploads\//);
  });

  it('noMount: a blob that comes with the request is taken whole', async () => {
    await using registry = await startRegistry({ profile: 'noMount' });
    const hello = 'sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824';
    for (const ask of [fetch, (url: string, init: RequestInit) => registry.fetch(url, init)]) {
      const url = `${registry.url}/v2/app/blobs/uploads/?digest=${hello}`;
      expect((await ask(url, { method: 'POST', body: 'hello' })).status).toBe(201);
    }
  });

  it('noRange: the whole blob, and no offer of parts', async () => {
    const headers = { range: 'bytes=10-19' };
    await using plain = await startRegistry({ seed });
    expect((await fetch(`${plain.url}/v2/app/blobs/${digest}`, { headers })).status).toBe(206);
    await using registry = await startRegistry({ seed, profile: 'noRange' });
    const answer = await fetch(`${registry.url}/v2/app/blobs/${digest}`, { headers });
    expect(answer.status).toBe(200);
    expect(answer.headers.has('accept-ranges')).toBe(false);
    const { bytes } = image.layers[0] ?? image.config;
    expect(Buffer.compare(Buffer.from(await answer.arrayBuffer()), bytes)).toBe(0);
  });

  it('go together', async () => {
    await using registry = await startRegistry({ seed, profile: ['noDelete', 'noReferrers'] });
    expect((await fetch(`${registry.url}/v2/app/manifests/a`, { method: 'DELETE' })).status).toBe(405);
    expect((await fetch(`${registry.url}/v2/app/referrers/${image.digest}`)).status).toBe(404);
  });

  it('an unknown one is refused', async () => {
    await expect(startRegistry({ profile: 'noWay' as Profile })).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      message: expect.stringContaining('expected noReferrers, smallPages') as string,
    });
  });
});

describe('switches', () => {
  it('readOnly refuses writes until it is taken back', async () => {
    await using registry = await startRegistry({ seed });
    const start = async (): Promise<number> =>
      (await fetch(`${registry.url}/v2/app/blobs/uploads/`, { method: 'POST' })).status;
    registry.readOnly(true);
    expect(await start()).toBe(403);
    expect((await fetch(`${registry.url}/v2/app/manifests/a`)).status).toBe(200);
    registry.readOnly(false);
    expect(await start()).toBe(202);
  });

  it('rateLimit says when to come again, by the clock of the registry', async () => {
    const clock = new TestClock();
    await using registry = await startRegistry({ clock });
    registry.rateLimit({ perSecond: 0.5, burst: 2 });
    const ask = async (): Promise<[number, string | null]> => {
      const answer = await fetch(`${registry.url}/v2/`);
      await answer.body?.cancel();
      return [answer.status, answer.headers.get('retry-after')];
    };
    expect([await ask(), await ask(), await ask()]).toEqual([
      [200, null],
      [200, null],
      [429, '2'],
    ]);
    clock.advance(2000);
    expect(await ask()).toEqual([200, null]);
    expect(await ask()).toEqual([429, '2']);
    registry.rateLimit(undefined);
    expect(await ask()).toEqual([200, null]);
    expect(() => registry.rateLimit({ perSecond: 0 })).toThrow('perSecond is 0, expected more than 0');
  });

  it('a fixed clock dates what is made', async () => {
    const clock = new TestClock(Date.UTC(2030, 0, 1));
    await using registry = await startRegistry({ socket: false, clock });
    await registry.fetch('/v2/');
    clock.advance(1500);
    await registry.fetch('/v2/');
    expect([...registry.requests].map(({ time }) => time - Date.UTC(2030, 0, 1))).toEqual([0, 1500]);
    expect(() => clock.advance(-1)).toThrow('it knows no way back');
  });
});
