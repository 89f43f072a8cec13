import { OciError, quote } from '../../oci/index.js';
import { corrupt } from '../corrupt.js';
import { FLAGS, MAGIC, checksumOf, fieldOf, type Field, type TarHeader, type TarType } from './header.js';

/** A header block, read: what it says of itself, before records of other headers are laid over it. */
export interface RawHeader {
  /** The type flag: one character. */
  readonly flag: string;
  readonly name: string;
  readonly linkname: string;
  readonly uname: string;
  readonly gname: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly mtime: number;
  readonly major: number;
  readonly minor: number;
}

const TYPES = new Map<string, TarType>(Object.entries(FLAGS).map(([type, flag]) => [flag, type as TarType]));
// Old archives mark files by NUL, and contiguous ones by 7.
TYPES.set('\0', 'file').set('7', 'file');

/**
 * Reads one header block.
 * @throws OciError `CONTENT_INVALID` for a wrong checksum or a number that is none
 */
export function decodeHeader(block: Uint8Array, what: string): RawHeader {
  const sum = number(block, 'checksum', what);
  if (sum !== checksumOf(block) && sum !== signedChecksumOf(block)) {
    throw corrupt(`${what} is damaged: a tar header's checksum does not match, or it is not a tar archive`);
  }
  const magic = Buffer.from(fieldOf(block, 'magic')).toString('latin1');
  const ustar = magic === MAGIC.ustar;
  const known = ustar || magic === MAGIC.gnu;
  const name = text(block, 'name');
  const prefix = ustar ? text(block, 'prefix') : '';
  const header = {
    flag: String.fromCharCode(fieldOf(block, 'type')[0] ?? 0),
    name: prefix === '' ? name : `${prefix}/${name}`,
    linkname: text(block, 'linkname'),
    uname: known ? text(block, 'uname') : '',
    gname: known ? text(block, 'gname') : '',
    mode: number(block, 'mode', what),
    uid: number(block, 'uid', what),
    gid: number(block, 'gid', what),
    size: number(block, 'size', what),
    mtime: number(block, 'mtime', what),
    major: known ? number(block, 'major', what) : 0,
    minor: known ? number(block, 'minor', what) : 0,
  };
  if (header.size < 0) throw corrupt(`${what} is damaged: ${quote(header.name)} has a negative size`);
  return header;
}

/** Some old tars summed signed bytes. */
function signedChecksumOf(block: Uint8Array): number {
  const field = fieldOf(block, 'checksum');
  const high = block.filter((byte) => byte > 127).length - field.filter((byte) => byte > 127).length;
  return checksumOf(block) - 256 * high;
}

function text(block: Uint8Array, field: Field): string {
  const bytes = fieldOf(block, field);
  const end = bytes.indexOf(0);
  return Buffer.from(end < 0 ? bytes : bytes.subarray(0, end)).toString('utf8');
}

/** Octal between spaces and NULs, or a number in two's complement after a set highest bit. */
function number(block: Uint8Array, field: Field, what: string): number {
  const bytes = fieldOf(block, field);
  const first = bytes[0] ?? 0;
  if ((first & 0x80) !== 0) return binary(bytes, field, what);
  const digits = Buffer.from(bytes)
    .toString('latin1')
    .replace(/^[ \0]+/, '')
    .replace(/[ \0].*$/s, '');
  if (digits === '') return 0;
  if (!/^[0-7]+$/.test(digits)) {
    throw corrupt(
      `${what} is damaged: the ${field} of a tar header is ${quote(digits)}, not an octal number`,
    );
  }
  return Number.parseInt(digits, 8);
}

function binary(bytes: Uint8Array, field: Field, what: string): number {
  const [first = 0, ...rest] = bytes;
  let value = BigInt(first & 0x7f);
  for (const byte of rest) value = (value << 8n) | BigInt(byte);
  const wide = BigInt.asIntN(8 * bytes.length - 1, value);
  if (wide > Number.MAX_SAFE_INTEGER || wide < Number.MIN_SAFE_INTEGER) {
    throw corrupt(`${what} is damaged: the ${field} of a tar header is out of range`);
  }
  return Number(wide);
}

/** Times that PAX records hold finer than the header does. */
const KEPT = new Set(['atime', 'ctime']);

/**
 * Lays long names and PAX records over a header.
 * @throws OciError `CONTENT_INVALID` for a number that is none, `UNSUPPORTED` for a type or a sparse file
 */
export function mergeHeader(
  raw: RawHeader,
  records: ReadonlyMap<string, string>,
  what: string,
): TarHeader & { readonly size: number } {
  const given = (key: string): string | undefined => records.get(key) || undefined;
  const whole = (key: string, otherwise: number): number => {
    const value = given(key);
    if (value === undefined) return otherwise;
    const result = Number(value);
    if (/^\d+$/.test(value) && Number.isSafeInteger(result)) return result;
    throw corrupt(`${what} is damaged: the PAX record ${key} is ${quote(value, 40)}, not a number in range`);
  };
  const name = given('path') ?? raw.name;
  const type = typeOf(raw.flag, name, records, what);
  const size = whole('size', raw.size);
  const { seconds, exact } = timeOf(given('mtime'), raw.mtime, what);
  const pax: Record<string, string> = {};
  for (const [key, value] of records) {
    if (value !== '' && (KEPT.has(key) || !FIELD_KEYS.has(key)))
      Object.defineProperty(pax, key, { value, ...SHOWN });
  }
  if (exact !== undefined) pax.mtime = exact;
  return {
    name,
    type,
    mode: raw.mode,
    uid: whole('uid', raw.uid),
    gid: whole('gid', raw.gid),
    uname: given('uname') ?? raw.uname,
    gname: given('gname') ?? raw.gname,
    size: type === 'file' ? size : 0,
    mtime: seconds,
    linkname: given('linkpath') ?? raw.linkname,
    major: raw.major,
    minor: raw.minor,
    ...(Object.keys(pax).length > 0 && { pax }),
  };
}

/** Records that stand in fields of the header we give. */
const FIELD_KEYS = new Set([
  'path',
  'linkpath',
  'size',
  'uid',
  'gid',
  'uname',
  'gname',
  'mtime',
  'atime',
  'ctime',
]);
/** A key such as `__proto__` must become a property like any other. */
const SHOWN = { enumerable: true, writable: true, configurable: true } as const;

function typeOf(flag: string, name: string, records: ReadonlyMap<string, string>, what: string): TarType {
  const sparse = flag === 'S' || [...records.keys()].some((key) => key.startsWith('GNU.sparse.'));
  const type = sparse ? undefined : TYPES.get(flag);
  if (type === undefined) {
    const kind = sparse ? 'a sparse file' : `of type ${quote(flag)}`;
    throw new OciError(
      'UNSUPPORTED',
      `${what}: the tar entry ${quote(name)} is ${kind}, which is not supported`,
    );
  }
  return type === 'file' && flag === '\0' && name.endsWith('/') ? 'directory' : type;
}

/** Seconds, rounded down, and the text when it says more than that. */
function timeOf(
  value: string | undefined,
  otherwise: number,
  what: string,
): { readonly seconds: number; readonly exact: string | undefined } {
  if (value === undefined) return { seconds: otherwise, exact: undefined };
  const match = /^(-?\d{1,15})(?:\.(\d*))?$/.exec(value);
  if (match === null)
    throw corrupt(`${what} is damaged: the PAX record mtime is ${quote(value, 40)}, not a time`);
  const fine = /[1-9]/.test(match[2] ?? '');
  const seconds = Number(match[1]) - (fine && value.startsWith('-') ? 1 : 0);
  return { seconds: seconds === 0 ? 0 : seconds, exact: fine ? value : undefined };
}
