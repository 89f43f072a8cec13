import { describe, expect, it } from 'vitest';
import { limit } from '../../client/layers/limit.js';
import type { Transport, TransportResponse } from '../../client/transport.js';
import { fake, get, textOf, type FakeAnswer } from './fakes.js';

const at = (path: string, host = 'a.example'): string => `https://${host}${path}`;

function limited(
  perHost: number,
  answer: FakeAnswer = { body: 'x' },
): { send: Transport; paths: () => string[] } {
  const { transport, sent } = fake(() => answer);
  return { send: limit({ perHost })(transport), paths: () => sent.map(({ url }) => new URL(url).pathname) };
}

/** Lets everything that can go on go on. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('limit', () => {
  it('lets so many in, and the others in their order as slots are given back', async () => {
    const { send, paths } = limited(2);
    const all = ['/1', '/2', '/3', '/4'].map((path) => send(get(at(path))));
    await settle();
    expect(paths()).toEqual(['/1', '/2']);
    expect(await textOf((await all[1]) as TransportResponse)).toBe('x');
    await settle();
    expect(paths()).toEqual(['/1', '/2', '/3']);
    await (await all[0])?.discard();
    await (await all[0])?.discard();
    await settle();
    expect(paths()).toEqual(['/1', '/2', '/3', '/4']);
  });

  it('has no line for what is asked aside', async () => {
    const { send, paths } = limited(1);
    await send(get(at('/1')));
    await send(get(at('/token'), { context: { aside: true } }));
    expect(paths()).toEqual(['/1', '/token']);
  });

  it('counts hosts apart, and reads apart from writes', async () => {
    const { send, paths } = limited(1);
    await send(get(at('/1')));
    await send(get(at('/2', 'b.example')));
    await send({ ...get(at('/3')), method: 'PUT' });
    expect(paths()).toEqual(['/1', '/2', '/3']);
  });

  it.each<[string, FakeAnswer, string]>([
    ['HEAD', { headers: { 'content-length': '7' } }, 'HEAD'],
    ['204', { status: 204 }, 'GET'],
    ['nothing', { headers: { 'content-length': '0' } }, 'GET'],
  ])('holds no slot for an answer without a body: %s', async (_, answer, method) => {
    const { send, paths } = limited(1, answer);
    await send({ ...get(at('/1')), method });
    await send({ ...get(at('/2')), method });
    expect(paths()).toEqual(['/1', '/2']);
  });

  it('gives a slot back when reading stops half way', async () => {
    const { send, paths } = limited(1);
    const first = await send(get(at('/1')));
    for await (const chunk of first.body) {
      expect(chunk).toHaveLength(1);
      break;
    }
    await send(get(at('/2')));
    expect(paths()).toHaveLength(2);
  });

  it('gives a slot back after a failure', async () => {
    const { transport } = fake((_, n) => (n === 1 ? new Error('broken') : {}));
    const send = limit({ perHost: 1 })(transport);
    await expect(send(get(at('/1')))).rejects.toThrow('broken');
    expect((await send(get(at('/2')))).status).toBe(200);
  });

  it('gives a slot back when the request is aborted', async () => {
    const abort = new AbortController();
    const { send, paths } = limited(1);
    await send(get(at('/1'), { signal: abort.signal }));
    const second = send(get(at('/2')));
    abort.abort();
    await second;
    expect(paths()).toHaveLength(2);
  });

  it('leaves the line by a signal, and its place to the next', async () => {
    const abort = new AbortController();
    const { send, paths } = limited(1);
    const first = await send(get(at('/1')));
    const second = send(get(at('/2'), { signal: abort.signal }));
    const third = send(get(at('/3')));
    const reason = new Error('enough');
    abort.abort(reason);
    await expect(second).rejects.toBe(reason);
    await first.discard();
    await third;
    expect(paths()).toEqual(['/1', '/3']);
  });

  it.each([0, 0.5, -1])('refuses a limit of %d', (perHost) => {
    expect(() => limit({ perHost })).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
  });
});
