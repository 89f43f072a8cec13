import type { Reporter, TestModule } from 'vitest/node';

/** Prints one plain line that machines can read, and the reason of every skip. */
class CountReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const count = { passed: 0, failed: 0, skipped: 0, pending: 0 };
    const reasons: string[] = [];
    for (const module of modules) {
      // A file that cannot be read and a hook that fails are no tests, and yet failures.
      count.failed += module.errors().length;
      for (const suite of module.children.allSuites()) count.failed += suite.errors().length;
      for (const test of module.children.allTests()) {
        const result = test.result();
        count[result.state]++;
        if (result.state === 'skipped')
          reasons.push(`skipped: ${test.fullName}${result.note ? `: ${result.note}` : ''}`);
      }
    }
    for (const reason of reasons) process.stdout.write(`${reason}\n`);
    process.stdout.write(
      `${count.passed} passed, ${count.failed + count.pending} failed, ${count.skipped} skipped\n`,
    );
  }
}

// vitest loads a reporter by its default export.
// oxlint-disable-next-line import/no-default-export
export default CountReporter;
