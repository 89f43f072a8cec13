// Makes one archive that installs and runs on a machine with Node and no network: what is built, the packages that are
// not bundled with their native parts, and a script that installs it. The same inputs give the same bytes.
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';

const root = fileURLToPath(new URL('..', import.meta.url));
const { values } = parseArgs({ options: { out: { type: 'string', default: root } } });
const pkg = readJson(join(root, 'package.json'));

/** When everything in the archive was made, so that it does not depend on when that was. */
const mtime = new Date(Number(process.env['SOURCE_DATE_EPOCH'] ?? 499_162_500) * 1000);

/** What packages hold that nothing needs at run time: sources of native parts, for no compiler runs. */
const LEFT_OUT = {
  'classic-level': /^(?:deps\/|binding\.cc$|binding\.gyp$)/,
};

const BUILT = 'dist';
const TEXTS = ['LICENSE', 'README.md'];
const FOLDERS = ['docs', 'examples'];

function readJson(path) {
  return JSON.parse(readFileSync(path, 'utf8'));
}

/** Paths of the files in a folder, in order, with `/` between names. */
function filesIn(folder) {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) =>
      join(entry.parentPath ?? entry.path, entry.name)
        .slice(folder.length + 1)
        .replaceAll('\\', '/'),
    )
    .toSorted();
}

/** The folder of a package as Node finds it from another one; undefined when it is not installed. */
function findPackage(name, from) {
  for (let folder = from; ; folder = dirname(folder)) {
    const found = join(folder, 'node_modules', name);
    if (existsSync(join(found, 'package.json'))) return found;
    if (folder === dirname(folder) || folder === resolve(root)) return undefined;
  }
}

/** Every package that the given one needs to run, by folder. Optional ones count when they are installed. */
function closure(folder, found = new Map()) {
  const { dependencies = {}, optionalDependencies = {} } = readJson(join(folder, 'package.json'));
  for (const name of Object.keys({ ...dependencies, ...optionalDependencies })) {
    const place = findPackage(name, folder);
    if (place === undefined) {
      if (name in optionalDependencies) continue;
      throw new Error(`package ${name} is not installed: run npm ci`);
    }
    if (found.has(place)) continue;
    found.set(place, name);
    closure(place, found);
  }
  return found;
}

/** The files of the archive: path in it to bytes. */
function contents() {
  const files = new Map();
  const add = (path, bytes) => files.set(path, bytes);
  const addFile = (path, source) => add(path, readFileSync(source));
  for (const file of filesIn(join(root, BUILT))) {
    if (file !== '.built') addFile(`${BUILT}/${file}`, join(root, BUILT, file));
  }
  for (const name of TEXTS) addFile(name, join(root, name));
  for (const name of FOLDERS) {
    for (const file of filesIn(join(root, name))) addFile(`${name}/${file}`, join(root, name, file));
  }
  for (const [place, name] of closure(resolve(root))) {
    const path = place.slice(resolve(root).length + 1).replaceAll('\\', '/');
    for (const file of filesIn(place)) {
      const nested = file.startsWith('node_modules/');
      if (!nested && !LEFT_OUT[name]?.test(file)) addFile(`${path}/${file}`, join(place, file));
    }
  }
  const { name, version, description, license, type, bin, exports, engines, dependencies } = pkg;
  const shown = { name, version, description, license, type, bin, exports, engines, dependencies };
  add('package.json', Buffer.from(`${JSON.stringify(shown, null, 2)}\n`));
  addFile('install.sh', join(root, 'scripts/offline-install.sh'));
  return files;
}

const EXECUTABLE = new Set(['install.sh', `${BUILT}/cli.js`]);

async function archiveOf(files) {
  const tar = pack();
  for (const path of [...files.keys()].toSorted()) {
    const mode = EXECUTABLE.has(path) ? 0o755 : 0o644;
    tar.entry({ name: `ocilot/${path}`, mode, mtime, uid: 0, gid: 0 }, files.get(path));
  }
  tar.finalize();
  const chunks = [];
  for await (const chunk of tar) chunks.push(chunk);
  return gzipSync(Buffer.concat(chunks), { level: 9 });
}

const files = contents();
const natives = [...files.keys()].filter((path) => path.endsWith('.node'));
const platforms = (part) =>
  natives
    .flatMap((path) => part.exec(path)?.slice(1) ?? [])
    .filter((name, index, all) => all.indexOf(name) === index);
const archive = await archiveOf(files);
const target = join(resolve(values.out), `ocilot-${pkg.version}-offline.tgz`);
mkdirSync(dirname(target), { recursive: true });
writeFileSync(`${target}.partial`, archive);
renameSync(`${target}.partial`, target);
console.error(`LevelDB for ${platforms(/classic-level\/prebuilds\/([^/]+)\//).join(', ')}`);
console.error(`bcrypt for ${platforms(/@node-rs\/bcrypt-([^/]+)\//).join(', ')}`);
console.log(target);
