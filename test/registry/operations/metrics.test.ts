import prometheus from 'prom-client';
import { describe, expect, it, vi } from 'vitest';
import { open, pushBlob, startUpload, type Site } from '../helpers.js';

/** The value of each series of a scrape. */
async function scrape(
  site: Site,
  headers: Readonly<Record<string, string>> = {},
): Promise<Map<string, number>> {
  const answer = await site.ask('GET', '/metrics', { headers });
  expect(answer.status).toBe(200);
  expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  const lines = answer.bytes
    .toString()
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const at = line.lastIndexOf(' ');
      return [line.slice(0, at), Number(line.slice(at + 1))];
    }),
  );
}

describe('/metrics', () => {
  it('counts requests, bytes, uploads and quotas', async () => {
    await using site = await open({ metrics: { enabled: true }, quotas: { team: 1000 } });
    await pushBlob(site, 'team/app', 'hello');
    await site.ask('GET', '/v2/team/app/manifests/none');
    await site.ask('HEAD', '/v2/team/app/manifests/none');
    await site.ask('BREW', '/v2/');
    await startUpload(site, 'team/app');
    const series = await scrape(site);
    const requests = (operation: string, method: string, status: string): number | undefined =>
      series.get(`ocilot_requests_total{operation="${operation}",method="${method}",status="${status}"}`);
    expect(requests('upload.start', 'POST', '2xx')).toBe(2);
    expect(requests('manifest.get', 'GET', '4xx')).toBe(1);
    expect(requests('manifest.get', 'HEAD', '4xx')).toBe(1);
    expect(requests('other', 'OTHER', '4xx')).toBe(1);
    expect(series.get('ocilot_received_bytes_total')).toBe(5);
    expect(series.get('ocilot_request_duration_seconds_count{operation="manifest.get"}')).toBe(2);
    expect(series.get('ocilot_open_uploads')).toBe(1);
    expect(series.get('ocilot_quota_used_bytes{prefix="team"}')).toBe(5);
    expect(series.get('ocilot_quota_limit_bytes{prefix="team"}')).toBe(1000);
    expect(series.get('ocilot_free_bytes')).toBeGreaterThan(0);
    expect(series.has('nodejs_eventloop_lag_seconds')).toBe(true);
    expect(series.has('process_resident_memory_bytes')).toBe(true);
  });

  it('counts what answers weigh, but not what HEAD is only told', async () => {
    await using site = await open({ metrics: { enabled: true } });
    const { digest } = await pushBlob(site, 'app', 'x'.repeat(5000));
    const before = (await scrape(site)).get('ocilot_sent_bytes_total') ?? 0;
    const scraped = (await site.ask('HEAD', '/metrics')).headers.get('content-length');
    expect(Number(scraped)).toBeGreaterThan(0);
    await site.ask('HEAD', `/v2/app/blobs/${digest}`);
    await site.ask('GET', `/v2/app/blobs/${digest}`, { headers: { range: 'bytes=0-99' } });
    const between = (await scrape(site)).get('ocilot_sent_bytes_total') ?? 0;
    // The first scrape was itself sent, after it was counted.
    expect(between - before).toBeGreaterThan(100);
    expect(between - before).toBeLessThan(5000 + 100 + 20_000);
  });

  it('tells of collections', async () => {
    let time = 1_000_000;
    await using site = await open({ metrics: { enabled: true }, now: () => time, lease: 1000 });
    await pushBlob(site, 'app', 'hello');
    time += 2000;
    await site.registry.collect();
    const series = await scrape(site);
    expect(series.get('ocilot_collections_total{result="ok"}')).toBe(1);
    expect(series.get('ocilot_collected_total{kind="blobs"}')).toBe(1);
    expect(series.get('ocilot_collected_total{kind="repositories"}')).toBe(1);
    expect(series.get('ocilot_collected_bytes_total')).toBe(5);
    expect(series.get('ocilot_last_collection_timestamp_seconds')).toBeGreaterThan(0);
  });

  it('of two registries are apart', async () => {
    await using one = await open({ metrics: { enabled: true } });
    await using other = await open({ metrics: { enabled: true } });
    await one.ask('GET', '/v2/');
    const name = 'ocilot_requests_total{operation="ping",method="GET",status="2xx"}';
    expect([(await scrape(one)).get(name), (await scrape(other)).get(name)]).toEqual([1, undefined]);
  });

  it('of the process are collected once, whatever registries there are', async () => {
    await using first = await open({ metrics: { enabled: true } });
    const watch = vi.spyOn(prometheus, 'collectDefaultMetrics');
    await using second = await open({ metrics: { enabled: true } });
    expect(watch).not.toHaveBeenCalled();
    watch.mockRestore();
    for (const site of [first, second])
      expect((await scrape(site)).get('process_resident_memory_bytes')).toBeGreaterThan(0);
  });

  it('are off unless asked for', async () => {
    await using site = await open();
    expect((await site.ask('GET', '/metrics')).status).toBe(404);
  });

  it('are for administrators, unless they are public', async () => {
    const access = { mode: 'basic', users: { alice: 'secret', bob: 'secret' }, admins: ['alice'] } as const;
    const basic = (name: string): Record<string, string> => ({
      authorization: `Basic ${Buffer.from(`${name}:secret`).toString('base64')}`,
    });
    await using closed = await open({ metrics: { enabled: true }, access });
    const anonymous = await closed.ask('GET', '/metrics');
    expect([anonymous.status, anonymous.headers.get('www-authenticate')]).toEqual([
      401,
      expect.stringContaining('Basic'),
    ]);
    expect((await closed.ask('GET', '/metrics', { headers: basic('bob') })).status).toBe(403);
    await scrape(closed, basic('alice'));
    await using shown = await open({ metrics: { enabled: true, public: true }, access });
    await scrape(shown);
  });
});
