import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { tempFolder } from '../helpers/temp.js';

const VITEST = join(dirname(createRequire(import.meta.url).resolve('vitest/package.json')), 'vitest.mjs');

/** The lines that a run of one test file ends with, from the reporter alone. */
async function run(source: string): Promise<{ code: number; lines: string[] }> {
  const folder = await tempFolder();
  await writeFile(join(folder, 'one.test.js'), source);
  const reporter = resolve('test/helpers/count-reporter.ts');
  const args = ['run', '--root', folder, '--globals', '--reporter', reporter];
  const child = spawn(process.execPath, [VITEST, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [output, [code]] = await Promise.all([text(child.stdout), once(child, 'close')]);
  return { code: code as number, lines: output.trimEnd().split('\n') };
}

describe('CountReporter', () => {
  it('names what failed just before the count, and cuts long errors', async () => {
    const { code, lines } = await run(`
      describe('a suite', () => {
        it('is fine', () => {});
        it('compares', () => { expect('is').toBe('should be'); });
        it('says much', () => { throw new Error(('x'.repeat(1000) + '\\n').repeat(50)); });
        it('is left out', (context) => { context.skip('not today'); });
        describe('with a hook', () => {
          beforeAll(() => { throw new Error('no hook'); });
          it('has no chance', () => {});
        });
      });
      setTimeout(() => { throw new Error('too late'); });
      it('waits', async () => { await new Promise((done) => { setTimeout(done, 20); }); });`);
    expect(code).toBe(1);
    expect(lines.at(-1)).toBe('2 passed, 4 failed, 2 skipped');
    const failed = lines.slice(
      lines.findIndex((line) => line.startsWith('failed')),
      -1,
    );
    expect(failed.every((line) => /^failed[:|] /.test(line))).toBe(true);
    expect(failed.filter((line) => line.startsWith('failed: '))).toEqual([
      'failed: one.test.js > a suite > with a hook',
      'failed: one.test.js > a suite > compares',
      'failed: one.test.js > a suite > says much',
      'failed: an error outside of any test',
    ]);
    expect(failed.join('\n')).toContain("failed| expected 'is' to be 'should be'");
    expect(failed.join('\n')).toMatch(/failed\| +at .*one\.test\.js:4:/);
    expect(failed.join('\n')).toContain('failed| too late');
    expect(failed.filter((line) => line.startsWith('failed| xxx'))).toHaveLength(12);
    expect(Math.max(...failed.map((line) => line.length))).toBeLessThan(320);
    expect(lines).toContain('skipped: a suite > is left out: not today');
  });
});
