import { createHash, randomBytes } from 'node:crypto';
import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { digestOf, streamOf, type Digest, type DigestAlgorithm } from '../../../oci/index.js';
import { HashThread } from '../../../registry/storage/hash-thread.js';
import { openStore } from '../../../registry/storage/open.js';
import { own, spend } from '../../../registry/storage/spent.js';
import { tempFolder } from '../../helpers/temp.js';

/** A chunk as a server reads it: alone in its memory. */
const chunkOf = (bytes: Uint8Array): Uint8Array<ArrayBuffer> => new Uint8Array(bytes);

describe('a digest of the thread', () => {
  const thread = new HashThread();
  afterEach(() => vi.restoreAllMocks());

  it('is what it is here, however the bytes are cut, whoever owns them', async () => {
    const sizes = fc.array(fc.tuple(fc.integer({ min: 0, max: 700_000 }), fc.boolean(), fc.boolean()), {
      maxLength: 12,
    });
    await fc.assert(
      fc.asyncProperty(
        sizes,
        fc.constantFrom<DigestAlgorithm>('sha256', 'sha512'),
        async (cuts, algorithm) => {
          const hash = createHash(algorithm);
          const digester = thread.digester(algorithm);
          let size = 0;
          for (const [length, owned, spare] of cuts) {
            const bytes = randomBytes(length);
            hash.update(bytes);
            size += length;
            const chunk = chunkOf(bytes);
            // oxlint-disable-next-line no-await-in-loop -- chunks come in order
            await digester.update(owned ? own(chunk) : chunk, spare);
            // Whoever keeps a chunk, or lent it, has it whole.
            if (!owned || !spare) expect(chunk.byteLength).toBe(length);
          }
          const digest = `${algorithm}:${hash.digest('hex')}`;
          expect(await digester.digest()).toBe(digest);
          expect([await digester.digest(), digester.size]).toEqual([digest, size]);
        },
      ),
      { numRuns: 30 },
    );
  });

  it('grows after it was asked for, beside others', async () => {
    const [one, two] = [thread.digester('sha256'), thread.digester('sha256')];
    void one.update(Buffer.from('a'), false);
    void two.update(Buffer.from('x'), false);
    expect(await Promise.all([one.digest(), two.digest()])).toEqual([digestOf('a'), digestOf('x')]);
    void one.update(Buffer.from('b'), false);
    expect(await one.digest()).toBe(digestOf('ab'));
  });

  it('holds its sender back while too much waits', async () => {
    const digester = thread.digester('sha256');
    let held: Promise<void> | undefined;
    for (let at = 0; at < 20; at++) {
      held = digester.update(new Uint8Array(1024 * 1024), false);
      expect(held === undefined).toBe(at < 4);
    }
    await held;
    expect(await digester.digest()).toBe(digestOf(new Uint8Array(20 * 1024 * 1024)));
  });

  it('is never wrong when the thread ends: it fails, and the next one is made by a new thread', async () => {
    const dying = new HashThread();
    const first = dying.digester('sha256');
    void first.update(Buffer.from('a'), false);
    await first.digest();
    const pending = dying.digester('sha256');
    void pending.update(new Uint8Array(3_000_000), false);
    const asked = pending.digest();
    await Promise.all([dying.close(), expect(asked).rejects.toThrow(/has ended/)]);
    void first.update(Buffer.from('b'), false);
    await expect(first.digest()).rejects.toThrow(/has ended/);
    const second = dying.digester('sha256');
    void second.update(Buffer.from('b'), false);
    expect(await second.digest()).toBe(digestOf('b'));
    await expect(first.digest()).rejects.toThrow(/has ended/);
    await dying.close();
    await thread.close();
  });

  it('cannot be had where no thread can be started', async () => {
    const send = vi.spyOn(Worker.prototype, 'postMessage').mockImplementation(() => {
      throw new Error('no more threads');
    });
    const lone = new HashThread();
    const digester = lone.digester('sha256');
    expect(digester.update(new Uint8Array(1_000_000), false)).toBeUndefined();
    await expect(digester.digest()).rejects.toThrow('no more threads');
    expect(send).toHaveBeenCalledOnce();
    await lone.close();
    // An upload then reads its bytes again.
    const store = await openStore({ kind: 'auto', folder: await tempFolder() });
    const bytes = randomBytes(2_000_000);
    const put = async (digest: Digest): Promise<number> =>
      await store.uploads.put('a', digest, streamOf(bytes));
    await expect(put(digestOf('other'))).rejects.toThrow(`content has digest ${digestOf(bytes)}`);
    expect(await put(digestOf(bytes))).toBe(2_000_000);
    expect(send).toHaveBeenCalledTimes(3);
    await store.close();
  });
});

describe('a chunk that is spent', () => {
  it('loses its memory only when it is owned, whole and worth it', () => {
    const [owned, lent, small] = [
      own(new Uint8Array(65_536)),
      new Uint8Array(65_536),
      own(new Uint8Array(100)),
    ];
    const part = own(new Uint8Array(65_537).subarray(1));
    for (const chunk of [owned, lent, small, part]) spend(chunk);
    expect([owned, lent, small, part].map(({ byteLength }) => byteLength)).toEqual([0, 65_536, 100, 65_536]);
  });
});
