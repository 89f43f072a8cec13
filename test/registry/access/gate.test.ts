import { describe, expect, it } from 'vitest';
import { Gate } from '../../../registry/access/gate.js';

/** Work that is under way until it is told to end. */
class Work {
  running = false;
  end: () => void = () => undefined;
  readonly run = async (): Promise<void> => {
    this.running = true;
    await new Promise<void>((resolve) => {
      this.end = resolve;
    });
    this.running = false;
  };
}

describe('Gate', () => {
  it('lets two go on, and the next when one has ended', async () => {
    const gate = new Gate(2);
    const works = [new Work(), new Work(), new Work(), new Work()];
    const ended = works.map((work) => gate.run(work.run));
    const running = (): boolean[] => works.map((work) => work.running);
    expect(running()).toEqual([true, true, false, false]);
    works[1]?.end();
    await ended[1];
    expect(running()).toEqual([true, false, true, false]);
    works[0]?.end();
    await ended[0];
    expect(running()).toEqual([false, false, true, true]);
    works[2]?.end();
    works[3]?.end();
    await Promise.all(ended);
  });

  it('goes on after work that failed', async () => {
    const gate = new Gate(1);
    const failed = gate.run(() => Promise.reject(new Error('no')));
    const next = gate.run(() => Promise.resolve('yes'));
    await expect(failed).rejects.toThrow('no');
    expect(await next).toBe('yes');
    expect(await gate.run(() => Promise.resolve('again'))).toBe('again');
  });

  it('refuses work when too much waits, without beginning it', async () => {
    const gate = new Gate(1, 2);
    const works = [new Work(), new Work(), new Work(), new Work()];
    const [first, second, third, fourth] = works.map((work) => gate.run(work.run));
    await expect(fourth).rejects.toMatchObject({ code: 'TOOMANYREQUESTS' });
    works[0]?.end();
    await first;
    works[1]?.end();
    await second;
    works[2]?.end();
    await third;
    expect(works[3]?.running).toBe(false);
    expect(await gate.run(() => Promise.resolve('free'))).toBe('free');
  });
});
