import { OciError, parseReference, type Reference } from '../../oci/index.js';
import type { TestRegistry } from '../start.js';

/** What a matcher says, as vitest, jest and others with their `expect.extend` want it. */
export interface Verdict {
  readonly pass: boolean;
  /** Why, for a matcher that failed; with `.not` for one that did not. */
  readonly message: () => string;
}

/** @throws OciError `INVALID_OPTION` when this is no test registry */
export function registryOf(received: unknown, matcher: string): TestRegistry {
  const registry = received as Partial<TestRegistry> | null | undefined;
  if (typeof registry === 'object' && registry?.requests !== undefined && registry.host !== undefined)
    return received as TestRegistry;
  throw new OciError(
    'INVALID_OPTION',
    `${matcher} looks at a test registry: give expect() what startRegistry() gave`,
  );
}

/**
 * A reference to content of a registry, with its host or without.
 * @throws OciError `REFERENCE_INVALID`
 */
export function referenceIn({ host }: TestRegistry, text: string): Reference {
  return parseReference(text.startsWith(`${host}/`) ? text : `${host}/${text}`);
}

/** The end of a message: a list of what there is instead. */
export const insteadOf = (found: readonly string[], none: string): string =>
  found.length === 0 ? none : `there is:\n${found.map((line) => `  ${line}`).join('\n')}`;
