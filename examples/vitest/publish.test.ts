import { startRegistry, test } from 'ocilot/testing/vitest';
import { describe, expect, inject } from 'vitest';
// @ts-expect-error: plain JavaScript
import { publish } from './publish.js';

const report = { repository: 'team/report', tag: '1.0', report: { ok: true } };

test('a report is there after it was published', async ({ registry }) => {
  const digest = await publish({ url: registry.url, ...report });
  expect(registry).toHavePushed('team/report:1.0');
  await expect(registry).toHaveTag('team/report:1.0', digest);
});

describe('with a registry that is busy', () => {
  const busy = test.extend({
    registryOptions: {
      faults: [{ times: 1, fault: { kind: 'status' as const, status: 503, retryAfter: 0 } }],
    },
  });

  busy('it is asked again', async ({ registry }) => {
    await publish({ url: registry.url, ...report });
    expect(registry.requests.filter({ faulted: true })).toMatchObject([
      { operation: 'upload.start', attempt: 1 },
    ]);
    expect(registry).toHavePushed('team/report:1.0');
  });
});

test('each test finds the registry as it was', async ({ registry }) => {
  expect(registry).not.toHavePushed('team/report');
  await expect(registry).not.toHaveTag('team/report:1.0');
});

test('a redirect takes no credentials along', async ({ registry }) => {
  await using elsewhere = await startRegistry();
  registry.faults.add({ fault: { kind: 'redirect', to: elsewhere.url } });
  await fetch(`${registry.url}/v2/`, { headers: { authorization: 'Basic Ym9iOnB3' } });
  expect(elsewhere.requests.length).toBe(1);
  expect(registry).toHaveNeverSentCredentialsTo(elsewhere);
});

test('the shared registry is there too', async () => {
  const answer = await fetch(`${inject('ocilot').url}/v2/team/base/tags/list`);
  expect(await answer.json()).toEqual({ name: 'team/base', tags: ['stable'] });
});
