import { execFile } from 'node:child_process';
import { chmod, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { startRegistry } from '../../testing/index.js';
import { needs } from '../helpers/clients/process.js';
import { tempFolder } from '../helpers/temp.js';

const DOC = new URL('../../docs/images.md', import.meta.url);
const CLI = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));
/** The registry of the page. */
const HOST = 'localhost:5000';

/** The commands of the page, in their order, and what it says they print. */
async function examples(): Promise<{ readonly line: string; readonly output: string }[]> {
  const blocks = [...(await readFile(DOC, 'utf8')).matchAll(/^```console\n(.*?)^```$/gms)];
  return blocks.flatMap(([, block = '']) =>
    block
      .split(/^\$ /m)
      .slice(1)
      .map((example) => {
        const end = example.indexOf('\n');
        return { line: example.slice(0, end), output: example.slice(end + 1) };
      }),
  );
}

/** The page says that a link by crane's name works. */
const LINKED = [{ line: `crane digest ${HOST}/base:1`, output: 'sha256:…\n' }];

describe('docs/images.md', () => {
  it('says what its examples really print', async (ctx) => {
    needs(ctx, 'bash', 'jq', 'tar');
    const platforms = ['linux/amd64', 'linux/arm64'];
    await using registry = await startRegistry({
      seed: {
        base: {
          '1': { platforms, files: { '/base': 'old' } },
          '2': { platforms, files: { '/base': 'new' } },
        },
      },
    });
    const folder = await tempFolder();
    await mkdir(join(folder, 'bin'));
    await writeFile(join(folder, 'bin/ocilot'), `#!/bin/sh\nexec '${process.execPath}' '${CLI}' "$@"\n`);
    await chmod(join(folder, 'bin/ocilot'), 0o755);
    const env = { PATH: `${folder}/bin:${process.env['PATH'] ?? ''}`, HOME: folder };
    const all = await examples();
    expect(all.length).toBeGreaterThan(30);
    await symlink(CLI, join(folder, 'bin/crane'));
    for (const { line, output } of [...all, ...LINKED]) {
      const script = `set -o pipefail\n${line.replaceAll(HOST, registry.host)}`;
      // oxlint-disable-next-line no-await-in-loop -- each needs what the ones before made
      const { stdout } = await promisify(execFile)('bash', ['-c', script], { cwd: folder, env });
      const shown = stdout.replaceAll(registry.host, HOST).replaceAll(/sha256:[0-9a-f]{64}/g, 'sha256:…');
      expect(`$ ${line}\n${shown}`).toBe(`$ ${line}\n${output}`);
    }
  });
});
