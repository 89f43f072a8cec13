import picomatch from 'picomatch';
import type { Operation, RequestFacts } from './operations.js';

/** Which requests are meant: those that fit every field that is given. */
export interface RequestMatch {
  readonly operation?: Operation | readonly Operation[];
  /** In capitals. `blob.get` and the like hold both GET and HEAD. */
  readonly method?: string | readonly string[];
  /** A glob, as `/v2/team/**`, or an expression. */
  readonly path?: string | RegExp;
  /** A glob, as `team/*`, or an expression. */
  readonly repository?: string | RegExp;
  /** A glob over tag, digest or upload, or an expression. */
  readonly reference?: string | RegExp;
  readonly digest?: string;
}

/** Compiles a match; the empty one fits every request. */
export function createMatcher(match: RequestMatch): (facts: RequestFacts) => boolean {
  const tests: ((facts: RequestFacts) => boolean)[] = [];
  const { operation, method, digest } = match;
  if (operation !== undefined) tests.push((facts) => oneOf(operation, facts.operation));
  if (method !== undefined) tests.push((facts) => oneOf(method, facts.method));
  for (const field of ['path', 'repository', 'reference'] as const) {
    const pattern = match[field];
    if (pattern === undefined) continue;
    const fits = textMatcher(pattern);
    tests.push(({ [field]: text }) => text !== undefined && fits(text));
  }
  if (digest !== undefined) tests.push((facts) => facts.digest === digest);
  return (facts) => tests.every((test) => test(facts));
}

function oneOf<T extends string>(wanted: T | readonly T[], value: T): boolean {
  return typeof wanted === 'string' ? wanted === value : wanted.includes(value);
}

function textMatcher(pattern: string | RegExp): (text: string) => boolean {
  // `search` does not care where an expression with the flag `g` stands.
  return typeof pattern === 'string'
    ? picomatch(pattern, { dot: true })
    : (text) => text.search(pattern) !== -1;
}
