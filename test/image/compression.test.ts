import { deflateRawSync, gzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compress, decompress, detectCompression, type DecompressOptions } from '../../image/compression.js';
import { collect, isOciError, streamOf } from '../../oci/index.js';
import { bytes, cut, cuts, noise } from './arbitraries.js';

const LIMIT = 1 << 26;
/** `hello ` as zstd 1.5.7 packs it. */
const HELLO = Buffer.from('28b52ffd200631000068656c6c6f20', 'hex');
const SKIPPED = Buffer.from('5f2a4d1803000000010203', 'hex');

async function unpack(chunks: readonly Uint8Array[], options?: DecompressOptions): Promise<Buffer> {
  return Buffer.from(await collect(decompress(streamOf(...chunks), options), LIMIT, 'output'));
}

/** The code of the error, or what came out. */
async function outcome(chunks: readonly Uint8Array[], options?: DecompressOptions): Promise<string> {
  try {
    return (await unpack(chunks, options)).toString('latin1');
  } catch (error) {
    if (isOciError(error)) return error.code;
    throw error;
  }
}

/** The same bytes whole, in two halves, and one by one: damage must not hide at a border. */
const ways = (whole: Uint8Array): Uint8Array[][] => [
  [whole],
  cut(whole, [whole.length >> 1]),
  Array.from(whole, (byte) => Uint8Array.of(byte)),
];

describe('detectCompression', () => {
  it.each([
    ['', 'none'],
    ['1f', 'none'],
    ['1f8b', 'gzip'],
    ['1f8b0800', 'gzip'],
    ['28b52f', 'none'],
    ['28b52ffd', 'zstd'],
    ['502a4d18', 'zstd'],
    ['5f2a4d18', 'zstd'],
    ['602a4d18', 'none'],
    ['75737461', 'none'],
  ])('%j is %s', (hex, compression) => {
    expect(detectCompression(Buffer.from(hex, 'hex'))).toBe(compression);
  });
});

describe('decompress', () => {
  it('gives back what compress took, however it is cut', async () => {
    await fc.assert(
      fc.asyncProperty(bytes(), cuts, fc.constantFrom('gzip', 'zstd'), async (input, sizes, compression) => {
        const packed = await collect(compress(streamOf(input), compression), LIMIT, 'packed');
        expect(detectCompression(packed)).toBe(compression);
        expect((await unpack(cut(packed, sizes))).equals(input)).toBe(true);
      }),
      { numRuns: 40 },
    );
  });

  it('passes plain bytes as they are, the empty stream too', async () => {
    for (const text of ['', '\x1f', 'ab', 'plain text, nothing packed']) {
      for (const chunks of ways(Buffer.from(text, 'latin1'))) expect(await outcome(chunks)).toBe(text);
    }
    expect(await outcome([])).toBe('');
    const plain = compress(streamOf(Buffer.from('as it is')), 'none');
    expect(Buffer.from(await collect(plain, LIMIT, 'output')).toString()).toBe('as it is');
  });

  it('reads gzip of several members, wherever chunks end', async () => {
    const members = Buffer.concat(['one ', '', 'two ', 'three'].map((text) => gzipSync(text)));
    for (const chunks of ways(members)) expect(await outcome(chunks)).toBe('one two three');
  });

  it.each([
    ['zero bytes', Buffer.alloc(9)],
    ['text', Buffer.from('garbage')],
    ['half a header', Buffer.from('1f8b08', 'hex')],
    ['one byte', Buffer.from('1f', 'hex')],
    ['a second member cut short', gzipSync('two').subarray(0, -3)],
  ])('refuses %s after gzip, as Go does', async (_, tail) => {
    for (const chunks of ways(Buffer.concat([gzipSync('one'), tail]))) {
      expect(await outcome(chunks)).toBe('CONTENT_INVALID');
    }
    expect(await outcome([gzipSync('one'), tail])).toBe('CONTENT_INVALID');
  });

  it('refuses gzip cut short anywhere', async () => {
    const whole = gzipSync('some text, some text');
    for (let size = 2; size < whole.length; size++) {
      expect(await outcome([whole.subarray(0, size)])).toBe('CONTENT_INVALID');
    }
  });

  it('refuses gzip with any damaged part: method, data, checksum, length', async () => {
    const whole = gzipSync(noise(5_000, 5));
    for (const at of [2, 12, whole.length - 8, whole.length - 1]) {
      const damaged = Buffer.from(whole);
      damaged[at] = (damaged[at] ?? 0) ^ 0xff;
      expect(await outcome([damaged])).toBe('CONTENT_INVALID');
    }
    const zlib = Buffer.concat([Buffer.from('1f8b08e00000000000ff', 'hex'), deflateRawSync('x')]);
    expect(await outcome([zlib])).toBe('CONTENT_INVALID');
  });

  it('reads zstd of several frames and passes over skippable ones', async () => {
    const frames = Buffer.concat([SKIPPED, HELLO, SKIPPED, HELLO, HELLO, SKIPPED]);
    for (const chunks of ways(frames)) expect(await outcome(chunks)).toBe('hello hello hello ');
    expect(await outcome([SKIPPED])).toBe('');
  });

  it('refuses zstd cut short anywhere, and what follows it', async () => {
    const frames = Buffer.concat([HELLO, SKIPPED]);
    for (let size = 4; size < frames.length; size++) {
      if (size === HELLO.length) continue;
      expect(await outcome([frames.subarray(0, size)])).toBe('CONTENT_INVALID');
    }
    for (const tail of ['\0\0\0\0\0\0\0\0', 'garbage', '\x28\xb5']) {
      expect(await outcome([HELLO, Buffer.from(tail, 'latin1')])).toBe('CONTENT_INVALID');
    }
  });

  it.each([
    ['a dictionary', '28b52ffd21ff063100', 'UNSUPPORTED'],
    ['a window of 256 MiB', '28b52ffd0090310000', 'UNSUPPORTED'],
    ['content of 2^60 bytes in one segment', `28b52ffde0${'00'.repeat(7)}10310000`, 'UNSUPPORTED'],
    ['a reserved block type', '28b52ffd2006370000', 'CONTENT_INVALID'],
    ['a block above 128 KiB', '28b52ffd2006ffffff', 'CONTENT_INVALID'],
  ])('refuses zstd with %s', async (_, hex, code) => {
    expect(await outcome([Buffer.from(hex, 'hex')])).toBe(code);
  });

  it('answers damaged zstd with one error or with bytes, never with anything else', async () => {
    const whole = Buffer.from(
      await collect(compress(streamOf(noise(300, 1), Buffer.alloc(9_000, 'abc')), 'zstd'), LIMIT, 'x'),
    );
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }), async (at, flip) => {
        const damaged = Buffer.from(whole);
        damaged[at] = (damaged[at] ?? 0) ^ flip;
        await outcome([damaged], { limit: 1 << 20 });
      }),
      { numRuns: 150 },
    );
  });

  it.each(['gzip', 'zstd', 'none'] as const)(
    'stops %s at the limit, without unpacking the rest',
    async (compression) => {
      async function* endless(): AsyncGenerator<Uint8Array> {
        for (;;) yield Buffer.alloc(1 << 20);
      }
      const options = { limit: 3 << 20, what: 'the layer' };
      await expect(async () => {
        for await (const chunk of decompress(compress(endless(), compression), options)) {
          expect(chunk.length).toBeLessThan(options.limit);
        }
      }).rejects.toThrow('the layer unpacks to more than 3145728 bytes');
      const exact = compress(streamOf(Buffer.alloc(1000)), compression);
      expect(await collect(decompress(exact, { limit: 1000 }), LIMIT, 'output')).toHaveLength(1000);
    },
  );

  it.each(['gzip', 'zstd', 'none'] as const)(
    'closes the source of %s when the reader stops',
    async (compression) => {
      let closed = false;
      const packed = await collect(compress(streamOf(noise(1 << 20, 6)), compression), LIMIT, 'packed');
      async function* source(): AsyncGenerator<Uint8Array> {
        try {
          for (let at = 0; at < packed.length; at += 10_000) yield packed.subarray(at, at + 10_000);
        } finally {
          closed = true;
        }
      }
      for await (const chunk of decompress(source())) {
        expect(chunk.length).toBeGreaterThan(0);
        break;
      }
      expect(closed).toBe(true);
    },
  );

  it.each(['gzip', 'zstd', 'none'] as const)(
    'passes an error of the source of %s on unchanged',
    async (compression) => {
      const packed = await collect(compress(streamOf(noise(1 << 18, 6)), compression), LIMIT, 'packed');
      async function* source(): AsyncGenerator<Uint8Array> {
        yield packed.subarray(0, 1000);
        throw Object.assign(new Error('cable cut'), { code: 'ECONNRESET' });
      }
      await expect(collect(decompress(source()), LIMIT, 'output')).rejects.toMatchObject({
        code: 'ECONNRESET',
      });
    },
  );

  it('stops with the reason of its signal', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    const read = async (): Promise<void> => {
      for await (const chunk of decompress(streamOf(HELLO, HELLO), { signal: controller.signal })) {
        expect(chunk.length).toBeGreaterThan(0);
        controller.abort(reason);
      }
    };
    await expect(read).rejects.toBe(reason);
    await expect(read).rejects.toBe(reason);
  });
});
