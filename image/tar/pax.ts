import { OciError, quote } from '../../oci/index.js';
import { corrupt } from '../corrupt.js';

/** Fields of a header may not hold a NUL in their records either. */
const TEXT_KEYS = new Set(['path', 'linkpath', 'uname', 'gname']);

const isValid = (key: string, value: string): boolean =>
  key !== '' && !key.includes('=') && !(TEXT_KEYS.has(key) ? value : key).includes('\0');

/**
 * The body of a PAX header: `length key=value` lines, sorted by the bytes of the keys.
 * @throws OciError `INVALID_OPTION` for a key or value that a record cannot hold
 */
export function encodePax(records: Readonly<Record<string, string>>, name: string): Uint8Array {
  const lines = Object.entries(records).map(([key, value]) => {
    if (!isValid(key, value)) {
      throw new OciError(
        'INVALID_OPTION',
        `tar entry ${quote(name)} cannot be written: ${quote(key)} is not a PAX record`,
      );
    }
    return { key: Buffer.from(key), line: encodeRecord(key, value) };
  });
  return Buffer.concat(lines.toSorted((a, b) => Buffer.compare(a.key, b.key)).map(({ line }) => line));
}

/** Extended attributes hold any bytes: in the text of such a record each character stands for one. */
const isBinary = (key: string): boolean => key.startsWith('SCHILY.xattr.');

function encodeRecord(key: string, value: string): Buffer {
  const encoded = Buffer.from(value, isBinary(key) ? 'latin1' : 'utf8');
  const rest = Buffer.concat([Buffer.from(` ${key}=`), encoded, Buffer.from('\n')]);
  // The length counts its own digits.
  let size = rest.length + String(rest.length).length;
  if (String(size).length + rest.length !== size) size = rest.length + String(size).length;
  return Buffer.concat([Buffer.from(String(size)), rest]);
}

/**
 * Reads the body of a PAX header. Records without a value stay in, as empty text: they take a value back.
 * @throws OciError `CONTENT_INVALID`
 */
export function parsePax(body: Uint8Array, what: string): Map<string, string> {
  const records = new Map<string, string>();
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.length);
  let at = 0;
  while (at < bytes.length) {
    const space = bytes.indexOf(0x20, at);
    const digits = space < 0 || space - at > 10 ? '' : bytes.toString('latin1', at, space);
    const end = at + Number(digits);
    if (!/^[1-9]\d*$/.test(digits) || end > bytes.length || bytes[end - 1] !== 0x0a || end <= space + 1) {
      throw corrupt(`${what} is damaged: a PAX header does not have the form "length key=value"`);
    }
    const record = bytes.subarray(space + 1, end - 1);
    const equals = record.indexOf(0x3d);
    const key = record.toString('utf8', 0, Math.max(equals, 0));
    const value = record.toString(isBinary(key) ? 'latin1' : 'utf8', equals + 1);
    if (equals < 0 || !isValid(key, value)) {
      throw corrupt(`${what} is damaged: ${quote(record.toString(), 60)} is not a PAX record`);
    }
    records.set(key, value);
    at = end;
  }
  return records;
}
