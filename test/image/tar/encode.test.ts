import { describe, expect, it } from 'vitest';
import { encodeHeader, type TarHeader } from '../../../image/tar/index.js';
import { isOciError } from '../../../oci/index.js';

const show = (bytes: Uint8Array, at: number, size: number): string =>
  Buffer.from(bytes.subarray(at, at + size)).toString('latin1');
const LONG = `${'d'.repeat(60)}/${'e'.repeat(60)}/file`;

/** The records of the PAX header in front, if there is one. */
function recordsOf(bytes: Uint8Array): string {
  return show(bytes, 156, 1) === 'x' ? show(bytes, 512, Number.parseInt(show(bytes, 124, 11), 8)) : '';
}

describe('encodeHeader', () => {
  it('fills ustar fields as Go does', () => {
    const block = encodeHeader({
      name: 'a',
      type: 'file',
      mode: 0o644,
      uid: 7,
      size: 9,
      mtime: 10,
      uname: 'me',
    });
    expect(block).toHaveLength(512);
    const fields = show(block, 100, 56).split('\0');
    expect(fields).toEqual(['0000644', '0000007', '0000000', '00000000011', '00000000012', '007674', ' ']);
    expect(show(block, 257, 8)).toBe('ustar\u000000');
    expect(show(block, 329, 16)).toBe('0000000\u00000000000\0');
  });

  it('splits a long path where ustar can, and takes a record where not', () => {
    const split = encodeHeader({ name: LONG, type: 'file' });
    expect(split).toHaveLength(512);
    expect(show(split, 345, 121)).toBe(LONG.slice(0, -5));
    expect(show(split, 0, 5)).toBe('file\0');
    const name = 'x'.repeat(101);
    const long = encodeHeader({ name, type: 'file' });
    expect(long).toHaveLength(3 * 512);
    expect(show(long, 0, 100)).toBe(`PaxHeaders.0/${'x'.repeat(87)}`);
    expect(recordsOf(long)).toBe(`111 path=${name}\n`);
  });

  it.each<[string, Partial<TarHeader>, string]>([
    ['letters outside ASCII', { name: 'déjà' }, '15 path=dÃ©jÃ\u00a0\n'],
    ['a long link', { type: 'symlink', linkname: 'y'.repeat(101) }, `115 linkpath=${'y'.repeat(101)}\n`],
    ['a file of 8 GiB', { size: 2 ** 33 }, '19 size=8589934592\n'],
    ['a large owner', { uid: 2 ** 21, gid: 2 ** 21 }, '15 gid=2097152\n15 uid=2097152\n'],
    ['a time before 1970', { mtime: -1 }, '12 mtime=-1\n'],
    ['given records, sorted', { pax: { 'b.b': '2', 'A.a': 'x=y\n' } }, '12 A.a=x=y\n\n8 b.b=2\n'],
    [
      'a record whose length grows by its own digits',
      { pax: { k: 'v'.repeat(94) } },
      `101 k=${'v'.repeat(94)}\n`,
    ],
  ])('writes PAX records for %s', (_, part, records) => {
    expect(recordsOf(encodeHeader({ name: 'f', type: 'file', ...part }))).toBe(records);
  });

  it("takes GNU's binary number for a mode that no other format holds, as imgpkg's kept modes need", () => {
    const block = encodeHeader({ name: 'd', type: 'directory', mode: 2 ** 31 + 0o755 });
    expect(Buffer.from(block.subarray(100, 108)).toString('hex')).toBe('80000000800001ed');
    expect(show(block, 257, 8)).toBe('ustar  \0');
  });

  it.each<[string, Partial<TarHeader>]>([
    ['no name', { name: '' }],
    ['a NUL in its name', { name: 'a\0b' }],
    ['a slash after a file', { name: 'a/' }],
    ['half a byte', { size: 0.5 }],
    ['a negative size', { size: -1 }],
    ['a link with a body', { type: 'symlink', size: 3 }],
    ['a key with an equals sign', { pax: { 'a=b': 'c' } }],
    ['a large mode and records', { mode: 2 ** 31, pax: { 'a.b': 'c' } }],
    ['a large mode and a long owner', { mode: 2 ** 31, uname: 'u'.repeat(33) }],
  ])('refuses %s', (_, part) => {
    expect(() => encodeHeader({ name: 'f', type: 'file', ...part })).toThrow(
      expect.toSatisfy((error: unknown) => isOciError(error, 'INVALID_OPTION')),
    );
  });
});
