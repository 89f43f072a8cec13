import { describe, expect, it } from 'vitest';
import { parseJson } from '../../../oci/index.js';
import { documentsOf, fixture, site, type Document } from './site.js';

describe('image copy -a', () => {
  it('sends what tags share once, and asks for it once', async () => {
    const at = await site();
    const layer = fixture('tar/l1.tar');
    const tags = ['1', '2', '3', '4', '5', '6'];
    for (const tag of tags)
      await at.ok([
        'append',
        '--oci-empty-base',
        '-f',
        layer,
        '-l',
        `n=${tag}`,
        '-t',
        `oci:${at.path('l')}:${tag}`,
      ]);
    const { out } = await at.ok(['copy', '-a', '-o', 'json', `oci:${at.path('l')}`, `${at.host}/to`]);

    const distinct = tags.length + 1;
    const seen = { repository: 'to' };
    expect(at.registry.requests.count({ ...seen, operation: 'upload.finish' })).toBe(distinct);
    expect(at.registry.requests.count({ ...seen, operation: 'blob.get', method: 'HEAD' })).toBe(distinct);
    const report = parseJson(Buffer.from(out), 'report') as Document;
    expect(report['sent'].blobs).toBe(distinct);
    expect(report['present'].blobs).toBe(0);
    expect(report['roots'].map(({ tags: names }: Document) => names)).toEqual(tags.map((tag) => [tag]));
    for (const tag of tags)
      expect((await documentsOf(at, `${at.host}/to:${tag}`)).config['config'].Labels).toEqual({ n: tag });
  });

  it('goes on with the next tags after as many as go together', async () => {
    const at = await site();
    await at.ok(['append', '--oci-empty-base', '-f', fixture('tar/l1.tar'), '-t', `${at.host}/app:0`]);
    for (let tag = 1; tag < 60; tag++) await at.ok(['tag', `${at.host}/app:0`, `${tag}`]);
    await at.ok(['copy', '-a', `${at.host}/app`, `${at.host}/to`]);

    const { out } = await at.ok(['ls', `${at.host}/to`]);
    expect(out.trim().split('\n')).toHaveLength(60);
  });
});
