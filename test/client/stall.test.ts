import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { collect, digestOf, streamOf } from '../../oci/index.js';
import { stall, type Timer } from '../../client/layers/stall.js';
import { networkReason, remoteSink, remoteSource } from '../../client/index.js';
import type { Transport } from '../../client/transport.js';
import { startRegistry } from '../../testing/index.js';
import { bytesOf, putBlob } from '../helpers/content.js';
import { fake, get, textOf } from './fakes.js';
import { AT_ONCE, blobIn, clientOf, repositoryOf } from './site.js';

/** A clock that stands still until somebody says that the time is over. */
class Clock {
  readonly running = new Set<() => void>();
  started = 0;

  readonly timer: Timer = (run) => {
    this.started++;
    this.running.add(run);
    return () => this.running.delete(run);
  };

  /** Lets the time be over for whoever waits, as soon as somebody does. */
  async strike(): Promise<void> {
    while (this.running.size === 0) await setImmediate();
    for (const run of this.running) run();
  }
}

const URL = 'https://registry.example/v2/';
const BYTES = bytesOf('stall', 300_000);

describe('stall', () => {
  it('watches while it waits for the other side, and leaves nothing behind', async () => {
    const clock = new Clock();
    const { transport, sent } = fake(() => ({ body: 'hello' }));
    const response = await stall({ timer: clock.timer })(transport)(get(URL));
    expect(sent[0]?.signal?.aborted).toBe(false);
    expect(clock.running.size).toBe(0);
    expect(await textOf(response)).toBe('hello');
    expect(clock.running.size).toBe(0);
    expect(clock.started).toBe(3);
    const other = await stall({ timer: clock.timer })(transport)(get(URL));
    await other.discard();
    expect(clock.running.size).toBe(0);
  });

  it('rests while our own side makes or uses bytes', async () => {
    const clock = new Clock();
    const during: number[] = [];
    const body = {
      async *open(): AsyncGenerator<Uint8Array> {
        during.push(clock.running.size);
        yield Buffer.from('a');
        during.push(clock.running.size);
        yield Buffer.from('b');
      },
    };
    const taking: number[] = [];
    const transport: Transport = async (request) => {
      for await (const _ of request.body?.open() ?? streamOf()) taking.push(clock.running.size);
      taking.push(clock.running.size);
      return await fake(() => ({ body: 'answer' })).transport(request);
    };
    const response = await stall({ timer: clock.timer })(transport)(get(URL, { method: 'PUT', body }));
    expect([during, taking]).toEqual([
      [0, 0],
      [1, 1, 1],
    ]);
    for await (const _ of response.body) expect(clock.running.size).toBe(0);
    expect(clock.running.size).toBe(0);
  });

  it('hands on the reason of a signal, and lets go of it', async () => {
    const clock = new Clock();
    const abort = new AbortController();
    const reason = new Error('enough');
    const transport: Transport = (request) =>
      new Promise((_, reject) => {
        request.signal?.addEventListener('abort', () => reject(request.signal?.reason as Error));
      });
    const asked = stall({ timer: clock.timer })(transport)(get(URL, { signal: abort.signal }));
    abort.abort(reason);
    await expect(asked).rejects.toBe(reason);
    expect(clock.running.size).toBe(0);
  });

  it('may be switched off, and wants a time', () => {
    const { transport } = fake(() => ({}));
    expect(stall({ stallTimeout: 0 })(transport)).toBe(transport);
    expect(() => stall({ stallTimeout: Number.NaN })).toThrow(
      expect.objectContaining({ code: 'INVALID_OPTION' }),
    );
  });
});

describe.each([false, true])('a registry that falls silent, over a socket: %s', (socket) => {
  it('before an answer: it is asked again', async () => {
    await using registry = await startRegistry({ faults: [{ fault: { kind: 'stall' }, times: 1 }] });
    const clock = new Clock();
    await using client = clientOf(registry, { socket, timer: clock.timer });
    const asked = repositoryOf(registry, 'team/app', client).blobSize(digestOf(BYTES));
    await registry.requests.waitFor({ faulted: true });
    await clock.strike();
    expect(await asked).toBeUndefined();
    expect(registry.requests.count({ method: 'HEAD' })).toBe(2);
  });

  it('within a blob: it is gone on with', async () => {
    await using registry = await startRegistry();
    await putBlob(registry.registry.store, 'team/app', BYTES);
    registry.faults.add({ match: { method: 'GET' }, times: 1, fault: { kind: 'stall', after: 100_000 } });
    const clock = new Clock();
    await using client = clientOf(registry, { socket, timer: clock.timer });
    const { descriptor } = blobIn(BYTES);
    const source = remoteSource(repositoryOf(registry, 'team/app', client), { retry: AT_ONCE });
    const chunks: Uint8Array[] = [];
    let size = 0;
    let struck: Promise<void> | undefined;
    for await (const chunk of await source.blob(descriptor)) {
      chunks.push(chunk);
      size += chunk.byteLength;
      // The reader waits for what does not come only after it has taken all that came.
      if (size === 100_000) struck = clock.strike();
    }
    await struck;
    expect(digestOf(Buffer.concat(chunks))).toBe(descriptor.digest);
    expect(registry.requests.filter({ method: 'GET' }).map(({ headers }) => headers.range)).toEqual([
      undefined,
      'bytes=100000-',
    ]);
  });

  it('within an upload: it is gone on with', async () => {
    await using registry = await startRegistry();
    registry.faults.add({ match: { method: 'PATCH' }, skip: 1, times: 1, fault: { kind: 'stall' } });
    const clock = new Clock();
    await using client = clientOf(registry, { socket, timer: clock.timer });
    const repository = repositoryOf(registry, 'team/app', client);
    const sink = remoteSink(repository, { chunkSize: 100_000, retry: AT_ONCE });
    const putting = sink.putBlob(blobIn(BYTES));
    await registry.requests.waitFor({ faulted: true });
    await clock.strike();
    expect(await putting).toBe('sent');
    const read = await remoteSource(repository).blob(blobIn(BYTES).descriptor);
    expect(digestOf(await collect(read, 1e6, 'blob'))).toBe(digestOf(BYTES));
  });

  it('for good: one clear error', async () => {
    await using registry = await startRegistry({ faults: [{ fault: { kind: 'stall' } }] });
    const clock = new Clock();
    await using client = clientOf(registry, { socket, timer: clock.timer, retry: { attempts: 1 } });
    const asked = repositoryOf(registry, 'team/app', client).resolve('v1');
    await registry.requests.waitFor({ faulted: true });
    await clock.strike();
    const failure = await asked.catch((error: unknown) => error);
    expect(networkReason(failure)).toBe('timeout');
    expect(String(failure)).toMatch(/no byte came or went for 60 s/);
  });
});
