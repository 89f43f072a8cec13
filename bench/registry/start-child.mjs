// Measures one start in a process that has loaded nothing: `node start-child.mjs DIST KIND FOLDER WHAT`. Prints milliseconds.
import { pathToFileURL } from 'node:url';
import { join, resolve } from 'node:path';

const [dist = '', kind = 'memory', folder = '', what = 'listening'] = process.argv.slice(2);
const door = pathToFileURL(join(resolve(dist), 'registry.js')).href;
/** @param {string} name */
const storage = (name) => (kind === 'memory' ? { kind } : { kind, folder: join(folder, name) });

let started = performance.now();
const { createRegistry, listen } = await import(door);
const registry = await createRegistry({ storage: storage('first') });
if (what === 'answer') {
  const answer = await registry.fetch(new Request('http://localhost/v2/'));
  if (answer.status !== 200) throw new Error(`the first answer was ${answer.status}`);
} else {
  await listen(registry, { port: 0 });
}
if (what === 'second') {
  started = performance.now();
  const second = await createRegistry({ storage: storage('second') });
  await listen(second, { port: 0 });
}
console.log(JSON.stringify(performance.now() - started));
process.exit(0);
