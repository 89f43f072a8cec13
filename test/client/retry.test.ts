import { describe, expect, it } from 'vitest';
import { OciError } from '../../oci/index.js';
import { retry, type RetryEvent, type RetryOptions } from '../../client/layers/retry.js';
import { networkError } from '../../client/network-errors.js';
import { retryAfterOf } from '../../client/retry-after.js';
import { withBody, type Transport, type TransportRequest } from '../../client/transport.js';
import { bodyOf, fake, get, textOf, type FakeAnswer } from './fakes.js';

const URL = 'https://registry.example/v2/';
const broken = (code: string): OciError =>
  networkError(Object.assign(new Error('it broke'), { code }), { method: 'GET', url: URL });

/** Runs one request; waits pass at once and are remembered. */
async function run(
  answer: (n: number) => FakeAnswer | Error,
  options: RetryOptions = {},
  request = get(URL),
): Promise<{ outcome: unknown; waits: number[]; sent: number; discarded: boolean[]; events: RetryEvent[] }> {
  const waits: number[] = [];
  const events: RetryEvent[] = [];
  const { transport, sent, answers } = fake((_, n) => answer(n));
  const layer = retry({
    random: () => 0,
    now: () => Date.parse('2026-01-01T00:00:00Z'),
    sleep: (time) => {
      waits.push(time);
      return Promise.resolve();
    },
    onRetry: (event) => events.push(event),
    ...options,
  });
  const outcome = await layer(transport)(request).then(
    (response) => response.status,
    (error: unknown) => error,
  );
  return { outcome, waits, sent: sent.length, discarded: answers.map((one) => one.discarded), events };
}

describe('a document', () => {
  const PARTS = [Buffer.from('0123'), Buffer.from('4567')];

  /** Answers that break off after the first part, so many times. */
  function breaking(times: number): { readonly transport: Transport; readonly sent: TransportRequest[] } {
    const { transport, sent } = fake(() => ({}));
    async function* body(isCut: boolean): AsyncGenerator<Uint8Array> {
      yield PARTS[0] ?? Buffer.of();
      if (isCut) throw new OciError('NETWORK', 'it broke', { detail: { reason: 'closed' } });
      yield PARTS[1] ?? Buffer.of();
    }
    return {
      sent,
      transport: async (request) => {
        const response = await transport(request);
        return withBody(response, { body: body(sent.length <= times), discard: () => response.discard() });
      },
    };
  }
  const layer = retry({ attempts: 3, sleep: () => Promise.resolve() });
  const read = async (transport: Transport, whole: number): Promise<string> =>
    await textOf(await layer(transport)(get(URL, { context: { whole } })));

  it('that breaks off is asked for again, as often as anything', async () => {
    const twice = breaking(2);
    expect([await read(twice.transport, 8), twice.sent.length]).toEqual(['01234567', 3]);
    await expect(read(breaking(3).transport, 8)).rejects.toThrow('it broke');
  });

  it('is read no further than it is said to be long; what is no document is not read', async () => {
    expect(await read(breaking(0).transport, 3)).toBe('01234567');
    for (const whole of [0, 3]) {
      const cut = breaking(1);
      await expect(read(cut.transport, whole)).rejects.toThrow('it broke');
      expect(cut.sent).toHaveLength(1);
    }
  });
});

describe('retry', () => {
  it.each([408, 429, 499, 500, 502, 503, 504, 522])('asks again after %i', async (status) => {
    const { outcome, waits, discarded } = await run((n) => ({ status: n < 3 ? status : 200 }));
    expect(outcome).toBe(200);
    expect(waits).toEqual([500, 1000]);
    expect(discarded).toEqual([true, true, false]);
  });

  it.each([200, 301, 400, 401, 403, 404, 416, 501])('takes %i for an answer', async (status) => {
    const { outcome, sent } = await run(() => ({ status }));
    expect([outcome, sent]).toEqual([status, 1]);
  });

  it('gives the last answer back when all attempts are spent', async () => {
    const { outcome, sent, waits, discarded, events } = await run(() => ({ status: 503 }), { attempts: 3 });
    expect([outcome, sent, waits]).toEqual([503, 3, [500, 1000]]);
    expect(discarded).toEqual([true, true, false]);
    expect(events.map(({ attempt, cause }) => [attempt, cause])).toEqual([
      [1, 503],
      [2, 503],
    ]);
  });

  it.each(['ECONNRESET', 'UND_ERR_SOCKET', 'UND_ERR_HEADERS_TIMEOUT', 'EAI_AGAIN', 'EPIPE'])(
    'asks again after %s',
    async (code) => {
      const { outcome, sent } = await run((n) => (n === 1 ? broken(code) : {}));
      expect([outcome, sent]).toEqual([200, 2]);
    },
  );

  it.each(['ECONNREFUSED', 'ENOTFOUND', 'DEPTH_ZERO_SELF_SIGNED_CERT', 'ERR_SSL_WRONG_VERSION_NUMBER'])(
    'does not hope that %s passes',
    async (code) => {
      const error = broken(code);
      expect(await run(() => error)).toMatchObject({ outcome: error, sent: 1 });
    },
  );

  it('throws what is no failure of the network as it is', async () => {
    for (const error of [
      new Error('a bug'),
      new OciError('DENIED', 'no'),
      new DOMException('stop', 'AbortError'),
    ])
      expect(await run(() => error)).toMatchObject({ outcome: error, sent: 1 });
  });

  it('leaves out up to half of each wait at random, and waits no longer than the cap', async () => {
    const { waits } = await run(() => ({ status: 503 }), { random: () => 0.5, cap: 1600, attempts: 5 });
    expect(waits).toEqual([375, 750, 1200, 1200]);
  });

  it.each([
    ['7', 7000],
    ['0', 0],
    ['Thu, 01 Jan 2026 00:00:09 GMT', 9000],
    ['Wed, 31 Dec 2025 00:00:00 GMT', 0],
    ['86400', 60_000],
    ['soon', 500],
    ['-1', 500],
    ['1.5', 500],
  ])('keeps to Retry-After: %s', async (value, wait) => {
    const { waits } = await run((n) => (n === 1 ? { status: 429, headers: { 'retry-after': value } } : {}));
    expect(waits).toEqual([wait]);
  });

  it('opens the body anew for each attempt', async () => {
    const body = bodyOf('bytes');
    const { transport } = fake((_, n) => ({ status: n < 3 ? 500 : 201 }));
    const reading: typeof transport = async (request) => {
      for await (const chunk of request.body?.open() ?? [])
        expect(Buffer.from(chunk).toString()).toBe('bytes');
      return await transport(request);
    };
    const layer = retry({ sleep: () => Promise.resolve() });
    const response = await layer(reading)({ method: 'PUT', url: URL, headers: {}, body });
    expect([response.status, body.opened]).toEqual([201, 3]);
  });

  it('sends once when told so', async () => {
    expect(await run(() => ({ status: 503 }), {}, get(URL, { context: { retry: false } }))).toMatchObject({
      outcome: 503,
      sent: 1,
    });
  });

  it('ends a wait with the reason of the signal', async () => {
    const abort = new AbortController();
    const reason = new Error('enough');
    const { transport, sent } = fake(() => ({ status: 503, headers: { 'retry-after': '60' } }));
    const waiting = retry({ onRetry: () => queueMicrotask(() => abort.abort(reason)) })(transport)(
      get(URL, { signal: abort.signal }),
    );
    await expect(waiting).rejects.toBe(reason);
    expect(sent).toHaveLength(1);
  });

  it.each([0, -1, 1.5, Number.NaN])('refuses %d attempts', (attempts) => {
    expect(() => retry({ attempts })).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
  });
});

describe('retryAfterOf', () => {
  it('reads nothing where there is nothing', () => {
    expect(retryAfterOf({ header: () => undefined }, 0)).toBeUndefined();
    expect(retryAfterOf({ header: () => ' ' }, 0)).toBeUndefined();
  });
});
