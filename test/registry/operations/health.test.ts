import { describe, expect, it } from 'vitest';
import { readiness } from '../../../registry/operations/health.js';
import type { Store } from '../../../registry/index.js';
import { WAYS, open } from '../helpers.js';

interface Health {
  readonly status: string;
  readonly checks: Readonly<Record<string, string>>;
}

describe.each(WAYS)('health by %s', (way) => {
  it('a registry lives, and is ready until it drains', async () => {
    await using site = await open({}, way);
    expect(await site.ask('GET', '/livez')).toMatchObject({ status: 200 });
    const ready = await site.ask('GET', '/readyz');
    expect([ready.status, ready.json<Health>()]).toEqual([
      200,
      { status: 'ok', checks: { store: 'ok', space: 'ok', shutdown: 'ok' } },
    ]);
    site.registry.drain();
    const draining = await site.ask('GET', '/readyz');
    expect([draining.status, draining.json<Health>()]).toEqual([
      503,
      { status: 'failing', checks: { store: 'ok', space: 'ok', shutdown: 'the registry is about to end' } },
    ]);
    expect((await site.ask('GET', '/livez')).status).toBe(200);
  });

  it('HEAD gets the status only, other methods are refused', async () => {
    await using site = await open({}, way);
    const head = await site.ask('HEAD', '/readyz');
    expect([head.status, head.bytes.byteLength]).toEqual([200, 0]);
    const post = await site.ask('POST', '/livez');
    expect([post.status, post.headers.get('allow'), post.codes()]).toEqual([
      405,
      'GET, HEAD',
      ['UNSUPPORTED'],
    ]);
  });

  it('needs no credentials', async () => {
    await using site = await open({ access: { mode: 'basic', users: { alice: 'secret' } } }, way);
    expect((await site.ask('GET', '/livez')).status).toBe(200);
    expect((await site.ask('GET', '/readyz')).status).toBe(200);
    expect((await site.ask('GET', '/v2/')).status).toBe(401);
  });
});

describe('readiness', () => {
  /** A store with so much room, whose records fail or not. */
  const store = (free: number | Error, broken = false): Store => {
    const core = {
      rules: { minFree: 100 },
      free: () => (typeof free === 'number' ? Promise.resolve(free) : Promise.reject(free)),
      records: { get: () => (broken ? Promise.reject(new Error('I/O error')) : Promise.resolve(undefined)) },
    };
    return { core } as unknown as Store;
  };
  const ask = (of: Store, readOnly = false) => readiness({ store: of, readOnly, draining: false });

  it('fails when writes would be refused for want of space', async () => {
    expect(await ask(store(99))).toMatchObject({
      ready: false,
      checks: { space: expect.stringContaining('less space') },
    });
    expect(await ask(store(100))).toMatchObject({ ready: true });
  });

  it('does not ask for space where nothing is written', async () => {
    expect(await ask(store(0), true)).toMatchObject({ ready: true, checks: { space: 'ok' } });
  });

  it('fails when the store does not answer, and says no more than that', async () => {
    expect(await ask(store(new Error('/secret/path'), true))).toEqual({
      ready: false,
      checks: { store: 'the store does not answer', space: 'the free space cannot be told', shutdown: 'ok' },
    });
  });
});
