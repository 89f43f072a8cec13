import { describe, expect, it } from 'vitest';
import { Lockstep } from '../../conformance/tests/lockstep.js';

const bytes = Buffer.from('abcdef');

async function read(body: AsyncIterable<Uint8Array>, log: string[], side: number): Promise<void> {
  for await (const piece of body) log.push(`${side}${Buffer.from(piece).toString()}`);
}

describe('Lockstep', () => {
  it('gives the pieces of two bodies in turn', async () => {
    const steps = new Lockstep();
    const log: string[] = [];
    await Promise.all([read(steps.body(0, bytes, 2), log, 0), read(steps.body(1, bytes, 2), log, 1)]);
    expect(log).toEqual(['0ab', '1ab', '0cd', '1cd', '0ef', '1ef']);
  });

  it('goes on alone when the other side was answered', async () => {
    const steps = new Lockstep();
    const log: string[] = [];
    const alone = read(steps.body(1, bytes, 3), log, 1);
    steps.release(0);
    await alone;
    expect(log).toEqual(['1abc', '1def']);
  });

  it('goes on alone when the other side is read no further', async () => {
    const steps = new Lockstep();
    const log: string[] = [];
    const other = steps.body(1, bytes, 2)[Symbol.asyncIterator]();
    const alone = read(steps.body(0, bytes, 2), log, 0);
    await other.next();
    await other.return?.();
    await alone;
    expect(log).toEqual(['0ab', '0cd', '0ef']);
  });
});
