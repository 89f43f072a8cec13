import { Digester, OciError, digestOf, hexOf, isObject, parseJson } from '../../../oci/index.js';
import { corrupt } from '../../corrupt.js';

/** What a part knows of itself and of the archive that it is a part of. Sizes and positions are bytes. */
export interface PartHeader {
  /** The same in every part: what `setOf` says of all of them. */
  readonly set: string;
  /** Counted from 1. */
  readonly part: number;
  readonly of: number;
  /** Where in the archive its payload begins. */
  readonly start: number;
  /** Of its payload. */
  readonly size: number;
  /** Of the archive. */
  readonly total: number;
  /** Hexadecimal, over its payload. */
  readonly sha256: string;
}

/** Bytes of the header, which stands before the payload. */
export const PART_HEADER_SIZE = 512;

/** Parts of one archive. */
export const PART_LIMIT = 9999;

const VERSION = 1;
const MAGIC = '{"ocilotPart":';

/** True for a file that begins as a part does. */
export const isPartHeader = (first: Uint8Array): boolean =>
  Buffer.from(first.subarray(0, MAGIC.length)).toString('latin1') === MAGIC;

/**
 * The header as it stands in a file: a line of JSON, the sha256 of that line, spaces up to the line feed at the end. There
 * is one right form only, so not a byte of it can be another.
 */
export function encodePartHeader({ set, part, of, start, size, total, sha256 }: PartHeader): Uint8Array {
  const line = JSON.stringify({ ocilotPart: VERSION, set, part, of, start, size, total, sha256 });
  const text = `${line}\n${hexOf(digestOf(Buffer.from(line)))}\n`;
  return Buffer.from(`${text.padEnd(PART_HEADER_SIZE - 1)}\n`);
}

/**
 * Reads the header of a part.
 * @throws OciError `CONTENT_INVALID` for a damaged one, `UNSUPPORTED` for that of a newer version
 */
export function parsePartHeader(bytes: Uint8Array, file: string): PartHeader {
  const damaged = (): OciError => corrupt(`part ${file} is damaged: its header is not what was written`);
  if (bytes.length !== PART_HEADER_SIZE || !isPartHeader(bytes)) throw damaged();
  const [line = '', check] = Buffer.from(bytes).toString('latin1').split('\n', 2);
  if (check !== hexOf(digestOf(Buffer.from(line, 'latin1')))) throw damaged();
  const { ocilotPart: version, ...header } = fieldsOf(line, file);
  if (version !== VERSION)
    throw new OciError('UNSUPPORTED', `part ${file} has format ${String(version)}: only ${VERSION} is known`);
  if (!isHeader(header) || Buffer.compare(encodePartHeader(header), bytes) !== 0) throw damaged();
  return header;
}

function fieldsOf(line: string, file: string): Record<string, unknown> {
  const fields = parseJson(Buffer.from(line, 'latin1'), `the header of part ${file}`, 'CONTENT_INVALID');
  return isObject(fields) ? fields : {};
}

function isHeader(fields: object): fields is PartHeader {
  const { set, sha256, ...numbers } = fields as Record<keyof PartHeader, unknown>;
  const { part, of, start, size, total } = numbers;
  const counts = [part, of, start, size, total].every((n) => Number.isSafeInteger(n) && Number(n) >= 0);
  const within = Number(part) >= 1 && Number(part) <= Number(of) && Number(of) <= PART_LIMIT;
  return counts && within && isHex(set) && isHex(sha256);
}

const isHex = (value: unknown): boolean => typeof value === 'string' && /^[0-9a-f]{64}$/.test(value);

/** What binds parts together: the sha256 over the size and the sha256 of each, a line for each, in their order. */
export function setOf(parts: readonly Pick<PartHeader, 'size' | 'sha256'>[]): string {
  const digester = new Digester();
  for (const { size, sha256 } of parts) digester.update(Buffer.from(`${size} ${sha256}\n`));
  return hexOf(digester.digest());
}

/** What a part is called: `bundle.tar.001`. */
export const partName = (base: string, part: number): string => `${base}.${String(part).padStart(3, '0')}`;
