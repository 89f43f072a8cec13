import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const root = new URL('../../', import.meta.url);
const door = new URL('dist/testing.js', root);

/** Runs a module in a node of its own; it prints JSON. */
async function run(source: string): Promise<unknown> {
  const script = `import { createRequire } from 'node:module'; const door = ${JSON.stringify(door.href)};\n${source}`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
    cwd: fileURLToPath(root),
  });
  return JSON.parse(stdout) as unknown;
}

/** Starts a registry, works with it, and tells which scripts and native addons are loaded by then. */
const LOADED = `
import { Session } from 'node:inspector';
const { startRegistry } = await import(door);
const registry = await startRegistry({ seed: { app: { '1.0': { layers: 1 } } } });
await registry.fetch('/v2/app/manifests/1.0');
await registry.close();
const scripts = [];
const session = new Session();
session.connect();
session.on('Debugger.scriptParsed', ({ params }) => scripts.push(params.url));
session.post('Debugger.enable');
session.disconnect();
const addons = process.report.getReport().sharedObjects.filter((path) => path.endsWith('.node'));
console.log(JSON.stringify({ scripts: scripts.filter((url) => /^file:.*[.][cm]?js$/.test(url)), addons }));
`;

/** Text that is in the package, whether it is bundled or not. */
const MARKS: Readonly<Record<string, { readonly file: string; readonly mark: string }>> = {
  undici: { file: 'undici/lib/core/errors.js', mark: 'UND_ERR_CONNECT_TIMEOUT' },
  zod: { file: 'zod/v4/core/errors.js', mark: '$ZodError' },
  x509: { file: '@peculiar/x509/build/x509.es.js', mark: 'X509CertificateGenerator' },
};

describe('the built door', () => {
  it('is built', () => {
    expect(existsSync(door), 'run npm run build first').toBe(true);
  });

  it('loads nothing heavy and nothing native', async () => {
    const { scripts, addons } = (await run(LOADED)) as { scripts: string[]; addons: string[] };
    expect(addons).toEqual([]);
    expect(scripts).toContain(door.href);
    expect(scripts.filter((url) => url.includes('/node_modules/'))).toEqual([]);
    for (const [name, { file, mark }] of Object.entries(MARKS)) {
      expect(readFileSync(new URL(`node_modules/${file}`, root), 'utf8'), name).toContain(mark);
      const loaded = scripts.filter((url) => readFileSync(fileURLToPath(url), 'utf8').includes(mark));
      expect(loaded, name).toEqual([]);
    }
  });

  it.each([
    ['ESM', 'const { startRegistry } = await import(door);'],
    ['CommonJS', "const { startRegistry } = createRequire(import.meta.url)('ocilot/testing');"],
  ])('listens before it asks for what takes Node longest to load, as %s', async (_, load) => {
    const source = `
const asked = [];
for (const name of ['Request', 'Response', 'Headers', 'fetch']) {
  const was = Object.getOwnPropertyDescriptor(globalThis, name);
  Object.defineProperty(globalThis, name, {
    ...(was.get === undefined ? {} : { set: was.set }),
    configurable: true,
    get() {
      asked.push(name);
      Object.defineProperty(globalThis, name, was);
      return globalThis[name];
    },
  });
}
${load}
const registry = await startRegistry();
const before = [...asked];
const { status } = await fetch(registry.url + '/v2/');
await registry.close();
console.log(JSON.stringify({ before, status }));
`;
    expect(await run(source)).toEqual({ before: [], status: 200 });
  });

  it('leaves nothing behind when it is closed, not even a timer', async () => {
    const source = `
import { connect } from 'node:net';
const { startRegistry } = await import(door);
const registry = await startRegistry({ faults: [{ match: { operation: 'tags.list' }, fault: { kind: 'stall' } }] });
const clients = ['/v2/', '/v2/app/tags/list'].map((path) => {
  const client = connect(registry.port, '127.0.0.1');
  client.write('GET ' + path + ' HTTP/1.1\\r\\nhost: x\\r\\n\\r\\n');
  return new Promise((resolve) => client.resume().on('error', () => undefined).on('close', resolve));
});
await registry.requests.waitFor({ operation: 'ping' });
await registry.requests.waitFor({ operation: 'tags.list' });
const busy = process.getActiveResourcesInfo().includes('TCPServerWrap');
await registry.close();
await Promise.all(clients);
setImmediate(() => setImmediate(() => console.log(JSON.stringify({ busy, left: process.getActiveResourcesInfo().filter((name) => name !== 'PipeWrap') }))));
`;
    expect(await run(source)).toEqual({ busy: true, left: [] });
  });

  it('lets a process end that forgets a stalled call', async () => {
    const source = `
const { startRegistry } = await import(door);
const registry = await startRegistry({ socket: false, faults: [{ fault: { kind: 'stall' } }] });
registry.fetch('/v2/').then(() => console.log('"answered"'), () => console.log('"failed"'));
const { faulted } = await registry.requests.waitFor({});
console.log(JSON.stringify(faulted));
`;
    expect(await run(source)).toBe('stall');
  });

  it.each([
    ['ESM', 'const { startRegistry } = await import(door);'],
    ['CommonJS', "const { startRegistry } = createRequire(import.meta.url)('ocilot/testing');"],
  ])('touches no global of its process, as %s', async (_, load) => {
    const source = `
const names = () => Reflect.ownKeys(globalThis).map((key) => [key, globalThis[key]]);
const listeners = () => process.eventNames().map((name) => [String(name), process.listenerCount(name)]);
// Some are made when they are first asked for.
names();
const before = { names: new Map(names()), listeners: JSON.stringify(listeners()), env: JSON.stringify(process.env) };
${load}
const registry = await startRegistry({ tls: { auto: true }, users: { bob: 'pw' }, auth: 'bearer', seed: { app: { 1: {} } } });
void registry.env;
await registry.restore(registry.snapshot());
await registry.fetch('/v2/');
await registry.close();
const changed = names().filter(([key, value]) => !before.names.has(key) || !Object.is(before.names.get(key), value));
console.log(JSON.stringify({
  changed: changed.map(([key]) => String(key)),
  listeners: before.listeners === JSON.stringify(listeners()),
  env: before.env === JSON.stringify(process.env),
}));
`;
    expect(await run(source)).toEqual({ changed: [], listeners: true, env: true });
  });
});
