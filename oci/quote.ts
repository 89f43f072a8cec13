/** Characters that move a cursor, end a line or hide text: controls, formats, line separators, lone surrogates. */
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]/gu;

/** Text from outside, safe to show: what a terminal would act on is written as an escape. */
export function printable(text: string): string {
  return text.replaceAll(UNPRINTABLE, (character) => {
    const hex = (character.codePointAt(0) ?? 0).toString(16);
    return hex.length > 4 ? `\\u{${hex}}` : `\\u${hex.padStart(4, '0')}`;
  });
}

/** Quotes text from outside for a message: escaped, and cut after `limit` characters. */
export function quote(text: string, limit = 200): string {
  const shown = text.length > limit ? `${text.slice(0, limit)}…` : text;
  return printable(JSON.stringify(shown));
}
