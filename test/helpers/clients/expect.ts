import { expect } from 'vitest';
import type { OpenRegistry } from './doors.js';

/** Fails when a registry met anything that was its own fault, whatever the client made of it. */
export function expectNoFailure(registry: OpenRegistry): void {
  expect(registry.failures).toEqual([]);
  expect(registry.requests.filter(({ status }) => status >= 500)).toEqual([]);
}

/** Digest that a tag leads to, as the store has it. */
export async function storedDigest(
  registry: OpenRegistry,
  repo: string,
  tag: string,
): Promise<string | undefined> {
  return (await registry.store.tags.get(repo, tag))?.digest;
}
