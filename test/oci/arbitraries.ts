import * as fc from 'fast-check';
import type { Arbitrary } from 'fast-check';
import { isOciError, type ErrorCode } from '../../oci/index.js';

/** What a call answers: `ok`, or the code of the `OciError` it throws. Anything else that is thrown fails the test. */
export function outcome(call: () => unknown): 'ok' | ErrorCode {
  try {
    call();
    return 'ok';
  } catch (error) {
    if (isOciError(error)) return error.code;
    throw error;
  }
}

/** The message of the `OciError` that a call throws. */
export function messageOf(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    if (isOciError(error)) return error.message;
    throw error;
  }
  throw new Error('nothing was thrown');
}

/** Characters that grammars here treat specially, and some that none allows. */
const SPICE = Array.from('azAZ09._-:/@+=%[]\\ \t\n\0"\u00e9\u0130\u212a\uff41\u202e');

/** Any text at all: every code point, and surrogates on their own. */
export const anyText: Arbitrary<string> = fc.string({
  unit: fc.nat({ max: 0x10ffff }).map((code) => String.fromCodePoint(code)),
});

type Edit = (text: string, at: number, character: string) => string;

const EDITS: readonly Edit[] = [
  (text, at) => text.slice(0, at) + text.slice(at + 1),
  (text, at, character) => text.slice(0, at) + character + text.slice(at),
  (text, at, character) => text.slice(0, at) + character + text.slice(at + 1),
  (text, at) => text.slice(0, at) + text.slice(at, at + 1) + text.slice(at),
  (text, at) => text.slice(0, at) + text.slice(at, at + 1).toUpperCase() + text.slice(at + 1),
  (text, at) => text.slice(0, at),
  (text, _, character) => text + character,
];

/** Texts that are one edit away from a valid one. */
export function nearMisses(valid: Arbitrary<string>): Arbitrary<string> {
  return fc
    .tuple(valid, fc.constantFrom(...EDITS), fc.nat(), fc.constantFrom(...SPICE))
    .map(([text, edit, at, character]) => edit(text, at % (text.length + 1), character));
}

/** Valid texts, near misses and noise, in one stream. */
export function mixed(valid: Arbitrary<string>): Arbitrary<string> {
  return fc.oneof(
    valid,
    { weight: 3, arbitrary: nearMisses(valid) },
    fc.string({ unit: fc.constantFrom(...SPICE), maxLength: 40 }),
    anyText,
  );
}

const hex = (length: number): Arbitrary<string> =>
  fc.string({
    unit: fc.constantFrom(...Array.from('0123456789abcdef')),
    minLength: length,
    maxLength: length,
  });

export const digests: Arbitrary<string> = fc.oneof(
  hex(64).map((text) => `sha256:${text}`),
  hex(128).map((text) => `sha512:${text}`),
);

export const tags: Arbitrary<string> = fc.stringMatching(/^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/);

const runs = fc.stringMatching(/^[a-z0-9]{1,6}$/);
const components = fc
  .tuple(runs, fc.array(fc.tuple(fc.constantFrom('.', '_', '__', '-', '---'), runs), { maxLength: 2 }))
  .map(([first, rest]) => first + rest.map((pair) => pair.join('')).join(''));

export const repositories: Arbitrary<string> = fc
  .array(components, { minLength: 1, maxLength: 4 })
  .map((parts) => parts.join('/'));

const ports = fc.option(fc.integer({ min: 1, max: 65_535 }), { nil: undefined });

/** `host[:port]` that can stand first in a reference, Docker Hub's names included. */
export const hosts: Arbitrary<string> = fc
  .tuple(
    fc.oneof(
      fc.domain({ size: 'small' }),
      fc.ipV4(),
      fc.ipV6().map((address) => `[${address}]`),
      fc.constantFrom('localhost', 'REGISTRY', 'a--b.example', 'index.docker.io', 'registry-1.docker.io'),
    ),
    ports,
  )
  .map(([name, port]) => (port === undefined ? name : `${name}:${port}`));

/** Long texts that a backtracking or recursive reader chokes on, as pieces to repeat up to `length` characters. */
export function hostileTexts(length: number): readonly string[] {
  const pieces = [
    'a',
    'a.',
    'a-',
    'a_',
    '-',
    '_',
    '/',
    ':',
    '@',
    'a/',
    'a+',
    'sha256:',
    '[',
    '\0',
    '\u{1f600}',
  ];
  return pieces.flatMap((piece) => {
    const text = piece.repeat(length / piece.length);
    return [text, `${text}!`, `a${text}`, `host.example/${text}!`];
  });
}
