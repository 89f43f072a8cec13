import { expect, test as base } from 'vitest';
import {
  matchers,
  startRegistry,
  type RegistryAssertions,
  type SharedRegistry,
  type StartOptions,
  type TestRegistry,
} from './index.js';

declare module 'vitest' {
  // oxlint-disable-next-line typescript/no-empty-object-type
  interface Matchers<T> extends RegistryAssertions {}

  interface ProvidedContext {
    ocilot: SharedRegistry;
  }
}

/** What tests find in their context. */
export interface RegistryFixture {
  /** Options of `registry`: `test.extend({ registryOptions: { seed } })`. */
  readonly registryOptions: StartOptions;
  /** A registry of its own for each test that asks for it. */
  readonly registry: TestRegistry;
}

expect.extend(matchers);

/**
 * The `test` of vitest with a registry in its context.
 *
 * ```ts
 * import { test } from 'ocilot/testing/vitest';
 *
 * test('pushes the image', async ({ registry, expect }) => {
 *   await push(`${registry.host}/team/app:1.0`);
 *   expect(registry).toHavePushed('team/app:1.0');
 * });
 * ```
 */
export const test = base.extend<RegistryFixture>({
  // oxlint-disable-next-line no-empty-pattern
  registryOptions: async ({}, use) => {
    await use({});
  },
  registry: async ({ registryOptions }, use) => {
    const registry = await startRegistry(registryOptions);
    try {
      await use(registry);
    } finally {
      await registry.close();
    }
  },
});

export { test as it };
export * from './index.js';
