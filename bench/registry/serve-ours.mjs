// Serves a registry of a given build: `node serve-ours.mjs DIST KIND FOLDER PORT`. Prints its URL.
import { pathToFileURL } from 'node:url';
import { join, resolve } from 'node:path';

const [dist = '', kind = 'auto', folder = '', port = '0'] = process.argv.slice(2);
const { createRegistry, listen } = await import(pathToFileURL(join(resolve(dist), 'registry.js')).href);
const registry = await createRegistry({
  storage: kind === 'memory' ? { kind } : { kind, folder },
  onError: (/** @type {unknown} */ error) => console.error(error),
});
const server = await listen(registry, { port: Number(port), grace: 1000 });
console.log(server.url);
process.once('SIGTERM', () => {
  void (async () => {
    await server.close();
    await registry.close();
    process.exit(0);
  })();
});
