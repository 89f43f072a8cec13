import { describe, expect, it } from 'vitest';
import { blobOf, open, type Answer, type Site } from '../helpers.js';

const LOCAL = 'localhost:5000';

const CLOSED = { access: { mode: 'basic', users: { alice: 'secret' } } } as const;

/** Whether a blob was taken. */
async function push(site: Site, headers: Readonly<Record<string, string>>): Promise<number> {
  const { bytes, digest } = blobOf('hello');
  const path = `/v2/app/blobs/uploads/?digest=${digest}`;
  return (await site.ask('POST', path, { headers, body: bytes })).status;
}

const usage = async (site: Site, headers: Readonly<Record<string, string>>): Promise<Answer> =>
  await site.ask('GET', '/_ocilot/usage', { headers });

describe('an open registry', () => {
  it.each([
    ['http://localhost:5000', LOCAL],
    ['http://127.0.0.1:5000', LOCAL],
    ['http://[::1]:5000', LOCAL],
    ['http://localhost', 'localhost'],
    ['https://registry.example', 'somewhere:5000'],
  ])('takes what the page %s sends to %s', async (origin, host) => {
    await using site = await open({ publicUrl: 'https://registry.example' });
    expect(await push(site, { origin, host })).toBe(201);
  });

  it.each([
    ['https://evil.example', LOCAL],
    ['null', LOCAL],
    ['http://localhost:3000', LOCAL],
    ['http://localhost', LOCAL],
    ['http://localhost.evil.example:5000', LOCAL],
    // Its own site, for a browser that was led here by that name.
    ['http://evil.example:5000', 'evil.example:5000'],
    ['http://registry.example', 'registry.example'],
  ])('takes nothing that the page %s sends to %s', async (origin, host) => {
    await using site = await open({ publicUrl: 'https://registry.example' });
    expect(await push(site, { origin, host })).toBe(403);
    const answer = await site.ask('DELETE', '/v2/app/manifests/v1', { headers: { origin, host } });
    expect([answer.status, answer.codes()]).toEqual([403, ['DENIED']]);
    const read = await site.ask('GET', '/v2/_catalog', { headers: { origin, host } });
    expect(read.status).toBe(200);
  });

  it('takes what tools send, under any name', async () => {
    await using site = await open();
    for (const host of [LOCAL, 'registry', 'registry.test:5000', '10.0.0.7:5000'])
      expect(await push(site, { host })).toBe(201);
    expect(await push(site, {})).toBe(201);
  });

  it.each([
    'localhost',
    LOCAL,
    'app.localhost:5000',
    '127.0.0.1:5000',
    '[::1]:5000',
    '10.0.0.7',
    '[fd00::7]:5000',
    'registry.example:8443',
  ])('tells of itself under the name %s', async (host) => {
    await using site = await open({ publicUrl: 'https://registry.example' });
    expect((await usage(site, { host })).status).toBe(200);
  });

  it.each(['evil.example:5000', 'registry', 'localhost.evil.example', '10.0.0.7.evil.example', ':', ''])(
    'tells nothing of itself under the name %j',
    async (host) => {
      await using site = await open({ publicUrl: 'https://registry.example' });
      const answer = await usage(site, { host });
      expect([answer.status, answer.codes()]).toEqual([403, ['DENIED']]);
    },
  );

  it('answers machines under any name', async () => {
    await using site = await open({ metrics: { enabled: true } });
    for (const path of ['/livez', '/readyz', '/metrics'])
      expect((await site.ask('GET', path, { headers: { host: 'registry:5000' } })).status).toBe(200);
  });
});

it('a registry with access control goes by credentials, under any name', async () => {
  await using site = await open(CLOSED);
  const authorization = `Basic ${Buffer.from('alice:secret').toString('base64')}`;
  expect((await usage(site, { host: 'registry', authorization })).status).toBe(200);
  expect(await push(site, { host: 'registry', authorization })).toBe(201);
});
