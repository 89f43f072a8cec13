const HIDDEN = '***';

/** What may stand in a text that came from outside and is nobody's business, and how it is shown. */
const SECRETS: readonly (readonly [pattern: RegExp, shown: string])[] = [
  // https://user:password@host
  // Looked for from the start of a word only: from every letter of a long one it would take for ever.
  [/((?<![a-z0-9+.-])[a-z][a-z0-9+.-]*:\/\/)[^\s/@"'\\]+@/gi, `$1${HIDDEN}@`],
  // Authorization: Bearer …, Basic …
  [/\b(bearer|basic)\s+[A-Za-z0-9+/_~.=-]{8,}/gi, `$1 ${HIDDEN}`],
  // ?token=…, password: …, "secret":"…"
  [
    /(?<![a-z])(token|password|passwd|secret|signature|api[_-]?key)(\\?["']?\s*[=:]\s*\\?["']?)[^\s&"'\\,;}]+/gi,
    `$1$2${HIDDEN}`,
  ],
];

/** Hides credentials in a text. For everything that is printed or logged and might quote what a client sent. */
export function redact(text: string): string {
  return SECRETS.reduce((result, [pattern, shown]) => result.replace(pattern, shown), text);
}
