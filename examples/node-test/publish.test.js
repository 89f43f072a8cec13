import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startRegistry } from 'ocilot/testing';
import { expectRegistry, useRegistry } from 'ocilot/testing/node';
import { publish } from './publish.js';

test('a report is there after it was published', async (t) => {
  const registry = await startRegistry();
  t.after(() => registry.close());
  const digest = await publish({
    url: registry.url,
    repository: 'team/report',
    tag: '1.0',
    report: { ok: true },
  });
  expectRegistry(registry).toHavePushed('team/report:1.0');
  await expectRegistry(registry).toHaveTag('team/report:1.0', digest);
});

test('a busy registry is asked again', async (t) => {
  const registry = await useRegistry(t, {
    faults: [
      {
        match: { operation: 'manifest.put' },
        times: 2,
        fault: { kind: 'status', status: 429, retryAfter: 0 },
      },
    ],
  });
  await publish({ url: registry.url, repository: 'team/report', tag: '1.0', report: {} });
  assert.deepEqual(
    registry.requests.filter({ operation: 'manifest.put' }).map(({ status, attempt }) => [status, attempt]),
    [
      [429, 1],
      [429, 2],
      [201, 3],
    ],
  );
});

test('a registry that refuses is not asked again', async (t) => {
  const registry = await useRegistry(t, { readOnly: true });
  await assert.rejects(
    publish({ url: registry.url, repository: 'team/report', tag: '1.0', report: {} }),
    /uploads\/: 403/,
  );
  expectRegistry(registry).not.toHavePushed('team/report');
});
