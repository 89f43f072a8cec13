// One esbuild run makes every door and the bin; tsc makes the types.
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { gzipThread } from './gzip-thread.mjs';
import { notices } from './notices.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const pkg = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

/** Output name (below dist, without .js) to source file. */
const DOORS = {
  index: 'oci/index.ts',
  registry: 'registry/index.ts',
  'registry/driver-suite': 'registry/storage/driver-suite.ts',
  client: 'client/index.ts',
  bundle: 'bundle/index.ts',
  image: 'image/index.ts',
  testing: 'testing/index.ts',
  'testing/vitest': 'testing/vitest.ts',
  'testing/jest': 'testing/jest.ts',
  'testing/node': 'testing/node.ts',
  cli: 'cli/main.ts',
  conformance: 'conformance/main.ts',
};

// Made beside and put in place when whole: a build that fails leaves the one before.
const next = `dist.${process.pid}`;
mkdirSync(join(root, next));
process.on('exit', () => rmSync(join(root, next), { recursive: true, force: true }));
const common = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  target: 'node20.19',
  // The runner of a suite is its own.
  external: [...Object.keys(pkg.dependencies), 'vitest', 'expect'],
  define: { OCILOT_VERSION: JSON.stringify(pkg.version) },
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: 'none',
  logLevel: 'warning',
};
const result = await build({
  ...common,
  define: { ...common.define, OCILOT_GZIP_THREAD: JSON.stringify(await gzipThread()) },
  entryPoints: Object.entries(DOORS).map(([out, source]) => ({ in: source, out })),
  outdir: next,
  splitting: true,
  format: 'esm',
  // Bundled CommonJS packages ask for node's own modules through require.
  banner: {
    js: "import{createRequire as __ocilotRequire}from'node:module';const require=__ocilotRequire(import.meta.url);",
  },
  chunkNames: 'chunks/[name]-[hash]',
  metafile: true,
});
// Jest loads CommonJS only. There is no splitting: the second door asks for the first, so that nothing is there twice, and
// what only recordings need is a file of its own, which other suites never read.
await build({
  ...common,
  entryPoints: { testing: 'testing/index.ts', 'testing-jest': 'testing/jest.ts', client: 'client/index.ts' },
  outdir: join(next, 'cjs'),
  format: 'cjs',
  // A sandbox of jest has no dynamic import.
  supported: { 'dynamic-import': false },
  plugins: [
    {
      name: 'one file a part',
      setup: (plugin) =>
        plugin.onResolve({ filter: /^\.\/index\.js$|\/client\/index\.js$/ }, ({ importer, path }) => {
          if (path !== './index.js') return { path: './client.js', external: true };
          return importer === join(root, 'testing/jest.ts')
            ? { path: './testing.js', external: true }
            : undefined;
        }),
    },
  ],
});
writeFileSync(join(root, next, 'cjs/package.json'), '{"type":"commonjs"}\n');
chmodSync(join(root, next, 'cli.js'), 0o755);
writeFileSync(join(root, next, 'THIRD-PARTY-NOTICES.txt'), notices(root, result.metafile));

const tsc = spawnSync(
  process.execPath,
  [join(root, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.build.json', '--outDir', `${next}/types`],
  {
    cwd: root,
    stdio: 'inherit',
  },
);
if (tsc.status !== 0) process.exit(tsc.status ?? 1);
// The same types once more where they count as CommonJS.
cpSync(join(root, next, 'types'), join(root, next, 'cjs/types'), { recursive: true });
writeFileSync(join(root, next, '.built'), '');
rmSync(join(root, 'dist'), { recursive: true, force: true });
renameSync(join(root, next), join(root, 'dist'));
