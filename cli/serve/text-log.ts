import { inspect } from 'node:util';
import { printable } from '../../oci/index.js';

/** A log line as pino writes it, taken apart. */
export type LogRecord = Readonly<Record<string, unknown>>;

/** Numbers of the colours of a terminal. */
const COLOURS: Readonly<Record<string, number>> = { fatal: 31, error: 31, warn: 33, info: 32 };
const GREY = 90;

/** Fields that have a place of their own, or say nothing to a person. */
const PLACED = new Set(['level', 'time', 'msg', 'err', 'id']);

/** One line for a person; the stack of an error follows on lines of its own. */
export function formatRecord(record: LogRecord, colours: boolean): string {
  const paint = (text: string, colour: number): string =>
    colours ? `\u001B[${colour}m${text}\u001B[0m` : text;
  const word = (name: string): string => (typeof record[name] === 'string' ? printable(record[name]) : '');
  const level = word('level');
  const id = word('id');
  const head = [
    paint(word('time'), GREY),
    paint(level.toUpperCase().padEnd(5), COLOURS[level] ?? GREY),
    ...(id === '' ? [] : [paint(`[${id}]`, GREY)]),
    word('msg'),
  ];
  const fields = Object.entries(record)
    .filter(([name]) => !PLACED.has(name))
    .map(([name, value]) => `${paint(`${name}=`, GREY)}${shown(value)}`);
  return `${[...head, ...fields].join(' ')}${stackOf(record['err'])}\n`;
}

/** A value in one word, quoted when it has blanks. */
function shown(value: unknown): string {
  const text = typeof value === 'string' ? value : inspect(value, { breakLength: Infinity, compact: true });
  const safe = printable(text);
  return /^[^\s"=]+$/.test(safe) ? safe : JSON.stringify(safe);
}

function stackOf(error: unknown): string {
  if (typeof error !== 'object' || error === null || !('stack' in error)) return '';
  const lines = String(error.stack).split('\n');
  return lines.map((line) => `\n    ${printable(line)}`).join('');
}
