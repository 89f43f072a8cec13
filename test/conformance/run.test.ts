import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Content } from '../../conformance/content.js';
import { fetchWire, runConformance, selectTests, type Profile } from '../../conformance/index.js';

const ids = (profile: Profile, more: Parameters<typeof selectTests>[0] = {}): readonly string[] =>
  selectTests({ profile, ...more }).map((test) => test.id);

describe('the tests', () => {
  const all = [
    ...selectTests({ profile: 'strict', credentials: true, isSocket: true }),
    ...selectTests({ profile: 'strict', sparse: true, only: 'manifest.sparse.*' }),
  ];

  it('have ids that are unique and stay legal in repository names', () => {
    expect(new Set(all.map((test) => test.id)).size).toBe(all.length);
    for (const { id } of all) expect(id).toMatch(/^[a-z0-9]+(?:[.-][a-z0-9]+)+$/);
  });

  it('have a title and a section', () => {
    for (const { title, section } of all) {
      expect(title).not.toBe('');
      expect(section).toMatch(/^[A-Z]/);
    }
  });

  it('are all described in the README, by the first word of their ids', () => {
    const readme = readFileSync(new URL('../../conformance/README.md', import.meta.url), 'utf8');
    const groups = new Set(all.map((test) => test.id.slice(0, test.id.indexOf('.'))));
    for (const group of groups) expect(readme).toContain(`\`${group}.`);
  });
});

describe('selectTests', () => {
  it('has more in every profile', () => {
    const [stable, dev, strict] = [ids('stable'), ids('dev'), ids('strict')];
    expect(dev).toEqual(expect.arrayContaining([...stable]));
    expect(strict).toEqual(expect.arrayContaining([...dev]));
    expect(dev.filter((id) => !stable.includes(id))).toEqual([
      'blob.digest-header',
      'blob.cancel',
      'manifest.digest-header',
      'manifest.tag-parameter',
      'sha512.blob.cancel',
      'sha512.manifest.tag-parameter',
    ]);
    expect(strict.length).toBeGreaterThan(2 * dev.length);
  });

  it('has sparse manifests, or their refusal', () => {
    expect(
      ids('strict', { sparse: true }).filter((id) => /^manifest\.(?:sparse|blob-unknown)/.test(id)),
    ).toEqual(['manifest.sparse.image', 'manifest.sparse.index']);
    expect(ids('strict').filter((id) => /^manifest\.(?:sparse|blob-unknown)/.test(id))).toHaveLength(3);
  });

  it('has tests of access and of raw paths only where they can run', () => {
    expect(ids('strict').filter((id) => id.startsWith('access.'))).toEqual([]);
    expect(ids('strict', { credentials: true }).filter((id) => id.startsWith('access.'))).not.toEqual([]);
    expect(ids('strict')).not.toContain('name.invalid.dots');
    expect(ids('strict', { isSocket: true })).toContain('name.invalid.dots');
  });

  it('takes patterns', () => {
    expect(ids('stable', { only: 'ping.*, delete.tag' })).toEqual(['ping.answers', 'delete.tag']);
    expect(ids('stable', { only: 'ping' })).toEqual([]);
    expect(ids('stable', { only: '*.tag' })).toEqual(['delete.tag']);
  });
});

describe('runConformance', () => {
  it('passes, fails and skips, and tells of each', async () => {
    const wire = fetchWire(() => new Response('{}', { headers: { location: '/v2/x' }, status: 202 }));
    const told: string[] = [];
    const report = await runConformance({
      wire,
      options: {
        only: 'ping.answers,blob.unknown',
        seed: 'abc',
        onResult: (result) => told.push(result.id),
      },
    });
    expect(report).toMatchObject({ profile: 'stable', seed: 'abc', origin: 'http://registry.test' });
    expect(report.results.map((result) => result.outcome)).toEqual(['fail', 'fail']);
    expect(report.results[0]?.reason).toContain('expected status 200, got 202');
    expect(told).toEqual(['ping.answers', 'blob.unknown']);
  });

  it('gives every test a repository of its own, below the prefix and the seed', async () => {
    const paths = new Set<string>();
    const wire = fetchWire((request) => {
      paths.add(new URL(request.url).pathname.replace(/\/blobs\/.*/, ''));
      return new Response(null, { status: 404 });
    });
    const options = { only: 'blob.unknown,blob.range.open', repository: 'team/check', seed: 's1' };
    await runConformance({ wire, options });
    expect([...paths]).toEqual(['/v2/team/check/s1/blob-unknown', '/v2/team/check/s1/blob-range-open']);
  });

  it('makes the same content from the same seed, and another from another', async () => {
    const digests = async (seed?: string): Promise<string> => {
      const log: string[] = [];
      const wire = fetchWire((request) => {
        log.push(request.url);
        return new Response(null, { status: 404 });
      });
      await runConformance({
        wire,
        options: { only: 'blob.unknown', ...(seed === undefined ? {} : { seed }) },
      });
      return log.join('\n');
    };
    expect(await digests('a')).toBe(await digests('a'));
    expect(await digests('a')).not.toBe(await digests('b'));
    expect(await digests()).not.toBe(await digests());
    expect(new Content('a').bytes('x', 100).equals(new Content('a').bytes('x', 200).subarray(0, 100))).toBe(
      true,
    );
    expect(new Content('a').bytes('x', 100).equals(new Content('a').bytes('y', 100))).toBe(false);
  });

  it('stops with the reason of the signal', async () => {
    const stop = new AbortController();
    const reason = new Error('enough');
    const wire = fetchWire(() => {
      stop.abort(reason);
      return new Response('{}');
    });
    await expect(runConformance({ wire, options: { signal: stop.signal } })).rejects.toBe(reason);
  });

  it('fails a test whose answer does not come', async () => {
    const wire = fetchWire(() => new Promise(() => undefined));
    const { results } = await runConformance({ wire, options: { only: 'ping.answers', timeout: 10 } });
    expect(results[0]).toMatchObject({ outcome: 'fail', reason: 'GET /v2/: no answer within 0.01 s' });
  });
});
