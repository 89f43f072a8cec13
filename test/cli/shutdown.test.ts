import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import { watchSignals } from '../../cli/serve/shutdown.js';

/** What a watcher says after signals that came at these times. */
async function after(...signals: readonly (readonly [NodeJS.Signals, number])[]): Promise<string> {
  const source = new EventEmitter();
  let time = 0;
  const ending = watchSignals(source, () => time);
  for (const [signal, at] of signals) {
    time = at;
    source.emit(signal);
  }
  const nothing = Promise.resolve('runs');
  return await Promise.race([
    ending.hurried.then(() => 'hurried'),
    ending.asked.then(() => 'asked'),
    nothing.then((state) => state),
  ]);
}

describe('signals', () => {
  it('ask once, then hurry', async () => {
    expect(await after()).toBe('runs');
    expect(await after(['SIGTERM', 0])).toBe('asked');
    expect(await after(['SIGTERM', 0], ['SIGTERM', 600])).toBe('hurried');
    expect(await after(['SIGTERM', 0], ['SIGINT', 1])).toBe('hurried');
  });

  it('that come twice for one Ctrl-C are one', async () => {
    expect(await after(['SIGINT', 0], ['SIGINT', 3])).toBe('asked');
    expect(await after(['SIGINT', 0], ['SIGINT', 3], ['SIGINT', 700])).toBe('hurried');
  });

  it('are left to others afterwards', () => {
    const source = new EventEmitter();
    watchSignals(source).dispose();
    expect(source.eventNames()).toEqual([]);
  });
});
