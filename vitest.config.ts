import { defineConfig } from 'vitest/config';
import { gzipThread } from './scripts/gzip-thread.mjs';

// What the build sets, so that sources run with a thread, too.
const define = { OCILOT_GZIP_THREAD: JSON.stringify(await gzipThread()) };

/** `fast` is what `npm test` runs; `long` holds the crash, load and peer suites. */
export default defineConfig({
  test: {
    // The process that hands out the files does little: it needs no core of its own.
    maxWorkers: '100%',
    reporters: ['default', './test/helpers/count-reporter.ts'],
    projects: [
      {
        define,
        test: {
          name: 'fast',
          include: ['test/**/*.test.ts'],
          exclude: ['test/long/**', 'test/e2e/**'],
          testTimeout: 30_000,
        },
      },
      {
        define,
        test: {
          name: 'long',
          include: ['test/long/**/*.test.ts', 'test/e2e/**/*.test.ts'],
          testTimeout: 600_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
