import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { getAt, type Tree } from '../../cli/serve/layers.js';
import { loadConfig } from '../../cli/serve/load-config.js';
import { listenOptions, registryOptions } from '../../cli/serve/options.js';
import { SETTINGS } from '../../cli/serve/settings.js';
import { fileLayer } from '../../cli/serve/sources.js';
import { EXIT } from '../../cli/exit.js';
import { createRegistry } from '../../registry/index.js';
import { tempFolder } from '../helpers/temp.js';

const exec = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));
const DOC = readFileSync(`${root}docs/configuration.md`, 'utf8');
const SAMPLE = `${root}examples/ocilot.yaml`;

/** The cells of the rows of the table below a heading. */
function rowsOf(heading: string): string[][] {
  const [, rest = ''] = DOC.split(`| ${heading} |`);
  const [table = ''] = rest.split('\n\n');
  return table
    .split('\n')
    .slice(2)
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}

const code = (text: string): string => `\`${text}\``;

describe('docs/configuration.md', () => {
  it('lists exactly the settings there are, with their flags, variables and defaults', () => {
    const rows = rowsOf('Key');
    expect(rows.map(([key]) => key)).toEqual(SETTINGS.map(({ key }) => code(key)));
    for (const [index, { flag, variable, fallback }] of SETTINGS.entries()) {
      const [, shownFlag, shownVariable, shownDefault, meaning = ''] = rows[index] ?? [];
      expect(shownFlag).toBe(flag === undefined ? 'file only' : code(flag));
      expect(shownVariable).toBe(variable === undefined ? 'file only' : code(variable));
      if (typeof fallback !== 'object' && fallback !== undefined)
        expect(shownDefault).toBe(code(JSON.stringify(fallback).replaceAll('"', '')));
      expect(shownDefault).not.toBe('');
      expect(meaning.length).toBeGreaterThan(10);
    }
  });

  it('lists every exit code', () => {
    expect(rowsOf('Exit code').map(([number]) => number)).toEqual(Object.values(EXIT).map(String));
  });

  it('has an example of embedding that runs', async () => {
    const [, block = ''] = /## Embedding[^`]*```js\n([^`]*)```/.exec(DOC) ?? [];
    const { stdout } = await exec(process.execPath, ['--input-type=module', '-e', block], { cwd: root });
    expect(stdout).toMatch(/^http:\/\/127\.0\.0\.1:\d+\n$/);
  });
});

describe('examples/ocilot.yaml', () => {
  const load = () => loadConfig({ env: {}, flags: new Map(), file: SAMPLE });

  it('has every setting but those it tells apart in comments', () => {
    const { tree } = fileLayer(SAMPLE);
    const missing = SETTINGS.filter(({ key }) => getAt(tree, key) === undefined).map(({ key }) => key);
    expect(missing).toEqual(['tls.cert', 'tls.key']);
  });

  it('is taken by the schema and by the library', async () => {
    const { config } = load();
    expect(listenOptions(config, () => undefined)).toMatchObject({
      host: '0.0.0.0',
      port: 5000,
      tls: { auto: true },
    });
    const { access, ...options } = registryOptions(config);
    const users = { alice: 'secret', bob: 'secret', ci: 'secret' };
    const { htpasswd, ...rest } = access as Tree & { mode: 'bearer'; htpasswd: string };
    expect(htpasswd).toBe(`${root}examples/registry/htpasswd`);
    const storage = { kind: 'auto', folder: await tempFolder() } as const;
    const registry = await createRegistry({ ...options, storage, access: { ...rest, users } });
    expect((await registry.fetch(new Request('https://registry.example/v2/'))).status).toBe(401);
    await registry.close();
  });
});
