import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { tempFolder } from '../helpers/temp.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const run = promisify(execFile);

interface Example {
  readonly title: string;
  readonly program: string;
  readonly output: string;
}

/** Programs of a page, each with the heading above it and the output below it. */
function examplesOf(page: string): Example[] {
  const text = readFileSync(join(ROOT, page), 'utf8');
  const pattern = /^## (.+)$|^```ts run\n([\s\S]*?)^```\n\n```text\n([\s\S]*?)^```/gm;
  let title = page;
  const examples: Example[] = [];
  for (const [, heading, program, output] of text.matchAll(pattern)) {
    if (heading !== undefined) title = heading;
    else if (program !== undefined && output !== undefined) examples.push({ title, program, output });
  }
  return examples;
}

describe('docs/library.md', () => {
  const examples = examplesOf('docs/library.md');

  it('has programs, each with its output', () => {
    const text = readFileSync(join(ROOT, 'docs/library.md'), 'utf8');
    expect(examples).toHaveLength(text.split('```ts').length - 1);
    expect(examples.length).toBeGreaterThan(3);
  });

  it.each(examples)('$title: the program prints what the page says', async ({ program, output }) => {
    const folder = await tempFolder();
    await mkdir(join(folder, 'node_modules'));
    await symlink(ROOT, join(folder, 'node_modules', 'ocilot'), 'junction');
    await writeFile(join(folder, 'example.mjs'), program);
    const { stdout } = await run(process.execPath, ['example.mjs'], { cwd: folder });
    expect(stdout).toBe(output);
  });
});

describe('docs/api', () => {
  it('is what the source says', async () => {
    await run(process.execPath, ['scripts/api-reference.mjs', '--check'], { cwd: ROOT }).catch(
      (error: unknown) => {
        throw new Error((error as { stderr: string }).stderr);
      },
    );
  });
});
