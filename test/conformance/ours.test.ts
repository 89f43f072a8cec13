import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import {
  fetchWire,
  runConformance,
  socketWire,
  type ConformanceReport,
  type Credentials,
  type Wire,
} from '../../conformance/index.js';
import { createRegistry, listen, type AccessOptions } from '../../registry/index.js';

type Storage = NonNullable<NonNullable<Parameters<typeof createRegistry>[0]>['storage']>;

const KINDS = ['memory', 'auto', 'leveldb'] as const;
const RUN = { timeout: 120_000 };
const cleanup: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const step of cleanup.splice(0).toReversed()) await step();
});

function storageOf(kind: (typeof KINDS)[number]): Storage {
  if (kind === 'memory') return { kind };
  const folder = mkdtempSync(join(tmpdir(), 'conformance-ours-'));
  cleanup.push(() => {
    rmSync(folder, { recursive: true });
  });
  return { kind, folder };
}

interface Setup {
  readonly kind?: (typeof KINDS)[number];
  readonly sparse?: boolean;
  readonly access?: AccessOptions;
  readonly credentials?: Credentials;
}

async function start({ kind = 'memory', sparse = false, access }: Setup) {
  const registry = await createRegistry({
    storage: storageOf(kind),
    manifests: { missing: sparse ? 'off' : 'strict' },
    ...(access === undefined ? {} : { access }),
  });
  cleanup.push(() => registry.close());
  return registry;
}

async function inProcess(setup: Setup): Promise<Wire> {
  const registry = await start(setup);
  const { credentials } = setup;
  return fetchWire((request) => registry.fetch(request), credentials === undefined ? {} : { credentials });
}

async function onSocket(setup: Setup): Promise<Wire> {
  const registry = await start(setup);
  const server = await listen(registry, { port: 0, grace: 0 });
  const { credentials } = setup;
  const wire = socketWire(server.url, credentials === undefined ? {} : { credentials });
  cleanup.push(
    () => server.close(),
    () => wire.close(),
  );
  return wire;
}

/** Everything that is not a pass, which must be nothing. */
function problems({ results }: ConformanceReport): readonly string[] {
  return results
    .filter((result) => result.outcome !== 'pass')
    .map((result) => `${result.outcome} ${result.id} (${result.section}): ${result.reason ?? ''}`);
}

describe.each(KINDS)('our registry on %s', (kind) => {
  it.each([
    ['in process', inProcess],
    ['on a socket', onSocket],
  ])('meets the strict profile %s, with no failure and no skip', RUN, async (_, open) => {
    const report = await runConformance({ wire: await open({ kind }), options: { profile: 'strict' } });
    expect(problems(report)).toEqual([]);
    expect(report.results.length).toBeGreaterThan(200);
  });
});

describe('our registry', () => {
  it('meets the strict profile with sparse manifests', RUN, async () => {
    const wire = await inProcess({ sparse: true });
    const report = await runConformance({ wire, options: { profile: 'strict', sparse: true } });
    expect(problems(report)).toEqual([]);
  });

  // A token names the repositories it is for, so nothing can be found in others without from=.
  const unfound = ['skip blob.mount.anonymous', 'skip sha512.blob.mount.anonymous'];

  describe.each([
    ['basic', []],
    ['bearer', unfound],
  ] as const)('with %s access', (mode, skips) => {
    it.each([
      ['in process', inProcess],
      ['on a socket', onSocket],
    ])('meets the strict profile %s', RUN, async (_, open) => {
      const credentials = { username: 'robot', password: 'secret' };
      const access = { mode, users: { robot: 'secret' } };
      const report = await runConformance({
        wire: await open({ access, credentials }),
        options: { profile: 'strict' },
      });
      expect(problems(report).map((problem) => problem.replace(/ \(.*/s, ''))).toEqual(skips);
      expect(report.results.some((result) => result.id === 'access.challenge')).toBe(true);
    });
  });

  it('lets go of connections whose bodies it did not read to the end', async () => {
    const registry = await start({});
    // Nobody is connected any more when the server closes: it has nothing to wait for.
    const server = await listen(registry, { port: 0, grace: 600_000 });
    const wire = socketWire(server.url);
    const only = 'manifest.too-large*,upload.cut.*,upload.malformed-range,blob.chunked.out-of-order';
    await runConformance({ wire, options: { profile: 'strict', only } });
    wire.close();
    await server.close();
  });
});
