import * as fc from 'fast-check';
import type { Arbitrary } from 'fast-check';

const alphanumeric = fc.constantFrom(...Array.from('abcxyz019'));
const component = fc
  .tuple(
    alphanumeric,
    fc.array(fc.tuple(fc.constantFrom('', '.', '_', '__', '-'), alphanumeric), { maxLength: 4 }),
  )
  .map(([first, rest]) => first + rest.flat().join(''));

/** Repository names. */
export const repositories: Arbitrary<string> = fc
  .array(component, { minLength: 1, maxLength: 4 })
  .map((parts) => parts.join('/'));

/** Actions of a scope, each once. */
export const actionLists: Arbitrary<string[]> = fc.uniqueArray(
  fc.constantFrom('pull', 'push', 'delete', '*'),
  {
    minLength: 1,
  },
);

/** User names that are valid. */
export const userNames: Arbitrary<string> = fc.oneof(
  fc.constantFrom('alice', 'bob', 'Jörg', 'a b', 'robot$ci+1@example', '用户'),
  fc.stringMatching(/^[A-Za-z0-9._@$+-]{1,20}$/),
);
