const isDigit = (character: string): boolean => character >= '0' && character <= '9';
const isLetter = (character: string): boolean => /\p{L}/u.test(character);

/**
 * Compares keys as Go's YAML library does: letters behind everything else, runs of digits by their value. So `a2` comes
 * before `a10`, and digests are sorted otherwise than by their bytes.
 */
export function byNaturalOrder(a: string, b: string): number {
  const [left, right] = [Array.from(a), Array.from(b)];
  const at = left.findIndex((character, index) => character !== right[index]);
  if (at < 0 || at >= right.length) return left.length - right.length;
  const [x = '', y = ''] = [left[at], right[at]];
  const letters = [isLetter(x), isLetter(y)];
  if (letters[0] === true && letters[1] === true) return byCodePoint(x, y);
  if (letters.includes(true)) return letters[1] === true ? -1 : 1;
  const zero = x === '0' || y === '0' ? leading(left, at) : 0n;
  const [first, second] = [numberAt(left, at, zero), numberAt(right, at, zero)];
  if (first.value !== second.value) return first.value < second.value ? -1 : 1;
  if (first.end !== second.end) return first.end - second.end;
  return byCodePoint(x, y);
}

/** 1 when the zero stands in a number that has begun before, so that it counts. */
function leading(characters: readonly string[], at: number): bigint {
  for (let index = at - 1; index >= 0 && isDigit(characters[index] ?? ''); index--)
    if (characters[index] !== '0') return 1n;
  return 0n;
}

/** Numbers have 64 bits there; longer ones run over. */
function numberAt(characters: readonly string[], at: number, start: bigint): { value: bigint; end: number } {
  let value = start;
  let end = at;
  for (; end < characters.length && isDigit(characters[end] ?? ''); end++)
    value = BigInt.asIntN(64, value * 10n + BigInt(characters[end] ?? 0));
  return { value, end };
}

const byCodePoint = (a: string, b: string): number => (a.codePointAt(0) ?? 0) - (b.codePointAt(0) ?? 0);
