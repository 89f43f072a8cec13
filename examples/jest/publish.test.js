const { startRegistry } = require('ocilot/testing');
const { useRegistry } = require('ocilot/testing/jest');
const { publish } = require('./publish.js');

const registry = useRegistry({ seed: { 'team/base': { stable: { layers: 1 } } } });
const report = { repository: 'team/report', tag: '1.0', report: { ok: true } };

test('a report is there after it was published', async () => {
  const digest = await publish({ url: registry().url, ...report });
  expect(registry()).toHavePushed('team/report:1.0');
  await expect(registry()).toHaveTag('team/report:1.0', digest);
});

test('each test finds the registry as it was', async () => {
  expect(registry()).not.toHavePushed('team/report');
  await expect(registry()).not.toHaveTag('team/report:1.0');
  await expect(registry()).toHaveTag('team/base:stable');
});

test('a busy registry is asked again', async () => {
  registry().faults.add({ times: 1, fault: { kind: 'status', status: 429, retryAfter: 0 } });
  await publish({ url: registry().url, ...report });
  expect(registry().requests.filter({ faulted: true })).toMatchObject([
    { operation: 'upload.start', attempt: 1 },
  ]);
});

test('a connection that breaks is an error', async () => {
  registry().faults.add({ match: { method: 'PUT' }, fault: { kind: 'reset' } });
  await expect(publish({ url: registry().url, ...report })).rejects.toThrow('fetch failed');
});

test('a registry with TLS and users is one call', async () => {
  const secure = await startRegistry({ tls: { auto: true }, users: { bob: 'secret' } });
  try {
    expect(secure.authority.pem).toContain('BEGIN CERTIFICATE');
    expect((await secure.fetch('/v2/')).status).toBe(401);
  } finally {
    await secure.close();
  }
});
