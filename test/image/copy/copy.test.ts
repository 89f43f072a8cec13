import { describe, expect, it } from 'vitest';
import {
  MEDIA_TYPES,
  OciError,
  collect,
  describe as descriptorOf,
  encodeJson,
  isOciError,
  parseManifest,
  parsePlatform,
  streamOf,
  type Blob,
  type Descriptor,
  type Progress,
} from '../../../oci/index.js';
import { copy, type CopyOptions, type CopyReport } from '../../../image/copy/index.js';
import { Ledger } from '../../../image/copy/ledger.js';
import type { Sink, Source } from '../../../image/media.js';
import { memoryStore, type MemoryStore } from '../../../image/memory.js';

const { ociConfig, ociLayer, ociManifest, ociIndex, ociLayerNonDistributable } = MEDIA_TYPES;

async function putBlob(to: Sink, text: string, mediaType: string = ociLayer): Promise<Descriptor> {
  const bytes = Buffer.from(text);
  const blob: Blob = { descriptor: descriptorOf(mediaType, bytes), open: async () => streamOf(bytes) };
  await to.putBlob(blob);
  return blob.descriptor;
}

async function put(to: Sink, mediaType: string, document: object, tags: string[] = []): Promise<Descriptor> {
  const bytes = encodeJson({ schemaVersion: 2, mediaType, ...document });
  const descriptor = descriptorOf(mediaType, bytes);
  await to.putManifest(descriptor, bytes, { tags, top: true });
  return descriptor;
}

async function image(to: Sink, name: string, more: object = {}, tags: string[] = []): Promise<Descriptor> {
  const config = await putBlob(to, `{"name":"${name}"}`, ociConfig);
  const layers = [await putBlob(to, 'shared layer'), await putBlob(to, `layer of ${name}`)];
  return await put(to, ociManifest, { config, layers, ...more }, tags);
}

interface Content {
  readonly source: MemoryStore;
  readonly amd: Descriptor;
  readonly arm: Descriptor;
  readonly attestation: Descriptor;
  readonly index: Descriptor;
}

async function multiPlatform(): Promise<Content> {
  const source = memoryStore('source');
  const amd = { ...(await image(source, 'amd')), platform: parsePlatform('linux/amd64') };
  const arm = { ...(await image(source, 'arm')), platform: parsePlatform('linux/arm64/v8') };
  const attestation = {
    ...(await image(source, 'attestation of arm')),
    platform: { os: 'unknown', architecture: 'unknown' },
    annotations: { 'vnd.docker.reference.digest': arm.digest },
  };
  const index = await put(source, ociIndex, { manifests: [amd, arm, attestation], annotations: { a: 'b' } }, [
    '1',
  ]);
  return { source, amd, arm, attestation, index };
}

const tagOf = ({ digest }: Descriptor, suffix: string): string => `${digest.replace(':', '-')}.${suffix}`;

async function copied(
  source: Source,
  roots: readonly Descriptor[],
  options: CopyOptions & { tags?: string[]; to?: MemoryStore } = {},
): Promise<CopyReport & { to: MemoryStore }> {
  const { tags = ['1'], to = memoryStore('sink'), ...rest } = options;
  const report = await copy(
    source,
    to,
    roots.map((descriptor) => ({ descriptor, tags })),
    rest,
  );
  return { ...report, to };
}

const everything = ({ contents }: MemoryStore): string[] => [...contents.keys()].toSorted();

describe('copy', () => {
  it('copies a graph byte for byte, each blob once', async () => {
    const { source, index } = await multiPlatform();
    const events: Progress[] = [];
    const { to, ...report } = await copied(source, [index], { onProgress: (event) => events.push(event) });
    expect(everything(to)).toEqual(everything(source));
    expect((await to.resolve('1'))?.digest).toBe(index.digest);
    expect(report.manifests).toEqual({ put: 4, present: 0 });
    // Three configs, three layers of their own, and one that they share.
    expect(report.sent.blobs).toBe(7);
    expect(events[0]).toEqual({ type: 'planned', blobs: 7, bytes: report.sent.bytes });
    expect(events.filter(({ type }) => type === 'done')).toHaveLength(7);
  });

  it('puts children before what lists them, and the tag last', async () => {
    const { source, index, amd, arm, attestation } = await multiPlatform();
    await image(source, 'signature', { subject: index });
    const order: string[] = [];
    const to = memoryStore();
    const watched: Sink = {
      ...bound(to),
      putBlob: async (blob, options) => {
        order.push('blob');
        return await to.putBlob(blob, options);
      },
      putManifest: async (descriptor, bytes, options) => {
        order.push(`${descriptor.digest} ${options?.tags?.join() ?? ''}`);
        await to.putManifest(descriptor, bytes, options);
      },
    };
    await copy(source, watched, [{ descriptor: index, tags: ['1', '2'] }]);
    const manifests = order.slice(order.lastIndexOf('blob') + 1);
    expect(manifests).toHaveLength(5);
    expect(manifests.slice(0, 3).toSorted()).toEqual(
      [amd, arm, attestation].map(({ digest }) => `${digest} `).toSorted(),
    );
    expect(manifests.at(-1)).toBe(`${index.digest} 1,2`);
  });

  it('leaves alone what the sink has, and still moves the tag', async () => {
    const { source, index, amd } = await multiPlatform();
    const { to } = await copied(source, [amd], { tags: ['amd'] });
    const second = await copied(source, [index], { to });
    expect(second.manifests).toEqual({ put: 3, present: 1 });
    expect(second.sent.blobs).toBe(4);
    const third = await copied(source, [index], { to, tags: ['1', 'new'] });
    expect([third.sent.blobs, third.manifests]).toEqual([0, { put: 0, present: 4 }]);
    expect((await to.resolve('new'))?.digest).toBe(index.digest);
  });

  it('copies a root that another root lists', async () => {
    const { source, index, amd } = await multiPlatform();
    const to = memoryStore();
    await copy(source, to, [
      { descriptor: index, tags: ['all'] },
      { descriptor: amd, tags: ['one'] },
    ]);
    expect((await to.resolve('one'))?.digest).toBe(amd.digest);
    expect((await to.resolve('all'))?.digest).toBe(index.digest);
  });

  it('brings what speaks of every part of it, both ways, and of that again', async () => {
    const { source, index, arm } = await multiPlatform();
    const sbom = await image(source, 'sbom', { subject: arm, artifactType: 'text/sbom' });
    const signed = await image(source, 'signature of the sbom', { subject: sbom });
    const sig = await image(source, 'sig', {}, [tagOf(index, 'sig')]);
    const att = await image(source, 'att', {}, [tagOf(arm, 'att')]);
    const { to, carried } = await copied(source, [index]);
    expect(everything(to)).toEqual(everything(source));
    const found = carried.map(({ descriptor, subject, as, tag }) => [descriptor.digest, subject, as, tag]);
    expect(new Set(found)).toEqual(
      new Set([
        [sbom.digest, arm.digest, 'referrer', undefined],
        [signed.digest, sbom.digest, 'referrer', undefined],
        [sig.digest, index.digest, 'tag', tagOf(index, 'sig')],
        [att.digest, arm.digest, 'tag', tagOf(arm, 'att')],
      ]),
    );
    expect((await to.resolve(tagOf(arm, 'att')))?.digest).toBe(att.digest);
    const left = await copied(source, [index], { referrers: false });
    expect(left.carried).toEqual([]);
    expect(left.to.contents.size).toBe(11);
  });

  it('brings what is new about something the sink has', async () => {
    const { source, index, arm } = await multiPlatform();
    const { to } = await copied(source, [index]);
    const sbom = await image(source, 'sbom', { subject: arm });
    const { carried, manifests } = await copied(source, [index], { to });
    expect(carried.map(({ descriptor }) => descriptor.digest)).toEqual([sbom.digest]);
    expect(manifests.put).toBe(1);
  });

  it('takes one platform of an index, or an index of several with their attestations', async () => {
    const { source, index, amd, arm, attestation } = await multiPlatform();
    const one = await copied(source, [index], { platforms: [parsePlatform('linux/amd64')] });
    expect(one.roots[0]?.descriptor.digest).toBe(amd.digest);
    const other = await copied(source, [index], {
      platforms: [parsePlatform('linux/arm64'), parsePlatform('linux/arm64/v8')],
    });
    const root = other.roots[0]?.descriptor;
    const bytes = other.to.contents.get(root?.digest ?? index.digest) ?? Buffer.of();
    const manifest = parseManifest(bytes, ociIndex);
    expect(manifest).toMatchObject({
      annotations: { a: 'b' },
      manifests: [{ digest: arm.digest }, { digest: attestation.digest }],
    });
    const both = await copied(source, [index], {
      platforms: [parsePlatform('linux/arm64'), parsePlatform('linux/amd64')],
    });
    expect(both.roots[0]?.descriptor.digest).toBe(index.digest);
    await expect(copied(source, [index], { platforms: [parsePlatform('linux/s390x')] })).rejects.toThrow(
      /has nothing for linux\/s390x; it names linux\/amd64, linux\/arm64\/v8/,
    );
  });

  it('leaves out what may not be distributed, unless it is asked for', async () => {
    const source = memoryStore();
    const config = await putBlob(source, '{}', ociConfig);
    const foreign = await putBlob(source, 'foreign', ociLayerNonDistributable);
    const root = await put(source, ociManifest, { config, layers: [foreign] });
    const without = await copied(source, [root]);
    expect(without.left).toEqual([foreign]);
    expect(without.to.contents.has(foreign.digest)).toBe(false);
    const all = await copied(source, [root], { nonDistributable: true });
    expect(all.to.contents.has(foreign.digest)).toBe(true);
  });

  it('plans and puts nothing when it is dry', async () => {
    const { source, index, amd } = await multiPlatform();
    const { to } = await copied(source, [amd], { tags: [] });
    const before = everything(to);
    const { manifests, sent, present } = await copied(source, [index], { to, dryRun: true });
    expect([manifests, sent.blobs, present.blobs]).toEqual([{ put: 3, present: 1 }, 4, 1]);
    expect(everything(to)).toEqual(before);
    expect(await to.resolve('1')).toBeUndefined();
  });

  it('checks every blob and manifest', async () => {
    const { source, index } = await multiPlatform();
    for (const digest of source.contents.keys()) {
      const damaged: Source = {
        ...bound(source),
        manifest: async (descriptor, options) =>
          flip(await source.manifest(descriptor, options), descriptor.digest === digest),
        blob: async (descriptor, options) => {
          const bytes = await collect(await source.blob(descriptor, options), 1e6, 'blob');
          return streamOf(flip(bytes, descriptor.digest === digest));
        },
      };
      const to = memoryStore();
      const failure = await copy(damaged, to, [{ descriptor: index, tags: ['1'] }]).catch(
        (error: unknown) => error,
      );
      expect(isOciError(failure, 'DIGEST_MISMATCH')).toBe(true);
      expect(await to.resolve('1')).toBeUndefined();
      expect(to.contents.has(digest)).toBe(false);
    }
  });

  it('believes no size of two for the same content, whichever comes first', async () => {
    const source = memoryStore('source');
    const config = await putBlob(source, '{}', ociConfig);
    const layer = await putBlob(source, 'layer');
    const other = await image(source, 'other');
    const lie = { ...layer, size: layer.size + 1 };
    for (const layers of [
      [layer, lie],
      [lie, layer],
    ]) {
      const one = await put(source, ociManifest, { config, layers });
      const apart = await Promise.all(
        layers.map((entry) => put(source, ociManifest, { config, layers: [entry] })),
      );
      const wrong = { ...other, size: other.size + 1 };
      const index = await put(source, ociIndex, { manifests: [other, wrong] });
      for (const roots of [[one], apart, [index]]) {
        const to = memoryStore();
        const work = copy(
          source,
          to,
          roots.map((descriptor) => ({ descriptor, tags: ['1'] })),
        );
        await expect(work).rejects.toThrow(expect.objectContaining({ code: 'CONTENT_INVALID' }));
        await expect(work).rejects.toThrow('two sizes');
        expect(to.contents.size).toBe(0);
      }
    }
  });

  it('walks no graph without end', () => {
    const ledger = new Ledger('source', 2);
    const entry = (text: string): Descriptor => descriptorOf(ociLayer, Buffer.from(text));
    const first = ledger.note(entry('1'));
    ledger.note(entry('2'));
    expect(ledger.note(entry('1'))).toBe(first);
    expect(() => ledger.note(entry('3'))).toThrow(expect.objectContaining({ code: 'SIZE_LIMIT' }));
    const large = new Uint8Array(12 << 20);
    expect([1, 2, 3].map(() => ledger.keep(large) === large)).toEqual([true, true, false]);
  });

  it('stops everything at the first failure, and when it is aborted', async () => {
    const { source, index } = await multiPlatform();
    const abort = new AbortController();
    let waiting = 0;
    const stuck: Source = {
      ...bound(source),
      blob: (_, { signal } = {}) =>
        new Promise((_resolve, reject) => {
          signal?.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
          waiting++;
          if (waiting === 4) abort.abort(new Error('enough'));
        }),
    };
    await expect(copied(stuck, [index], { signal: abort.signal })).rejects.toThrow('enough');
    expect(waiting).toBe(4);
  });
});

function flip(bytes: Uint8Array, damage: boolean): Uint8Array {
  if (!damage) return bytes;
  const changed = Buffer.from(bytes);
  changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1;
  return changed;
}

/** A store's methods, to replace some of them. */
function bound(store: MemoryStore): Source & Sink {
  return {
    name: store.name,
    resolve: store.resolve.bind(store),
    manifest: store.manifest.bind(store),
    blob: store.blob.bind(store),
    ...(store.tags && { tags: store.tags.bind(store) }),
    ...(store.referrers && { referrers: store.referrers.bind(store) }),
    hasManifest: store.hasManifest.bind(store),
    hasBlob: store.hasBlob.bind(store),
    putBlob: store.putBlob.bind(store),
    putManifest: store.putManifest.bind(store),
  };
}

describe('a source that keeps its list of tags to itself', () => {
  it('is asked for signatures by their names', async () => {
    const source = memoryStore('source');
    const root = await image(source, 'signed', {}, ['1']);
    const signature = await image(source, 'signature', {}, [tagOf(root, 'sig')]);
    const silent: Source = {
      name: source.name,
      resolve: (reference) => source.resolve(reference),
      manifest: (descriptor) => source.manifest(descriptor),
      blob: (descriptor) => source.blob(descriptor),
      tags() {
        throw new OciError('DENIED', 'tags of source: GET answered 403');
      },
    };
    const { to, carried } = await copied(silent, [root]);
    expect(carried.map(({ descriptor }) => descriptor.digest)).toEqual([signature.digest]);
    expect((await to.resolve(tagOf(root, 'sig')))?.digest).toBe(signature.digest);
  });
});
