/** How Go's YAML library, and so imgpkg, writes a text where it stands. */
export interface ScalarPlace {
  /** The column where the text begins, counted from 0. */
  readonly column: number;
  /** Spaces before the lines that follow. */
  readonly indent: number;
  /** Keys stay on one line. */
  readonly isKey: boolean;
}

/** Columns after which a text with spaces goes on in the next line. */
const WIDTH = 80;

const WORDS = new Set(
  ['y', 'yes', 'true', 'on', 'n', 'no', 'false', 'off', 'null', '.nan', '.inf', '+.inf', '-.inf'].flatMap(
    (word) => [word, word.toUpperCase(), word.replace(/[a-z]/, (first) => first.toUpperCase())],
  ),
).add('.NaN');

const NUMBERS = [
  /^[-+]?(?:\.\d+|\d+(?:\.\d*)?)(?:[eE][-+]?\d+)?$/,
  /^[-+]?0(?:b[01]+|o?[0-7]+|x[\da-f]+)$/i,
  // Base 60, as in times of day.
  /^[-+]?\d[\d_]*(?::[0-5]?\d)+(?:\.[\d_]*)?$/,
];
const TIME = /^\d{4}-\d\d?-\d\d?(?:[Tt ]\d\d?:\d\d?:\d\d?(?:\.\d+)?(?:Z|[-+]\d\d:\d\d)?)?$/;

/** True for text that would be read as something else than text. */
function means(text: string): boolean {
  if (text === '' || text === '~' || text === '<<' || WORDS.has(text)) return true;
  const digits = text.replaceAll('_', '');
  return NUMBERS.some((pattern) => pattern.test(text) || pattern.test(digits)) || TIME.test(text);
}

const FIRST = new Set('#,[]{}&*!|>\'"%@`'.split(''));
/** Printable in YAML, tabs and byte order marks left out as Go's library does. */
const PRINTABLE = /^[\n\u0020-\u007e\u00a0-\ud7ff\ue000-\ufefe\uff00-\ufffd\u{10000}-\u{10ffff}]*$/u;
const BREAKS = '\r\n\u0085\u2028\u2029';

type Style = 'double' | 'literal' | 'plain' | 'single';

function styleOf(text: string, isKey: boolean): Style {
  const special = !PRINTABLE.test(text) || /[\r\u0085\u2028\u2029]/.test(text) || / \n/.test(text);
  if (text.includes('\n')) return special || isKey || text.endsWith(' ') ? 'double' : 'literal';
  if (means(text) || special) return 'double';
  return isPlain(text) ? 'plain' : 'single';
}

/** True when nothing in the text says something to a reader of YAML outside of quotes. */
function isPlain(text: string): boolean {
  const [first = ''] = text;
  if (text.startsWith('---') || text.startsWith('...') || FIRST.has(first)) return false;
  if (text.startsWith(' ') || text.endsWith(' ')) return false;
  if (/^[-?:](?:\s|$)/.test(text)) return false;
  return !/:(?:\s|$)/.test(text) && !/\s#/.test(text);
}

/** The text as a scalar: plain, quoted or as a block, folded after 80 columns. */
export function printScalar(text: string, place: ScalarPlace): string {
  const style = styleOf(text, place.isKey);
  if (style === 'literal') return literal(text, place.indent);
  if (style === 'plain') return folded(Array.from(text), place, { from: 0, quoted: false, escape: false });
  if (style === 'single') {
    const characters = Array.from(text).map((character) => (character === "'" ? "''" : character));
    return `'${folded(characters, { ...place, column: place.column + 1 }, { from: 1, quoted: true, escape: false })}'`;
  }
  const characters = Array.from(text).map(escaped);
  return `"${folded(characters, { ...place, column: place.column + 1 }, { from: 1, quoted: true, escape: true })}"`;
}

/** Breaks lines at single spaces where they have become long. */
function folded(
  characters: readonly string[],
  { column: start, indent, isKey }: ScalarPlace,
  { from, quoted, escape }: { readonly from: number; readonly quoted: boolean; readonly escape: boolean },
): string {
  let out = '';
  let column = start;
  let spaces = false;
  for (const [at, character] of characters.entries()) {
    const inside = at >= from && (!quoted || at < characters.length - 1);
    const next = characters[at + 1];
    if (character === ' ' && !isKey && !spaces && column > WIDTH && inside && (escape || next !== ' ')) {
      out += `\n${' '.repeat(indent)}`;
      column = indent;
      if (next === ' ') {
        out += '\\';
        column++;
      }
    } else {
      out += character;
      column += character.length;
    }
    spaces = character === ' ';
  }
  return out;
}

function literal(text: string, indent: number): string {
  const hint = text.startsWith(' ') || text.startsWith('\n') ? '2' : '';
  const chomp = !text.endsWith('\n') ? '-' : text === '\n' || text.endsWith('\n\n') ? '+' : '';
  const lines = (text.endsWith('\n') ? text.slice(0, -1) : text).split('\n');
  const body = lines.map((line) => (line === '' ? '' : ' '.repeat(indent) + line));
  return `|${hint}${chomp}\n${body.join('\n')}`;
}

const ESCAPES: Readonly<Record<string, string>> = {
  '\0': '\\0',
  '\u0007': '\\a',
  '\b': '\\b',
  '\t': '\\t',
  '\n': '\\n',
  '\v': '\\v',
  '\f': '\\f',
  '\r': '\\r',
  '\u001b': '\\e',
  '"': '\\"',
  '\\': '\\\\',
  '\u0085': '\\N',
  '\u00a0': '\\_',
  '\u2028': '\\L',
  '\u2029': '\\P',
};

function escaped(character: string): string {
  const known = ESCAPES[character];
  if (known !== undefined && (character !== '\u00a0' || !PRINTABLE.test(character))) return known;
  if (PRINTABLE.test(character) && !BREAKS.includes(character)) return character;
  const code = (character.codePointAt(0) ?? 0).toString(16).toUpperCase();
  if (code.length <= 2) return `\\x${code.padStart(2, '0')}`;
  return code.length <= 4 ? `\\u${code.padStart(4, '0')}` : `\\U${code.padStart(8, '0')}`;
}
