import { describe, expect, it } from 'vitest';
import { startRegistry, type FaultRule } from '../../testing/index.js';

/** The statuses of so many pings; 200 where no rule struck. */
async function pings(rules: readonly FaultRule[], count: number): Promise<number[]> {
  await using registry = await startRegistry({ socket: false, faults: rules });
  const statuses: number[] = [];
  for (let n = 0; n < count; n++) statuses.push((await registry.fetch('/v2/')).status);
  return statuses;
}

const fault = (status: number): FaultRule['fault'] => ({ kind: 'status', status });

describe('fault rules', () => {
  it.each<[string, Omit<FaultRule, 'fault'>, number[]]>([
    ['always', {}, [500, 500, 500, 500, 500, 500]],
    ['times', { times: 2 }, [500, 500, 200, 200, 200, 200]],
    ['skip', { skip: 4 }, [200, 200, 200, 200, 500, 500]],
    ['every', { every: 3 }, [200, 200, 500, 200, 200, 500]],
    ['all of them', { skip: 1, every: 2, times: 2 }, [200, 200, 500, 200, 500, 200]],
    ['without end', { times: Number.POSITIVE_INFINITY, every: 2 }, [200, 500, 200, 500, 200, 500]],
  ])('%s', async (_, rule, expected) => {
    expect(await pings([{ ...rule, fault: fault(500) }], 6)).toEqual(expected);
  });

  it('are asked in order, and count only what they were asked', async () => {
    const rules = [
      { times: 1, fault: fault(500) },
      { skip: 1, times: 1, fault: fault(501) },
      { fault: fault(502), skip: 1 },
    ];
    expect(await pings(rules, 5)).toEqual([500, 200, 501, 502, 502]);
  });

  it('strike only what matches', async () => {
    await using registry = await startRegistry({
      socket: false,
      faults: [{ name: 'mine', match: { operation: 'tags.list', repository: 'team/*' }, fault: fault(500) }],
    });
    expect((await registry.fetch('/v2/')).status).toBe(200);
    expect((await registry.fetch('/v2/other/tags/list')).status).toBe(404);
    expect((await registry.fetch('/v2/team/a/tags/list')).status).toBe(500);
    expect(registry.requests.filter({ faulted: 'mine' }).map(({ n }) => n)).toEqual([3]);
    expect(registry.requests.filter({ faulted: true }).map(({ n }) => n)).toEqual([3]);
  });

  it('come and go', async () => {
    await using registry = await startRegistry({ socket: false });
    const ping = async (): Promise<number> => (await registry.fetch('/v2/')).status;
    const remove = registry.faults.add({ fault: fault(500) });
    registry.faults.add({ fault: fault(501) });
    expect(await ping()).toBe(500);
    remove();
    remove();
    expect(await ping()).toBe(501);
    registry.faults.clear();
    expect(await ping()).toBe(200);
  });

  it('of one phase do not hide those of another', async () => {
    await using registry = await startRegistry({
      socket: false,
      faults: [
        { fault: { kind: 'truncate', after: 1 }, times: 1 },
        { fault: { kind: 'stall' }, times: 1 },
      ],
    });
    const asked = registry.fetch('/v2/');
    await registry.requests.waitFor({ faulted: 'stall' });
    registry.faults.release();
    expect(await (await asked).text()).toBe('{');
    expect(registry.requests.filter({ faulted: true })).toMatchObject([{ faulted: 'truncate', status: 200 }]);
  });

  it.each<[unknown, string]>([
    [{ fault: { kind: 'status', status: 600 } }, 'status is 600, expected a whole number from 200 to 599'],
    [{ fault: { kind: 'status' } }, 'status is undefined'],
    [{ fault: { kind: 'flood' } }, 'the kind of its fault is flood, expected one of status, reset'],
    [{ fault: { kind: 'truncate' } }, 'after is undefined'],
    [{ fault: { kind: 'reset', after: -1 } }, 'after is -1, expected a whole number from 0'],
    [{ fault: { kind: 'reset', of: 'request' } }, 'after is undefined'],
    [{ fault: { kind: 'stall', after: 0.5 } }, 'after is 0.5'],
    [{ fault: { kind: 'bitFlip', bit: 8 } }, 'bit is 8, expected a whole number from 0 to 7'],
    [{ fault: { kind: 'bitFlip', at: '3' } }, 'at is 3'],
    [{ fault: { kind: 'reset' }, times: 0 }, 'times is 0, expected a whole number from 1'],
    [{ fault: { kind: 'reset' }, every: 0 }, 'every is 0'],
    [{ fault: { kind: 'reset' }, skip: -1, name: 'mine' }, 'fault rule "mine" is not valid: skip is -1'],
    [
      { fault: { kind: 'reset', afterwards: 1 } },
      'fault has "afterwards", expected kind, after, of, handled',
    ],
    [{ fault: { kind: 'reset', after: 1, of: 'both' } }, 'of is "both", expected answer or request'],
    [{ fault: { kind: 'stall', after: 1, handled: true } }, 'handled is for faults before the answer'],
    [{ fault: { kind: 'stall' }, time: 1 }, 'fault rule is not valid: it has "time"'],
    [{ fault: { kind: 'stall' }, match: { repo: 'a' } }, 'match has "repo", expected operation, method'],
    [{ fault: { kind: 'stall' }, match: 'all' }, 'match is not an object'],
    [{ fault: { kind: 'stall' }, match: { repository: 3 } }, 'match.repository is 3, expected text'],
    [{ fault: { kind: 'stall' }, match: { method: ['GET', 1] } }, 'expected text or a list of it'],
    [
      { fault: { kind: 'stall' }, match: { operation: ['blob.get', 'blob.head'] } },
      'match.operation is "blob.head", expected one of ping, catalog',
    ],
    [{ fault: { kind: 'latency', ms: -1 } }, 'ms is -1, expected a whole number from 0'],
    [{ fault: { kind: 'throughput', bytesPerSecond: 0 } }, 'bytesPerSecond is 0'],
    [{ fault: { kind: 'redirect', to: 'elsewhere' } }, 'to is "elsewhere", expected scheme and host'],
    [{ fault: { kind: 'foreignLocation', to: 'http://a/b' } }, 'expected scheme and host'],
    [{ fault: { kind: 'missingHeader', header: 'a b' } }, 'header is "a b", expected the name of a header'],
    [{ name: 'none' }, 'fault rule "none" is not valid: the kind of its fault is undefined'],
  ])('refuse %o', async (rule, message) => {
    await using registry = await startRegistry({ socket: false });
    expect(() => registry.faults.add(rule as FaultRule)).toThrow(
      expect.objectContaining({
        code: 'INVALID_OPTION',
        message: expect.stringContaining(message) as string,
      }),
    );
  });
});
