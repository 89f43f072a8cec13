import { OciError, quote } from '../../oci/index.js';

/** A file of a layer: its content, or that with a mode, or a symbolic link. Modes default to 0644. */
export type FileEntry =
  | string
  | Uint8Array
  | { readonly content: string | Uint8Array; readonly mode?: number }
  | { readonly link: string };

/** Files by path. A path that ends with `/` is an empty folder, whatever its value. */
export type Files = Readonly<Record<string, FileEntry>>;

const BLOCK = 512;

interface Entry {
  readonly name: string;
  readonly type: '0' | '2' | '5';
  readonly mode: number;
  readonly content: Uint8Array;
  readonly link: string;
}

/**
 * A tar of files, always the same for the same files: sorted, with the folders above them, of root, from 1970.
 * @throws OciError `INVALID_OPTION` for a path or link that the ustar format cannot hold
 */
export function tarOf(files: Files): Uint8Array {
  const entries = entriesOf(files).flatMap((entry) => [
    headerOf(entry),
    entry.content,
    Buffer.alloc(-entry.content.byteLength & (BLOCK - 1)),
  ]);
  return Buffer.concat([...entries, Buffer.alloc(2 * BLOCK)]);
}

function entriesOf(files: Files): Entry[] {
  const entries = new Map<string, Entry>();
  for (const [path, value] of Object.entries(files)) {
    const name = path.replace(/^(?:\.?\/)+/, '');
    if (name === '') throw invalid(path, 'it names no file');
    const parts = name.split('/');
    for (let depth = 1; depth < parts.length; depth++) {
      const folder = `${parts.slice(0, depth).join('/')}/`;
      entries.set(folder, { name: folder, type: '5', mode: 0o755, content: Buffer.alloc(0), link: '' });
    }
    if (!name.endsWith('/')) entries.set(name, entryOf(name, value));
  }
  return [...entries.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

function entryOf(name: string, value: FileEntry): Entry {
  if (typeof value === 'string' || value instanceof Uint8Array) return entryOf(name, { content: value });
  if ('link' in value) return { name, type: '2', mode: 0o777, content: Buffer.alloc(0), link: value.link };
  return { name, type: '0', mode: value.mode ?? 0o644, content: Buffer.from(value.content), link: '' };
}

/** The header of POSIX.1-1988, "ustar". */
function headerOf(entry: Entry): Uint8Array {
  const header = Buffer.alloc(BLOCK);
  const { name, prefix } = splitName(entry.name);
  const octal = (value: number, at: number, length: number): void => {
    header.write(`${value.toString(8).padStart(length - 1, '0')}\0`, at, 'latin1');
  };
  if (Buffer.byteLength(entry.link) > 100) throw invalid(entry.link, 'links hold 100 bytes');
  header.write(name, 0);
  octal(entry.mode, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(entry.content.byteLength, 124, 12);
  octal(0, 136, 12);
  header.write('        ', 148, 'latin1');
  header.write(entry.type, 156, 'latin1');
  header.write(entry.link, 157);
  header.write('ustar\u000000', 257, 'latin1');
  octal(0, 329, 8);
  octal(0, 337, 8);
  header.write(prefix, 345);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return header;
}

/** Long names are cut at a slash: 155 bytes before it, 100 behind. */
function splitName(path: string): { name: string; prefix: string } {
  if (Buffer.byteLength(path) <= 100) return { name: path, prefix: '' };
  for (let at = path.indexOf('/'); at > 0 && at < path.length - 1; at = path.indexOf('/', at + 1)) {
    const prefix = path.slice(0, at);
    const name = path.slice(at + 1);
    if (Buffer.byteLength(prefix) <= 155 && Buffer.byteLength(name) <= 100) return { name, prefix };
  }
  throw invalid(path, 'it is too long for a ustar header');
}

const invalid = (path: string, why: string): OciError =>
  new OciError('INVALID_OPTION', `file ${quote(path)} cannot be put into a layer: ${why}`);
