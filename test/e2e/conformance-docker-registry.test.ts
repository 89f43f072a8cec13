import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runConformance, socketWire, type TestResult, type Wire } from '../../conformance/index.js';

const version = spawnSync('docker-registry', ['--version'], { encoding: 'utf8' }).stdout ?? '';
const RUN = { timeout: 300_000 };

/** What docker-registry 2.8 is known to get wrong, and why. */
const FAILS: Readonly<Record<string, string>> = {
  'blob.range.reversed': 'answers 416 with the length of the blob, and breaks off',
  'blob.range.beyond': 'answers 416 with the length of the blob, and breaks off',
  'blob.chunked.out-of-order': 'does not look at Content-Range',
  'blob.chunked.out-of-order-last-in-put': 'does not look at Content-Range',
  'manifest.bad-digest': 'answers 500 to a malformed digest',
  'tags.last': 'has no pagination of tags, and no order',
  'referrers.unknown-repository': 'has no referrers API: 404',
  'referrers.image': 'has no referrers API: no OCI-Subject',
  'referrers.index': 'has no referrers API: no OCI-Subject',
  'referrers.missing-subject': 'has no referrers API: no OCI-Subject',
  'referrers.filter': 'has no referrers API: no OCI-Subject',
  'sha512.manifest.image': 'refuses sha512 digests of manifests',
  'sha512.manifest.index': 'refuses sha512 digests of manifests',
  'sha512.manifest.tag-parameter': 'refuses sha512 digests of manifests',
  'sha512.blob.post': 'answers with the sha256 digest',
  'sha512.blob.post-put': 'answers with the sha256 digest',
  'sha512.blob.chunked.single': 'answers with the sha256 digest',
  'sha512.blob.chunked.three': 'answers with the sha256 digest',
  'sha512.blob.chunked.last-in-put': 'answers with the sha256 digest',
  'sha512.blob.chunked.out-of-order': 'does not look at Content-Range',
  'sha512.blob.chunked.out-of-order-last-in-put': 'does not look at Content-Range',
  'sha512.blob.stream': 'answers with the sha256 digest',
  'sha512.blob.empty': 'answers with the sha256 digest',
  'sha512.blob.empty-json': 'answers with the sha256 digest',
  'sha512.blob.mount': 'answers with the sha256 digest',
  'sha512.blob.mount.anonymous': 'answers with the sha256 digest',
  'sha512.blob.mount.missing': 'answers with the sha256 digest',
};

/** What it does not offer. */
const SKIPS: readonly string[] = [
  'blob.post',
  'blob.mount.anonymous',
  'manifest.tag-parameter',
  'delete.tag',
];

let folder: string | undefined;
let server: ChildProcess | undefined;
let wire: Wire;

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => {
    probe.listen(0, '127.0.0.1', resolve);
  });
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

/** Resolves when the server says that it listens; fails when it ends first. */
function ready(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let log = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      log += chunk.toString('utf8');
      if (log.includes('listening on')) resolve();
    });
    child.once('error', reject);
    child.once('exit', (code) => {
      reject(new Error(`docker-registry ended with ${code}: ${log}`));
    });
  });
}

beforeAll(async () => {
  if (version === '') return;
  folder = mkdtempSync(join(tmpdir(), 'conformance-docker-registry-'));
  const port = await freePort();
  const config = {
    version: '0.1',
    log: { level: 'info', accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: join(folder, 'data') }, delete: { enabled: true } },
    http: { addr: `127.0.0.1:${port}` },
    validation: { manifests: { urls: { allow: ['^https://layers[.]example/'] } } },
  };
  // YAML takes JSON.
  writeFileSync(join(folder, 'config.yml'), JSON.stringify(config));
  wire = socketWire(`http://127.0.0.1:${port}`);
  server = spawn('docker-registry', ['serve', join(folder, 'config.yml')], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  await ready(server);
});

afterAll(async () => {
  if (server !== undefined && server.exitCode === null) {
    const child = server;
    await new Promise((resolve) => {
      child.once('exit', resolve);
      child.kill();
    });
  }
  if (folder !== undefined) {
    wire.close();
    rmSync(folder, { recursive: true });
  }
});

const ids = (results: readonly TestResult[], outcome: TestResult['outcome']): readonly string[] =>
  results
    .filter((result) => result.outcome === outcome)
    .map((result) => result.id)
    .toSorted();

describe('docker-registry', () => {
  it('fails what it is known to fail, and nothing else', RUN, async (context) => {
    if (version === '') context.skip('docker-registry is not installed');
    if (!version.includes(' 2.8.')) context.skip(`this is not docker-registry 2.8: ${version.trim()}`);
    const { results } = await runConformance({ wire, options: { profile: 'dev' } });
    expect(ids(results, 'fail')).toEqual(Object.keys(FAILS).toSorted());
    expect(ids(results, 'skip')).toEqual(SKIPS.toSorted());
    expect(ids(results, 'pass').length).toBeGreaterThan(40);
  });

  it('is told of missing referrers and sha512 manifests by status and path', RUN, async (context) => {
    if (version === '') context.skip('docker-registry is not installed');
    const only = 'referrers.unknown-repository,sha512.manifest.image';
    const { results } = await runConformance({ wire, options: { only } });
    const [referrers, sha512] = results.map((result) => result.reason ?? '');
    expect(referrers).toMatch(
      /^expected status 200, got 404\n> GET \/v2\/conformance\/\w+\/referrers-unknown-/,
    );
    expect(sha512).toMatch(/^expected status 201, got 400\n> PUT \/v2\/conformance\/.*sha512:/);
  });

  it('can be run against again, with content that is new', RUN, async (context) => {
    if (version === '') context.skip('docker-registry is not installed');
    const options = { only: 'blob.post-put,manifest.image,delete.*' } as const;
    const first = await runConformance({ wire, options });
    const second = await runConformance({ wire, options });
    expect(ids([...first.results, ...second.results], 'fail')).toEqual([]);
    expect(first.seed).not.toBe(second.seed);
  });
});
