import { describe, expect, it } from 'vitest';
import { OciError } from '../../oci/index.js';
import { OPEN_ACCESS } from '../../registry/access/access.js';
import { createRegistry } from '../../registry/index.js';
import { RateLimit } from '../../registry/rate-limit.js';
import { WAYS, open } from './helpers.js';

describe('RateLimit', () => {
  it('lets a burst pass, then so many in a second', () => {
    let now = 0;
    const limit = new RateLimit({ perSecond: 2, burst: 3 }, () => now);
    const take = (count: number): number =>
      Array.from({ length: count }, () => limit.take('a')).filter((wait) => wait === 0).length;
    expect(take(10)).toBe(3);
    now += 499;
    expect(take(10)).toBe(0);
    now += 1;
    expect(take(10)).toBe(1);
    now += 1000;
    expect(take(10)).toBe(2);
    now += 1_000_000;
    expect(take(10)).toBe(3);
  });

  it('tells in how many seconds the next may come', () => {
    let now = 0;
    const limit = new RateLimit({ perSecond: 0.1, burst: 1 }, () => now);
    expect(limit.take('a')).toBe(0);
    expect(limit.take('a')).toBe(10);
    now += 9_500;
    expect(limit.take('a')).toBe(1);
    now += 500;
    expect(limit.take('a')).toBe(0);
  });

  it('counts clients apart', () => {
    const limit = new RateLimit({ perSecond: 1, burst: 1 }, () => 0);
    expect([limit.take('a'), limit.take('b'), limit.take('a'), limit.take('b')]).toEqual([0, 0, 1, 1]);
  });

  it('is not upset by a clock that goes back', () => {
    let now = 10_000;
    const limit = new RateLimit({ perSecond: 1, burst: 1 }, () => now);
    expect(limit.take('a')).toBe(0);
    now = 0;
    expect(limit.take('a')).toBe(1);
    now = 1000;
    expect(limit.take('a')).toBe(0);
  });

  it('remembers those who came last, and not more than it may', () => {
    const limit = new RateLimit({ perSecond: 1, burst: 1 }, () => 0, 100);
    expect(limit.take('regular')).toBe(0);
    for (let count = 0; count < 10_000; count++) {
      limit.take(`client ${count}`);
      expect(limit.take('regular')).toBe(1);
      expect(limit.size).toBeLessThanOrEqual(100);
    }
  });
});

describe.each(WAYS)('a registry with a limit, by %s', (way) => {
  it('answers what is too much with 429 and when to come back', async () => {
    let now = 0;
    await using site = await open({ rateLimit: { perSecond: 1, burst: 2 }, now: () => now }, way);
    const ask = async (path: string): Promise<number> => (await site.ask('GET', path)).status;
    expect([await ask('/v2/'), await ask('/v2/_catalog')]).toEqual([200, 200]);
    const refused = await site.ask('PUT', '/v2/app/manifests/v1', { body: 'x' });
    expect([refused.status, refused.codes()]).toEqual([429, ['TOOMANYREQUESTS']]);
    expect(refused.headers.get('retry-after')).toBe('1');
    expect(await ask('/')).toBe(429);
    for (const path of ['/v2', '/metrics', '/_ocilot/usage', '/_ocilot/token', '/nothing'])
      expect(await ask(path)).toBe(429);
    expect([await ask('/livez'), await ask('/readyz')]).toEqual([200, 200]);
    now += 1000;
    expect([await ask('/v2/'), await ask('/v2/')]).toEqual([200, 429]);
  });
});

it('says when to come back to who cannot be checked for now', async () => {
  const busy = new OciError('TOOMANYREQUESTS', 'too many checks wait');
  await using site = await open({ access: { ...OPEN_ACCESS, authenticate: () => Promise.reject(busy) } });
  const answer = await site.ask('GET', '/v2/');
  expect([answer.status, answer.headers.get('retry-after')]).toEqual([429, '1']);
});

it('clients behind a trusted proxy are counted apart', async () => {
  await using site = await open({ rateLimit: { perSecond: 1, burst: 1 }, now: () => 0, trustProxy: true });
  const ask = async (client: string): Promise<number> =>
    (await site.ask('GET', '/v2/', { headers: { 'x-forwarded-for': client } })).status;
  expect([await ask('10.0.0.1'), await ask('10.0.0.2'), await ask('10.0.0.1')]).toEqual([200, 200, 429]);
  // A client cannot make itself another one.
  expect(await ask('6.6.6.6, 10.0.0.1')).toBe(429);
});

it.each([{ perSecond: 0 }, { perSecond: -1 }, { perSecond: Number.NaN }, { perSecond: 1, burst: -1 }])(
  'a limit of %j is refused',
  async (rateLimit) => {
    await expect(createRegistry({ rateLimit })).rejects.toMatchObject({ code: 'INVALID_OPTION' });
  },
);
