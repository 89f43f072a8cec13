import { OciError } from '../oci/index.js';
import type { StartOptions } from './options.js';
import { startRegistry, type TestRegistry } from './start.js';

/** What other processes need of a registry that runs in this one. */
export interface SharedRegistry {
  readonly url: string;
  readonly host: string;
  readonly dockerConfigDir: string;
  /** As `TestRegistry.env`. */
  readonly env: Readonly<Record<string, string>>;
}

/** Where child processes find it. */
const VARIABLE = 'OCILOT_SHARED_REGISTRY';

/** The two functions of a global set-up. */
export interface SharedSetup {
  readonly globalSetup: () => Promise<void>;
  readonly globalTeardown: () => Promise<void>;
}

/** What other processes need of a registry. */
const sharedFacts = ({ url, host, dockerConfigDir, env }: TestRegistry): SharedRegistry => ({
  url,
  host,
  dockerConfigDir,
  env,
});

/**
 * One registry for a whole run, for the global set-up of jest or node:test: the runner's processes find it with
 * `sharedRegistry()`. It is announced in an environment variable, until the end of the run.
 */
export function shareRegistry(options: StartOptions = {}): SharedSetup {
  let registry: TestRegistry | undefined;
  return {
    async globalSetup() {
      registry = await startRegistry(options);
      process.env[VARIABLE] = JSON.stringify(sharedFacts(registry));
    },
    async globalTeardown() {
      delete process.env[VARIABLE];
      await registry?.close();
    },
  };
}

/**
 * The registry that the global set-up of this run has started.
 * @throws OciError `INVALID_OPTION` when there is none
 */
export function sharedRegistry(): SharedRegistry {
  const text = process.env[VARIABLE];
  if (text === undefined)
    throw new OciError(
      'INVALID_OPTION',
      'no registry is shared in this run: call shareRegistry() in its global set-up',
    );
  return JSON.parse(text) as SharedRegistry;
}

/** What vitest hands to a global set-up, as far as it is needed here. */
interface Project {
  provide(key: 'ocilot', value: SharedRegistry): void;
}

/**
 * One registry for a whole run of vitest: tests find it with `inject('ocilot')`.
 *
 * ```ts
 * // vitest.config.ts has globalSetup: './global-setup.ts'
 * export default globalRegistry({ seed: { 'team/base': { latest: {} } } });
 * ```
 */
export function globalRegistry(
  options: StartOptions = {},
): (project: Project) => Promise<() => Promise<void>> {
  return async (project) => {
    const registry = await startRegistry(options);
    project.provide('ocilot', sharedFacts(registry));
    return () => registry.close();
  };
}
