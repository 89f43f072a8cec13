// Without it the module below would not be known.
// oxlint-disable-next-line import/no-empty-named-blocks, unicorn/require-module-specifiers
import type {} from 'expect';
import type { RegistryAssertions } from './index.js';

// For `expect` of `@jest/globals` in TypeScript: `import type {} from 'ocilot/testing/jest-globals'` in any one file.
declare module 'expect' {
  // oxlint-disable-next-line typescript/no-empty-object-type
  interface Matchers<R extends void | Promise<void>, T = unknown> extends RegistryAssertions<R> {}
}

export type { RegistryAssertions } from './index.js';
