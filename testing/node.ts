import { AssertionError } from 'node:assert';
import {
  matchers,
  startRegistry,
  type RegistryAssertions,
  type StartOptions,
  type TestRegistry,
  type Verdict,
} from './index.js';

/** The context of a test of node:test, or anything else that can be told what to do at the end. */
export interface TestContext {
  after(run: () => Promise<void>): void;
}

/**
 * A registry for one test of node:test, closed at its end.
 *
 * ```js
 * test('pushes the image', async (t) => {
 *   const registry = await useRegistry(t);
 *   await push(`${registry.host}/team/app:1.0`);
 *   expectRegistry(registry).toHavePushed('team/app:1.0');
 * });
 * ```
 * @throws OciError as `startRegistry`
 */
export async function useRegistry(t: TestContext, options: StartOptions = {}): Promise<TestRegistry> {
  const registry = await startRegistry(options);
  t.after(() => registry.close());
  return registry;
}

/** The matchers as assertions, for runners without an `expect`. They throw an `AssertionError`. */
export function expectRegistry(
  registry: TestRegistry,
): RegistryAssertions & { readonly not: RegistryAssertions } {
  return { ...assertions(registry, true), not: assertions(registry, false) };
}

function assertions(registry: TestRegistry, wanted: boolean): RegistryAssertions {
  const check = ({ pass, message }: Verdict): void => {
    if (pass !== wanted) throw new AssertionError({ message: message() });
  };
  return {
    toHavePushed: (reference) => check(matchers.toHavePushed(registry, reference)),
    toHaveTag: async (reference, digest) => check(await matchers.toHaveTag(registry, reference, digest)),
    toHaveReferrer: async (reference, match) =>
      check(await matchers.toHaveReferrer(registry, reference, match)),
    toHaveNeverSentCredentialsTo: (host) => check(matchers.toHaveNeverSentCredentialsTo(registry, host)),
  };
}

export * from './index.js';
