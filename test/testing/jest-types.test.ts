import { execFile } from 'node:child_process';
import { cp, mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { tempFolder } from '../helpers/temp.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const TSC = join(ROOT, 'node_modules/typescript/bin/tsc');

/**
 * A project of a user with the built types and these packages, and no others.
 * @returns what the compiler says of its one file
 */
async function compile(source: string, packages: readonly string[], skipLibCheck: boolean): Promise<string> {
  const folder = await tempFolder();
  const modules = join(folder, 'node_modules');
  // Not a link: from where it leads, this project's own packages would be found.
  for (const part of ['package.json', 'dist/types', 'dist/cjs/types'])
    await cp(join(ROOT, part), join(modules, 'ocilot', part), { recursive: true });
  for (const name of packages) {
    await mkdir(dirname(join(modules, name)), { recursive: true });
    await symlink(join(ROOT, 'node_modules', name), join(modules, name), 'junction');
  }
  const compilerOptions = {
    target: 'ES2022',
    lib: ['ES2023', 'ESNext.Disposable'],
    module: 'NodeNext',
    types: ['node'],
    strict: true,
    noEmit: true,
    skipLibCheck,
  };
  await writeFile(join(folder, 'package.json'), '{"type":"module"}');
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['suite.ts'] }));
  await writeFile(join(folder, 'suite.ts'), source);
  return await new Promise((resolve) => {
    execFile(process.execPath, [TSC, '-p', folder], (_, stdout) => resolve(stdout));
  });
}

const USE = `import { useRegistry } from 'ocilot/testing/jest';\nconst registry = useRegistry();\n`;

describe('the types of the jest door', () => {
  it('need no package of jest, with every declaration checked', async () => {
    const source = `${USE}console.log(registry().host);\n`;
    expect(await compile(source, ['@types/node'], false)).toBe('');
  });

  it('know the matchers of @jest/globals once the other door is named', async () => {
    const packages = ['@types/node', '@jest/globals', 'expect'];
    const source = `${USE}import { expect } from '@jest/globals';\nexpect(registry()).toHavePushed('app:1');\n`;
    const named = `import type {} from 'ocilot/testing/jest-globals';\n${source}`;
    expect(await compile(named, packages, true)).toBe('');
    expect(await compile(source, packages, true)).toContain("Property 'toHavePushed' does not exist");
  });

  it('know the matchers of the global expect', async () => {
    const globals = `declare global { namespace jest { interface Matchers<R, T = {}> { toBe(other: T): R } } }
declare const expect: <T>(value: T) => jest.Matchers<void, T>;\n`;
    const source = `${USE}${globals}expect(registry()).toHavePushed('app:1');\n`;
    expect(await compile(source, ['@types/node'], false)).toBe('');
  });
});
