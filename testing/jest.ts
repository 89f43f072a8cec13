import { startRegistry, matchers, OciError } from './index.js';
import type { RegistryAssertions, StartOptions, TestRegistry } from './index.js';

declare global {
  namespace jest {
    // oxlint-disable-next-line typescript/no-empty-object-type
    interface Matchers<R, T = {}> extends RegistryAssertions<R> {}
  }
}

type Hook = (run: () => Promise<void>) => void;

/** What jest puts into the global scope of a test file. */
interface JestGlobals {
  readonly expect?: { extend(matchers: object): void };
  readonly beforeAll?: Hook;
  readonly beforeEach?: Hook;
  readonly afterAll?: Hook;
}

const globals = globalThis as JestGlobals;
// In a global set-up, and with `injectGlobals: false`, there is no expect to add to: `expect.extend(matchers)` does it.
globals.expect?.extend(matchers);

/**
 * A registry for the tests of a file or a `describe`: started before the first, put back before each as it was then
 * (content, faults, log), closed after the last.
 *
 * ```js
 * const { useRegistry } = require('ocilot/testing/jest');
 * const registry = useRegistry({ seed: { 'team/base': { latest: {} } } });
 *
 * test('pushes the image', async () => {
 *   await push(`${registry().host}/team/app:1.0`);
 *   expect(registry()).toHavePushed('team/app:1.0');
 * });
 * ```
 * @param hooks default: those of jest's global scope; with `injectGlobals: false` give those of `@jest/globals`
 * @returns what gives the registry inside of tests and hooks
 * @throws OciError `INVALID_OPTION` without such hooks
 */
export function useRegistry(options: StartOptions = {}, hooks: JestGlobals = globals): () => TestRegistry {
  const { beforeAll, beforeEach, afterAll } = hooks;
  if (beforeAll === undefined || beforeEach === undefined || afterAll === undefined)
    throw new OciError('INVALID_OPTION', 'useRegistry found no hooks of jest: call it in a test file');
  let registry: TestRegistry | undefined;
  let back: () => Promise<void> = () => Promise.resolve();
  const { faults = [] } = options;
  beforeAll(async () => {
    const started = await startRegistry(options);
    const inMemory = started.registry.options.storage.kind === 'memory';
    const snapshot = inMemory ? started.snapshot() : undefined;
    registry = started;
    back = async () => {
      if (snapshot !== undefined) await started.restore(snapshot);
      started.faults.clear();
      for (const rule of faults) started.faults.add(rule);
      started.readOnly(false);
      started.rateLimit(undefined);
      started.requests.clear();
    };
  });
  beforeEach(() => back());
  afterAll(async () => {
    await registry?.close();
  });
  return () => {
    if (registry === undefined)
      throw new OciError(
        'INVALID_OPTION',
        'the registry is not started yet: ask for it inside of a test or a hook',
      );
    return registry;
  };
}

export * from './index.js';
