import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeHeader, readTar, type TarEntry, type TarMember } from '../../../image/tar/index.js';
import { isOciError, streamOf } from '../../../oci/index.js';
import { cut, cuts, noise } from '../arbitraries.js';
import { entriesOf, outcome, tarOf } from './helpers.js';

const END = Buffer.alloc(1024);

/** A header with some of its bytes replaced, and its checksum made to fit. */
function patched(changes: Readonly<Record<number, Uint8Array | string>>, name = 'f', size = 0): Buffer {
  const block = Buffer.from(encodeHeader({ name, type: 'file', size }));
  for (const [at, bytes] of Object.entries(changes)) block.set(Buffer.from(bytes), Number(at));
  block.fill(' ', 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

/** A special header with its body. */
function special(flag: string, body: string | Uint8Array): Buffer {
  const bytes = Buffer.from(body);
  return Buffer.concat([
    patched({ 156: flag }, 'special', bytes.length),
    bytes,
    Buffer.alloc((512 - (bytes.length % 512)) % 512),
  ]);
}

const text = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 150 })
  .filter((value) => !/[\0/]/.test(value));
const entries: fc.Arbitrary<readonly (TarEntry & { readonly body: readonly Uint8Array[] })[]> = fc.array(
  fc
    .record({
      name: fc.array(text, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/')),
      mode: fc.nat(0o7777),
      uid: fc.nat(2 ** 30),
      gid: fc.nat(2 ** 30),
      uname: fc.oneof(fc.constant(''), text),
      mtime: fc.integer({ min: -(2 ** 40), max: 2 ** 40 }),
      body: fc.uint8Array({ maxLength: 1_500 }),
      linkname: text,
      pax: fc.option(fc.dictionary(fc.stringMatching(/^[a-z]{2,9}\.[a-z]{1,9}$/), text, { minKeys: 1 })),
    })
    .chain(({ body, linkname, pax, ...rest }) =>
      fc.constantFrom('file', 'directory', 'symlink').map((type) => ({
        ...rest,
        gname: '',
        major: 0,
        minor: 0,
        type,
        size: type === 'file' ? body.length : 0,
        linkname: type === 'symlink' ? linkname : '',
        body: [type === 'file' ? Buffer.from(body) : Buffer.alloc(0)],
        ...(pax !== null && { pax: { ...pax } }),
      })),
    ),
  { maxLength: 6 },
);

describe('readTar and writeTar', () => {
  it('give back what went in, however the archive is cut', async () => {
    await fc.assert(
      fc.asyncProperty(entries, cuts, async (given, sizes) => {
        const read = await entriesOf(cut(await tarOf(given), sizes));
        const flat = (list: typeof given): unknown =>
          list.map(({ body, ...header }) => ({ ...header, body: Buffer.concat(body).toString('hex') }));
        expect(flat(read)).toEqual(flat(given));
      }),
      { numRuns: 60 },
    );
  });

  it('refuse a body of another size than the header says', async () => {
    for (const body of [[], [noise(9, 1)], [noise(11, 1)], undefined]) {
      const entry: TarEntry = { name: 'f', type: 'file', size: 10, ...(body && { body }) };
      await expect(tarOf([entry])).rejects.toSatisfy((error) => isOciError(error, 'SIZE_INVALID'));
    }
  });
});

describe('readTar', () => {
  it('passes over bodies that nobody reads, and reads what is left of one no more', async () => {
    const tar = await tarOf([
      { name: 'a', type: 'file', size: 2000, body: [noise(2000, 1)] },
      { name: 'b', type: 'file', size: 3, body: [Buffer.from('abc')] },
    ]);
    const seen: TarMember[] = [];
    for await (const member of readTar(streamOf(tar))) seen.push(member);
    expect(seen.map(({ header }) => header.name)).toEqual(['a', 'b']);
    const left = seen[0]?.body[Symbol.asyncIterator]();
    await expect(left?.next()).rejects.toSatisfy((error) => isOciError(error, 'INVALID_OPTION'));
  });

  it('reads the source to its end behind the archive, and closes it when the reader stops', async () => {
    const tar = await tarOf([{ name: 'a', type: 'file', size: 3, body: [Buffer.from('abc')] }]);
    let state = 'open';
    async function* source(): AsyncGenerator<Uint8Array> {
      try {
        yield tar;
        yield noise(5_000, 1);
        state = 'read';
      } finally {
        if (state === 'open') state = 'closed';
      }
    }
    for await (const { header } of readTar(source())) expect(header.name).toBe('a');
    expect(state).toBe('read');
    state = 'open';
    for await (const { header } of readTar(source())) {
      expect(header.name).toBe('a');
      break;
    }
    expect(state).toBe('closed');
  });

  it('ends where the input ends at the end of an entry, as Go does', async () => {
    expect(await outcome([])).toBe('');
    expect(await outcome([patched({})])).toBe('f');
    expect(await outcome([patched({}), Buffer.alloc(512)])).toBe('f');
  });

  it("reads GNU's long names, old headers, binary numbers and signed checksums", async () => {
    const long = 'n'.repeat(300);
    const gnu = [special('K', 'target\0'), special('L', `${long}\0`), patched({ 156: '2' }), END];
    expect(await entriesOf(gnu)).toMatchObject([{ name: long, type: 'symlink', linkname: 'target' }]);
    const old = patched({ 156: '\0', 257: Buffer.alloc(255) }, 'old');
    expect(await entriesOf([old, END])).toMatchObject([{ name: 'old', type: 'file', uname: '' }]);
    expect(await entriesOf([patched({ 0: 'olddir/', 156: '\0' }), END])).toMatchObject([
      { type: 'directory' },
    ]);
    const minus = patched({ 136: Buffer.from('ffffffffffffffffffffffff', 'hex') });
    expect(await entriesOf([minus, END])).toMatchObject([{ mtime: -1 }]);
    const signed = patched({ 0: Buffer.from('é') });
    const sum = Number.parseInt(signed.toString('latin1', 148, 154), 8) - 512;
    signed.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
    expect(await outcome([signed, END])).toBe('é');
  });

  it('keeps finer times and unknown records, passes over global ones, and lets an empty record take back', async () => {
    const fine = '21 mtime=1700.250000\n21 atime=1700.250000\n20 SCHILY.xattr.a=b\n';
    const [entry] = await entriesOf([special('g', '11 path=zz\n'), special('x', fine), patched({}), END]);
    expect(entry).toMatchObject({
      name: 'f',
      mtime: 1700,
      pax: { mtime: '1700.250000', atime: '1700.250000', 'SCHILY.xattr.a': 'b' },
    });
    expect(await outcome([special('L', 'long\0'), special('x', '8 path=\n'), patched({}), END])).toBe('f');
  });

  const one = Buffer.concat([patched({}, 'f', 3), Buffer.from('abc'), Buffer.alloc(509)]);
  it.each<[string, string, Uint8Array[]]>([
    ['text', 'CONTENT_INVALID', [Buffer.alloc(600, 'text')]],
    ['half a header', 'CONTENT_INVALID', [patched({}).subarray(0, 511)]],
    [
      'a wrong checksum',
      'CONTENT_INVALID',
      [Buffer.concat([Buffer.from('g'), patched({}).subarray(1)]), END],
    ],
    ['a size beyond the input', 'CONTENT_INVALID', [patched({ 124: '77777777777' }), noise(2_000, 1)]],
    ['a body cut short', 'CONTENT_INVALID', [one.subarray(0, 514)]],
    ['padding cut short', 'CONTENT_INVALID', [one.subarray(0, 1000)]],
    ['a negative size', 'CONTENT_INVALID', [patched({ 124: Buffer.from('ff'.repeat(12), 'hex') }), END]],
    [
      'a size beyond 2^53',
      'CONTENT_INVALID',
      [patched({ 124: Buffer.from(`80${'7f'.repeat(11)}`, 'hex') }), END],
    ],
    ['a size in letters', 'CONTENT_INVALID', [patched({ 124: '0000000zz11' }), END]],
    ['one block of zeros', 'CONTENT_INVALID', [Buffer.alloc(512), patched({}), END]],
    ['a sparse file', 'UNSUPPORTED', [patched({ 156: 'S' }), END]],
    ['a sparse file of PAX', 'UNSUPPORTED', [special('x', '22 GNU.sparse.major=1\n'), patched({}), END]],
    ['an unknown type', 'UNSUPPORTED', [patched({ 156: 'V' }), END]],
    ['a huge PAX header', 'SIZE_LIMIT', [patched({ 156: 'x' }, 'f', 2 ** 20 + 1), END]],
    ['a huge long name', 'SIZE_LIMIT', [patched({ 156: 'L', 124: '77777777777' }), END]],
    ['a PAX header and no entry', 'CONTENT_INVALID', [special('x', '8 path=\n'), END]],
    ['a PAX header cut short', 'CONTENT_INVALID', [patched({ 156: 'x' }, 'f', 20), Buffer.from('9 a=bcd\n')]],
    ...[
      '',
      '0 a=b\n',
      '99 a=b\n',
      '6 a=b',
      '5 a=b\n',
      'x a=b\n',
      '-6 a=b\n',
      '5 =b\n',
      '4 a\n',
      '11 path=a\0\n',
    ]
      .filter((body) => body !== '')
      .map((body): [string, string, Uint8Array[]] => [
        `the PAX record ${JSON.stringify(body)}`,
        'CONTENT_INVALID',
        [special('x', body), patched({}), END],
      ]),
    ...['13 size=-100\n', '13 size=1e10\n', '14 mtime=soon\n', '32 size=99999999999999999999999\n'].map(
      (body): [string, string, Uint8Array[]] => [
        `the PAX number ${JSON.stringify(body)}`,
        'CONTENT_INVALID',
        [special('x', body), patched({}), END],
      ],
    ),
  ])('refuses %s', async (_, code, chunks) => {
    expect(await outcome(chunks)).toBe(code);
  });

  it('refuses a second entry of a name only where told to', async () => {
    const tar = await tarOf([
      { name: 'a', type: 'file' },
      { name: 'a', type: 'file' },
    ]);
    expect(await outcome([tar])).toBe('a a');
    expect(await outcome([tar], { unique: true })).toBe('CONTENT_INVALID');
  });

  it('answers any damage with one error or with entries', async () => {
    const whole = await tarOf([
      { name: 'x'.repeat(130), type: 'file', size: 3, body: [Buffer.from('abc')], pax: { 'a.b': 'c' } },
      { name: 'b', type: 'symlink', linkname: 'a' },
    ]);
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }), async (at, flip) => {
        const damaged = Buffer.from(whole);
        damaged[at] = (damaged[at] ?? 0) ^ flip;
        await outcome([damaged]);
      }),
      { numRuns: 200 },
    );
  });

  it('stops with the reason of its signal', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    const read = async (): Promise<void> => {
      for await (const { header } of readTar(streamOf(one, one, END), { signal: controller.signal })) {
        expect(header.name).toBe('f');
        controller.abort(reason);
      }
    };
    await expect(read).rejects.toBe(reason);
  });
});
