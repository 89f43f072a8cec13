// Installs and builds what is stale, and nothing else. Needs only Node: it runs before anything is installed.
import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const SOURCES = [
  'oci',
  'image',
  'registry',
  'client',
  'bundle',
  'build',
  'testing',
  'cli',
  'conformance',
  'scripts',
];
const FILES = ['package.json', 'package-lock.json', 'tsconfig.json', 'tsconfig.build.json'];

const modified = (path) => statSync(join(root, path), { throwIfNoEntry: false })?.mtimeMs;

function newest(folder) {
  let latest = 0;
  for (const entry of readdirSync(join(root, folder), { withFileTypes: true, recursive: true })) {
    const time = statSync(join(entry.parentPath ?? entry.path, entry.name)).mtimeMs;
    if (time > latest) latest = time;
  }
  return latest;
}

/** True when every package of the lock file stands in node_modules at its version. */
function installed() {
  try {
    const wanted = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
    const present = JSON.parse(readFileSync(join(root, 'node_modules/.package-lock.json'), 'utf8')).packages;
    return Object.entries(wanted).every(
      ([path, entry]) => path === '' || entry.optional || present[path]?.version === entry.version,
    );
  } catch {
    return false;
  }
}

function run(command, args) {
  const result = spawnSync(command, args, {
    cwd: root,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
  });
  if (result.status !== 0) {
    console.error(`ocilot: ${command} ${args.join(' ')} failed; see the lines above`);
    process.exit(result.status ?? 1);
  }
}

if (!installed()) run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error']);
const built = modified('dist/.built') ?? 0;
const changed = Math.max(
  ...FILES.map((file) => modified(file) ?? 0),
  ...SOURCES.filter((folder) => modified(folder) !== undefined).map(newest),
);
if (changed > built) run(process.execPath, [join(root, 'scripts/build.mjs')]);
