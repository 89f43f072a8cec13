import { join } from 'node:path';
import { onTestFinished, describe, expect, it } from 'vitest';
import { createLayoutArchive, openArchive } from '../../image/archive/index.js';
import { createLayout, openLayout } from '../../image/layout/index.js';
import { memoryStore } from '../../image/memory.js';
import type { Sink, Source } from '../../image/media.js';
import { MEDIA_TYPES, digestOf, referrersTag, type Descriptor, type Digest } from '../../oci/index.js';
import {
  createArchiveRegistry,
  listen,
  placeRoots,
  repositoryOfFile,
  type ArchiveRegistryOptions,
} from '../../registry/index.js';
import { tempFolder } from '../helpers/temp.js';
import { failure, putArtifact, putImage, putIndex } from '../image/content.js';
import { fixture } from '../image/tar/helpers.js';

/** Asks a registry over a source. */
async function served(
  source: Source,
  options: ArchiveRegistryOptions = {},
): Promise<(path: string, init?: RequestInit) => Promise<Response>> {
  const registry = await createArchiveRegistry(source, options);
  onTestFinished(() => registry.close());
  return (path, init) => registry.fetch(new Request(`http://registry.test${path}`, init));
}

interface Content {
  readonly image: Descriptor;
  readonly index: Descriptor;
  readonly report: Descriptor;
}

async function fill(sink: Sink): Promise<Content> {
  const image = await putImage(sink, { seed: 'a', layers: ['none'] });
  const index = await putIndex(sink, [image], { tags: ['r.example:5000/team/app:1', '1.0'] });
  return { image, index, report: await putArtifact(sink, { subject: image }) };
}

async function archive(split?: number): Promise<Content & { readonly path: string }> {
  const path = join(await tempFolder(), 'bundle.tar');
  const sink = await createLayoutArchive(split === undefined ? path : { path, split }, { seal: true });
  const content = await fill(sink);
  await sink.finish?.();
  return { ...content, path };
}

const jsonOf = async <T>(answer: Response): Promise<T> => (await answer.json()) as T;
const blobsOf = async (ask: (path: string) => Promise<Response>, repository: string, image: Descriptor) => {
  const manifest = await jsonOf<{ config: Descriptor; layers: Descriptor[] }>(
    await ask(`/v2/${repository}/manifests/${image.digest}`),
  );
  return [manifest.config, ...manifest.layers];
};

describe('a registry over an archive', () => {
  it.each([undefined, 2048])('gives everything that is in it, in parts of %s too', async (split) => {
    const { path, image, index } = await archive(split);
    const ask = await served(await openArchive(path), { repository: 'bundle' });
    expect(await jsonOf(await ask('/v2/_catalog'))).toEqual({ repositories: ['bundle', 'team/app'] });
    expect(await jsonOf(await ask('/v2/team/app/tags/list'))).toEqual({ name: 'team/app', tags: ['1'] });
    expect(await jsonOf(await ask('/v2/bundle/tags/list'))).toEqual({ name: 'bundle', tags: ['1.0'] });
    for (const name of ['team/app/manifests/1', 'bundle/manifests/1.0', `bundle/manifests/${index.digest}`]) {
      const answer = await ask(`/v2/${name}`);
      expect(answer.headers.get('docker-content-digest')).toBe(index.digest);
      expect(answer.headers.get('content-type')).toBe(MEDIA_TYPES.ociIndex);
      expect(digestOf(new Uint8Array(await answer.arrayBuffer()))).toBe(index.digest);
    }
    for (const { digest, size } of await blobsOf(ask, 'team/app', image)) {
      const head = await ask(`/v2/team/app/blobs/${digest}`, { method: 'HEAD' });
      expect(head.headers.get('content-length')).toBe(String(size));
      const bytes = new Uint8Array(await (await ask(`/v2/team/app/blobs/${digest}`)).arrayBuffer());
      expect(digestOf(bytes)).toBe(digest);
      const range = await ask(`/v2/team/app/blobs/${digest}`, { headers: { range: 'bytes=3-9' } });
      expect(range.status).toBe(206);
      expect(range.headers.get('content-range')).toBe(`bytes 3-9/${size}`);
      expect(Buffer.from(await range.arrayBuffer()).equals(bytes.subarray(3, 10))).toBe(true);
    }
  });

  it('lists what speaks of an image where that image is', async () => {
    const { path, image, report } = await archive();
    const ask = await served(await openArchive(path));
    for (const repository of ['team/app', 'archive']) {
      const { manifests } = await jsonOf<{ manifests: Descriptor[] }>(
        await ask(`/v2/${repository}/referrers/${image.digest}`),
      );
      expect(manifests.map(({ digest }) => digest)).toEqual([report.digest]);
      expect((await ask(`/v2/${repository}/manifests/${report.digest}`)).status).toBe(200);
    }
  });

  it('knows nothing that is not in it', async () => {
    const { path, index } = await archive();
    const ask = await served(await openArchive(path));
    const missing = digestOf('missing');
    for (const [name, code] of [
      ['team/app/manifests/2', 'MANIFEST_UNKNOWN'],
      [`team/app/blobs/${missing}`, 'BLOB_UNKNOWN'],
      ['other/tags/list', 'NAME_UNKNOWN'],
      [`team/app/blobs/${index.digest}`, 'BLOB_UNKNOWN'],
    ] as const) {
      const answer = await ask(`/v2/${name}`);
      expect(answer.status).toBe(404);
      expect((await jsonOf<{ errors: { code: string }[] }>(answer)).errors[0]?.code).toBe(code);
    }
  });

  it('refuses every write', async () => {
    const { path, index } = await archive();
    const ask = await served(await openArchive(path), { metrics: { enabled: true, public: true } });
    for (const [method, name] of [
      ['POST', 'team/app/blobs/uploads/'],
      ['PUT', 'team/app/manifests/2'],
      ['DELETE', `team/app/manifests/${index.digest}`],
      ['DELETE', `team/app/blobs/${index.digest}`],
    ] as const) {
      const answer = await ask(`/v2/${name}`, { method });
      expect(answer.status).toBe(403);
      expect((await jsonOf<{ errors: { code: string }[] }>(answer)).errors[0]?.code).toBe('DENIED');
    }
    expect((await ask('/readyz')).status).toBe(200);
    expect((await ask('/_ocilot/gc', { method: 'POST' })).status).toBe(403);
    expect(await (await ask('/metrics')).text()).toContain('ocilot');
  });

  it('may be over a layout, a docker archive, or memory; on a socket too', async () => {
    const folder = join(await tempFolder(), 'layout');
    const image = await putImage(await createLayout(folder), { seed: 'a', tags: ['1'] });
    const registry = await createArchiveRegistry(await openLayout(folder));
    await using server = await listen(registry, { port: 0, grace: 0 });
    const answer = await fetch(`${server.url}/v2/archive/manifests/1`);
    expect(answer.headers.get('docker-content-digest')).toBe(image.digest);
    await answer.arrayBuffer();
    await registry.close();
    const docker = await served(await openArchive(fixture('two.docker.tar')));
    const { repositories } = await jsonOf<{ repositories: string[] }>(await docker('/v2/_catalog'));
    const [name = ''] = repositories;
    const { tags } = await jsonOf<{ tags: string[] }>(await docker(`/v2/${name}/tags/list`));
    const manifest = await docker(`/v2/${name}/manifests/${tags[0]}`);
    for (const { digest } of (await jsonOf<{ layers: Descriptor[] }>(manifest)).layers) {
      const bytes = await (await docker(`/v2/${name}/blobs/${digest}`)).arrayBuffer();
      expect(digestOf(new Uint8Array(bytes))).toBe(digest);
    }
  });

  it('asks for passwords as any registry does', async () => {
    const { path } = await archive();
    const ask = await served(await openArchive(path), {
      access: { mode: 'basic', users: { alice: 'secret' } },
    });
    expect((await ask('/v2/')).status).toBe(401);
    const authorization = `Basic ${Buffer.from('alice:secret').toString('base64')}`;
    expect((await ask('/v2/team/app/manifests/1', { headers: { authorization } })).status).toBe(200);
  });

  it('is refused for an archive that lacks what it lists, and closes it', async () => {
    const store = memoryStore();
    const image = await putImage(store, { seed: 'a', tags: ['1'] });
    let closed = false;
    const source: Source = {
      name: 'half',
      resolve: (reference) => store.resolve(reference),
      manifest: (descriptor) => store.manifest({ ...descriptor, digest: digestOf('x') }),
      blob: (descriptor) => store.blob(descriptor),
      roots: async function* roots() {
        yield { descriptor: image, tag: '1' };
      },
      close: async () => {
        closed = true;
      },
    };
    expect((await failure(createArchiveRegistry(source))).code).toBe('CONTENT_INVALID');
    expect(closed).toBe(true);
    expect((await failure(createArchiveRegistry(store, { repository: 'UP' }))).code).toBe('INVALID_OPTION');
  });
});

describe('names of an archive', () => {
  const placed = async (fillIt: (sink: Sink) => Promise<unknown>): Promise<string[]> => {
    const store = memoryStore();
    await fillIt(store);
    return (await placeRoots(store, 'own')).map(({ repository, tag = '' }) => `${repository}:${tag}`);
  };
  const image = (sink: Sink, seed: string, ...tags: string[]): Promise<Descriptor> =>
    putImage(sink, { seed, tags, top: true });

  it('keep their path below the host, and the host where two have the same path', async () => {
    const names = await placed(async (sink) => {
      await image(sink, 'a', 'r.example/app:1', 'r.example/team/tool:2', 'alpine:3', 'library/busybox:1');
      await image(sink, 'b', 'localhost:5000/app:1', '4');
    });
    expect(names.toSorted()).toEqual([
      'alpine:3',
      'library/busybox:1',
      'localhost-5000/app:1',
      'own:4',
      'r.example/app:1',
      'team/tool:2',
    ]);
  });

  it('of signatures go to what is signed, and images without a name to every repository', async () => {
    let subject: Descriptor | undefined;
    const names = await placed(async (sink) => {
      subject = await image(sink, 'a', 'r.example/app:1');
      await image(sink, 'b', '2');
      await image(sink, 'c');
      await putArtifact(sink, { tags: [`${referrersTag(subject.digest)}.sig`], top: true });
    });
    const sig = `${referrersTag(subject?.digest as Digest)}.sig`;
    expect(names).toEqual(['app:1', 'own:2', `app:${sig}`, 'app:', 'own:']);
  });

  it('of images that a bundle lists are found where the bundle is, too', async () => {
    const names = await placed(async (sink) => {
      const mark = { 'dev.carvel.imgpkg.copy.root-bundle': '' };
      const named = async (
        seed: string,
        name: (digest: Digest) => string,
        annotations = {},
      ): Promise<void> => {
        const descriptor = await putImage(memoryStore(), { seed });
        const source = memoryStore();
        await putImage(source, { seed });
        const bytes = await source.manifest(descriptor);
        await sink.putManifest({ ...descriptor, annotations }, bytes, { tags: [name(descriptor.digest)] });
      };
      await named('bundle', () => 'r.example/bundle:1', mark);
      await named('image', (digest) => `docker.io/library/nginx@${digest}`);
    });
    expect(names).toEqual(['bundle:1', 'library/nginx:', 'bundle:']);
  });

  it('are refused where two manifests have the same', async () => {
    const twice = placed(async (sink) => {
      await image(sink, 'a', 'own:1');
      await image(sink, 'b', '1');
    });
    expect((await failure(twice)).message).toContain('two manifests for "own:1"');
  });

  it('of files are spelled as repositories are', () => {
    expect(
      ['/a/My Bundle.tar', 'app_1.2.oci.tar.gz', 'b.tar.001', '…', 'C:\\x\\y.tgz'].map(repositoryOfFile),
    ).toEqual(['my-bundle', 'app-1-2', 'b', 'archive', 'y']);
  });
});
