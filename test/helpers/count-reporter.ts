import { stripVTControlCharacters } from 'node:util';
import type { Reporter, SerializedError, TestModule } from 'vitest/node';

/** More failures than this are only counted, and an error is cut to so many lines of so many characters. */
const FAILURES = 40;
const LINES = 12;
const WIDTH = 300;

type Failure = readonly [name: string, errors: readonly Pick<SerializedError, 'message' | 'stack'>[]];

/**
 * Prints, after all else: the reason of every skip; what failed, since only the end of a log may be kept; and last one
 * plain line that machines can read. Lines about a failure start with `failed: ` or `failed| `.
 */
class CountReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[]): void {
    const count = { passed: 0, skipped: 0 };
    const failures: Failure[] = [];
    const reasons: string[] = [];
    for (const module of modules) {
      const file = module.relativeModuleId;
      // A file that cannot be read and a hook that fails are no tests, and yet failures.
      for (const error of module.errors()) failures.push([file, [error]]);
      for (const suite of module.children.allSuites())
        for (const error of suite.errors()) failures.push([`${file} > ${suite.fullName}`, [error]]);
      for (const test of module.children.allTests()) {
        const result = test.result();
        const name = `${file} > ${test.fullName}`;
        if (result.state === 'failed') failures.push([name, result.errors]);
        else if (result.state === 'pending') failures.push([name, [{ message: 'it did not end' }]]);
        else count[result.state]++;
        if (result.state === 'skipped')
          reasons.push(`skipped: ${test.fullName}${result.note ? `: ${result.note}` : ''}`);
      }
    }
    for (const error of unhandled) failures.push(['an error outside of any test', [error]]);
    const lines = [
      ...reasons,
      ...failures.slice(0, FAILURES).flatMap(tell),
      ...(failures.length > FAILURES ? [`failed: and ${failures.length - FAILURES} more`] : []),
      `${count.passed} passed, ${failures.length} failed, ${count.skipped} skipped`,
    ];
    process.stdout.write(`${lines.join('\n')}\n`);
  }
}

function tell([name, errors]: Failure): string[] {
  const text = errors.map(({ message, stack }) => `${message}\n${place(stack)}`).join('\n');
  const lines = stripVTControlCharacters(text)
    .split(/[\n\r]+/)
    .filter((line) => line.trim() !== '');
  return [
    `failed: ${name.slice(0, WIDTH)}`,
    ...lines.slice(0, LINES).map((line) => `failed| ${line.slice(0, WIDTH)}`),
  ];
}

/** The first lines of a stack that are in the project itself. */
function place(stack = ''): string {
  const frames = stack.split('\n').filter((line) => /^\s+at /.test(line) && !line.includes('node_modules'));
  return frames.slice(0, 3).join('\n');
}

// vitest loads a reporter by its default export.
// oxlint-disable-next-line import/no-default-export
export default CountReporter;
