import { describe, expect, it } from 'vitest';
import { MEDIA_TYPES, digestOf } from '../../oci/index.js';
import {
  describedImage,
  randomImage,
  randomIndex,
  startRegistry,
  type Content,
  type SeedContent,
  type TestRegistry,
} from '../../testing/index.js';

/** Pulls a manifest and everything below it over HTTP; returns the digests. */
async function pull(registry: TestRegistry, repository: string, reference: string): Promise<string[]> {
  const answer = await registry.fetch(`/v2/${repository}/manifests/${reference}`);
  expect(answer.status).toBe(200);
  const bytes = Buffer.from(await answer.arrayBuffer());
  const {
    manifests = [],
    config,
    layers = [],
  } = JSON.parse(bytes.toString()) as {
    manifests?: { digest: string }[];
    config?: { digest: string };
    layers?: { digest: string }[];
  };
  const digests = [digestOf(bytes) as string];
  for (const { digest } of manifests) digests.push(...(await pull(registry, repository, digest)));
  for (const { digest } of config === undefined ? [] : [config, ...layers]) {
    const blob = await registry.fetch(`/v2/${repository}/blobs/${digest}`);
    digests.push(digestOf(Buffer.from(await blob.arrayBuffer())));
  }
  return digests;
}

const digestsOf = ({ blobs, manifests }: Content): Set<string> =>
  new Set([...blobs, ...manifests].map(({ descriptor }) => descriptor.digest));

describe('seeding', () => {
  it('puts images, indexes and artifacts where they can be pulled', async () => {
    await using registry = await startRegistry({ socket: false });
    const seeded = await registry.seed({
      'team/app': {
        '1.0': { files: { '/etc/motd': 'hi' }, config: { Env: ['A=b'] }, layers: 2, layerSize: 3000 },
        latest: { files: { a: 'b' }, platforms: ['linux/amd64', 'linux/arm64'], compression: 'gzip' },
        chart: {
          artifactType: 'application/vnd.example',
          blobs: [{ mediaType: 'text/plain', content: 'x' }],
        },
      },
      other: { '1': randomIndex({ format: 'docker', layerSize: 700_000 }) },
    });
    const { 'team/app': app, other } = seeded;
    expect(app['1.0'].layers).toHaveLength(3);
    expect(app.latest.images).toHaveLength(2);
    for (const [repository, names] of Object.entries(seeded))
      for (const [tag, content] of Object.entries(names))
        expect(new Set(await pull(registry, repository, tag))).toEqual(digestsOf(content));
    expect(other['1'].descriptor.mediaType).toBe(MEDIA_TYPES.dockerManifestList);
    expect(registry.requests.count({ method: 'PUT' })).toBe(0);
  });

  it('gives the same digests as the functions', async () => {
    await using registry = await startRegistry({ socket: false });
    const { app } = await registry.seed({
      app: { '1.0': { files: { a: 'b' } }, '2.0': randomImage({ seed: 3 }) },
    });
    expect(app['1.0']).toEqual(describedImage({ files: { a: 'b' } }));
    expect(app['2.0']).toEqual(randomImage({ seed: 3 }));
  });

  it('seeds referrers by name, wherever their subject stands', async () => {
    await using registry = await startRegistry({ socket: false });
    const { app } = await registry.seed({
      app: {
        '@signature': { artifactType: 'application/vnd.example.signature', subject: '1.0' },
        '@signature of the signature': {
          artifactType: 'application/vnd.example.signature',
          subject: '@signature',
        },
        '1.0': { layers: 1 },
        '2.0': { layers: 1, random: 2, subject: '1.0', annotations: { why: 'test' } },
      },
    });
    const list = async (digest: string): Promise<string[]> => {
      const answer = await registry.fetch(`/v2/app/referrers/${digest}`);
      const { manifests } = (await answer.json()) as { manifests: { digest: string }[] };
      return manifests.map((entry) => entry.digest).toSorted();
    };
    expect(await list(app['1.0'].digest)).toEqual([app['@signature'].digest, app['2.0'].digest].toSorted());
    expect(await list(app['@signature'].digest)).toEqual([app['@signature of the signature'].digest]);
    const tags = (await (await registry.fetch('/v2/app/tags/list')).json()) as { tags: string[] };
    expect(tags.tags).toEqual(['1.0', '2.0']);
  });

  it('goes past what keeps clients out', async () => {
    await using registry = await startRegistry({
      socket: false,
      readOnly: true,
      users: { bob: 'secret' },
      faults: [{ fault: { kind: 'reset' } }],
    });
    await registry.seed({ app: { '1.0': {} } });
    registry.faults.clear();
    expect((await registry.fetch('/v2/app/manifests/1.0')).status).toBe(401);
    const authorization = `Basic ${Buffer.from('bob:secret').toString('base64')}`;
    expect((await registry.fetch('/v2/app/manifests/1.0', { headers: { authorization } })).status).toBe(200);
  });

  it.each<[string, SeedContent, string]>([
    [
      'an unknown field',
      { app: { '1.0': JSON.parse('{"file":{}}') as object } },
      'it has "file", expected files',
    ],
    [
      'a field of images in an artifact',
      { app: { x: JSON.parse('{"artifactType":"a/b","files":{}}') as object } },
      'it has "files", expected artifactType',
    ],
    [
      'a subject that is not there',
      { app: { '1.0': { subject: '2.0' } } },
      '"2.0" of app is not valid: it is the subject of 1.0',
    ],
    [
      'a circle',
      { app: { a: { subject: 'b' }, b: { subject: 'a' } } },
      '"a" of app is not valid: it is its own subject',
    ],
    ['a platform that is none', { app: { a: { platform: 'linux' } } }, 'platform "linux" is not valid'],
  ])('refuses %s', async (_, seed, message) => {
    const error = { code: 'INVALID_OPTION', message: expect.stringContaining(message) as string };
    await expect(startRegistry({ seed })).rejects.toMatchObject(error);
  });

  it.each([
    [{ App: { a: {} } }, 'NAME_INVALID'],
    [{ app: { '-': {} } }, 'TAG_INVALID'],
  ])('refuses the names of %o', async (seed, code) => {
    await expect(startRegistry({ socket: false, seed })).rejects.toMatchObject({ code });
  });
});
