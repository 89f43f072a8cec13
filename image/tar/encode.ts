import { OciError, quote } from '../../oci/index.js';
import {
  BLOCK,
  FIELDS,
  FLAGS,
  MAGIC,
  checksumOf,
  fieldOf,
  paddingOf,
  type Field,
  type TarHeader,
  type TarType,
} from './header.js';
import { encodePax } from './pax.js';

const NAME_SIZE = 100;
const PREFIX_SIZE = 155;
/** Types whose names may end in a slash: directories, and links to them. */
const SLASHED = new Set<TarType>(['directory', 'link', 'symlink']);
const LONG_NAME = '././@LongLink';

const DEFAULTS = {
  mode: 0,
  uid: 0,
  gid: 0,
  uname: '',
  gname: '',
  size: 0,
  mtime: 0,
  linkname: '',
  major: 0,
  minor: 0,
};

/** A header with nothing left out, and what it takes to write it. */
interface Plan {
  readonly header: Required<Omit<TarHeader, 'pax'>>;
  /** Records that the ustar fields cannot hold, or that were asked for. */
  readonly records: Readonly<Record<string, string>>;
  readonly ustar: boolean;
  readonly pax: boolean;
  readonly gnu: boolean;
}

/**
 * The blocks that stand before an entry's body, byte for byte as Go's `archive/tar` writes them (and so imgpkg and
 * crane): the first of ustar, PAX and GNU that holds everything. Numbers in octal ended by NUL, a path split into
 * prefix and name where ustar can, PAX records sorted, and GNU's binary numbers only for a mode that fits nowhere else.
 * @throws OciError `INVALID_OPTION` for what no format can hold
 */
export function encodeHeader(entry: TarHeader): Uint8Array {
  const plan = planOf(entry);
  if (plan.ustar) return encodeUstar(plan.header);
  if (plan.pax) return encodeWithRecords(plan);
  if (plan.gnu) return encodeGnu(plan.header);
  throw refused(entry.name, 'its mode or device numbers need a format that cannot hold the rest');
}

function refused(name: string, why: string): OciError {
  return new OciError('INVALID_OPTION', `tar entry ${quote(name)} cannot be written: ${why}`);
}

function planOf(entry: TarHeader): Plan {
  const { pax = {}, ...given } = entry;
  const header = { ...DEFAULTS, ...given };
  check(header);
  const records: Record<string, string> = { ...pax };
  let ustar = Object.keys(pax).length === 0;
  let inPax = true;
  let gnu = ustar;
  const text = (field: Field, key: string): void => {
    const value = String(header[field as keyof typeof header]);
    const fits = isAscii(value) && value.length <= fieldSize(field);
    if (fits) return;
    if (field !== 'name' || splitName(value) === undefined) ustar = false;
    // GNU has long names for these two only.
    if (field !== 'name' && field !== 'linkname' && Buffer.byteLength(value) > fieldSize(field)) gnu = false;
    records[key] = value;
  };
  const number = (
    field: 'gid' | 'major' | 'minor' | 'mode' | 'mtime' | 'size' | 'uid',
    key?: string,
  ): void => {
    const value = header[field];
    if (fitsOctal(value, fieldSize(field))) return;
    ustar = false;
    if (key === undefined) inPax = false;
    else records[key] ??= String(value);
  };
  text('name', 'path');
  text('linkname', 'linkpath');
  text('uname', 'uname');
  text('gname', 'gname');
  number('mode');
  number('uid', 'uid');
  number('gid', 'gid');
  number('size', 'size');
  number('mtime', 'mtime');
  number('major');
  number('minor');
  return { header, records, ustar, pax: inPax, gnu };
}

function check(header: Plan['header']): void {
  const { name, size, type } = header;
  if (name === '') throw refused(name, 'it has no name');
  if (name.endsWith('/') && !SLASHED.has(type))
    throw refused(name, `a ${type} cannot have a slash at its end`);
  for (const field of ['name', 'linkname', 'uname', 'gname'] as const) {
    if (header[field].includes('\0')) throw refused(name, `its ${field} holds a NUL`);
  }
  for (const field of ['mode', 'uid', 'gid', 'size', 'major', 'minor', 'mtime'] as const) {
    const value = header[field];
    if (!Number.isSafeInteger(value) || (value < 0 && field !== 'mtime')) {
      throw refused(name, `its ${field} is ${value}, not a whole number in range`);
    }
  }
  if (size > 0 && type !== 'file') throw refused(name, `a ${type} has no body, but its size is ${size}`);
}

function encodeUstar(header: Plan['header']): Uint8Array {
  const split = splitName(header.name);
  const block = template(split === undefined ? header : { ...header, name: split.name }, MAGIC.ustar, octal);
  if (split !== undefined) putText(block, 'prefix', split.prefix);
  return seal(block);
}

function encodeWithRecords({ header, records }: Plan): Uint8Array {
  // What did not fit stands in a record; the field then holds what is left of it in ASCII, or zero.
  const plain = {
    ...header,
    name: toAscii(header.name),
    linkname: toAscii(header.linkname),
    uname: toAscii(header.uname),
    gname: toAscii(header.gname),
  };
  const block = seal(template(plain, MAGIC.ustar, octal));
  const body = encodePax(records, header.name);
  return Buffer.concat([special(paxName(header.name), 'x', body, MAGIC.ustar), block]);
}

function encodeGnu(header: Plan['header']): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const [flag, value] of [
    ['L', header.name],
    ['K', header.linkname],
  ] as const) {
    const bytes = Buffer.from(`${value}\0`);
    if (bytes.length > NAME_SIZE + 1) parts.push(special(LONG_NAME, flag, bytes, MAGIC.gnu));
  }
  return Buffer.concat([...parts, seal(template(header, MAGIC.gnu, octalOrBinary))]);
}

/** A header and a body that tell something about the entry after them. */
function special(name: string, flag: string, body: Uint8Array, magic: string): Uint8Array {
  const block = new Uint8Array(BLOCK);
  putText(block, 'name', toAscii(name).slice(0, NAME_SIZE).replace(/\/+$/, ''));
  for (const field of ['mode', 'uid', 'gid', 'mtime'] as const) octal(fieldOf(block, field), 0);
  octal(fieldOf(block, 'size'), body.length);
  putText(block, 'type', flag);
  putText(block, 'magic', magic);
  return Buffer.concat([seal(block), body, new Uint8Array(paddingOf(body.length))]);
}

/** `dir/PaxHeaders.0/file`, with the path cleaned as Go's `path.Join` does. */
function paxName(name: string): string {
  const slash = name.lastIndexOf('/') + 1;
  const parts: string[] = [];
  const rooted = name.startsWith('/');
  for (const part of [...name.slice(0, slash).split('/'), 'PaxHeaders.0', name.slice(slash)]) {
    if (part === '' || part === '.') continue;
    if (part !== '..') parts.push(part);
    else if (parts.length > 0 && parts.at(-1) !== '..') parts.pop();
    else if (!rooted) parts.push(part);
  }
  return `${rooted ? '/' : ''}${parts.join('/')}`;
}

type PutNumber = (field: Uint8Array, value: number) => void;

function template(header: Plan['header'], magic: string, put: PutNumber): Uint8Array {
  const block = new Uint8Array(BLOCK);
  for (const field of ['name', 'linkname', 'uname', 'gname'] as const) putText(block, field, header[field]);
  for (const field of ['mode', 'uid', 'gid', 'size', 'mtime', 'major', 'minor'] as const) {
    put(fieldOf(block, field), header[field]);
  }
  putText(block, 'type', FLAGS[header.type]);
  putText(block, 'magic', magic);
  return block;
}

function seal(block: Uint8Array): Uint8Array {
  const field = fieldOf(block, 'checksum');
  octal(field.subarray(0, 7), checksumOf(block));
  field[7] = 0x20;
  return block;
}

const fieldSize = (field: Field): number => FIELDS[field][1];

/** Text cut to the field. A cut must not end in a slash: readers would take a file for a directory. */
function putText(block: Uint8Array, field: Field, text: string): void {
  const target = fieldOf(block, field);
  const bytes = Buffer.from(text);
  target.set(bytes.subarray(0, target.length));
  if (bytes.length <= target.length || target.at(-1) !== 0x2f) return;
  let end = target.length - 1;
  while (end > 0 && target[end - 1] === 0x2f) end--;
  target[end] = 0;
}

function fitsOctal(value: number, size: number): boolean {
  return value >= 0 && value < 8 ** (size - 1);
}

/** Octal digits up to a closing NUL; zero for what does not fit. */
function octal(field: Uint8Array, value: number): void {
  const digits = (fitsOctal(value, field.length) ? value : 0).toString(8);
  field.set(Buffer.from(`${digits.padStart(field.length - 1, '0')}\0`));
}

/** Octal where it fits, else GNU's form: the highest bit set, then the number in two's complement. */
function octalOrBinary(field: Uint8Array, value: number): void {
  if (fitsOctal(value, field.length)) {
    octal(field, value);
    return;
  }
  let rest = BigInt(value);
  for (let index = field.length - 1; index >= 0; index--) {
    field[index] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  field[0] = (field[0] ?? 0) | 0x80;
}

function isAscii(text: string): boolean {
  return /^\p{ASCII}*$/u.test(text);
}

function toAscii(text: string): string {
  return text.replaceAll(/\P{ASCII}/gu, '');
}

/** Splits a long path at the last slash that leaves both parts short enough; undefined where none does, or needs to. */
function splitName(path: string): { readonly prefix: string; readonly name: string } | undefined {
  if (path.length <= NAME_SIZE || !isAscii(path)) return undefined;
  const end =
    path.length > PREFIX_SIZE + 1 ? PREFIX_SIZE + 1 : path.endsWith('/') ? path.length - 1 : path.length;
  const slash = path.lastIndexOf('/', end - 1);
  const name = path.slice(slash + 1);
  if (slash <= 0 || name.length > NAME_SIZE || name === '') return undefined;
  return { prefix: path.slice(0, slash), name };
}
