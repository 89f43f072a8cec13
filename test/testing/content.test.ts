import { gunzipSync } from 'node:zlib';
import { extract } from 'tar-stream';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MEDIA_TYPES, digestOf, parseManifest } from '../../oci/index.js';
import {
  describedArtifact,
  describedImage,
  describedIndex,
  randomImage,
  randomIndex,
  seededBytes,
  type Content,
  type Files,
} from '../../testing/index.js';
import { storedGzip } from '../../testing/content/gzip.js';
import { tarOf } from '../../testing/content/tar.js';

interface Found {
  readonly name: string;
  readonly type: string;
  readonly mode: number;
  readonly text: string;
  readonly link: string;
}

/** Reads a tar with a reader that is not ours. */
async function untar(bytes: Uint8Array): Promise<Found[]> {
  const found: Found[] = [];
  const reader = extract();
  reader.end(bytes);
  for await (const entry of reader) {
    const chunks: Buffer[] = [];
    for await (const chunk of entry) chunks.push(chunk as Buffer);
    const { name, type, mode, linkname } = entry.header;
    const text = Buffer.concat(chunks).toString('latin1');
    found.push({ name, type: type ?? '', mode: mode ?? 0, text, link: linkname ?? '' });
  }
  return found;
}

/** Every digest and size is that of its bytes, and every manifest is one, over what is there. */
function check(content: Content): void {
  for (const { descriptor, bytes } of [...content.blobs, ...content.manifests]) {
    expect(descriptor.digest).toBe(digestOf(bytes));
    expect(descriptor.size).toBe(bytes.byteLength);
  }
  const known = new Set([...content.blobs, ...content.manifests].map(({ descriptor }) => descriptor.digest));
  for (const { descriptor, bytes } of content.manifests) {
    const manifest = parseManifest(bytes, descriptor.mediaType);
    const below = manifest.kind === 'index' ? manifest.manifests : [manifest.config, ...manifest.layers];
    for (const { digest } of below) expect(known).toContain(digest);
  }
  expect(content.manifests.at(-1)?.descriptor).toEqual(content.descriptor);
  expect(content.digest).toBe(content.descriptor.digest);
}

describe('random content', () => {
  it('has the same digests on every machine', () => {
    expect(digestOf(seededBytes('seed', 100_000))).toMatchInlineSnapshot(
      `"sha256:7806a1fe1caad6b036e730c79cba35dbf636a2f3d888b1f8e63c4f289acc8323"`,
    );
    expect(randomImage().digest).toMatchInlineSnapshot(
      `"sha256:7fce8ed8f0fcb52c12fd88a114fd9c1e0dac90d052c20724afb79368bd646f00"`,
    );
    expect(
      randomImage({ seed: 'x', layers: 3, layerSize: 70_000, compression: 'gzip' }).digest,
    ).toMatchInlineSnapshot(`"sha256:925f8de121f176756a0d367f01cfc302220d58aef976cba7aab606a4b61103ca"`);
    expect(randomIndex().digest).toMatchInlineSnapshot(
      `"sha256:0f22b110d9c4a1d4dc2192f129725408342f123f6fd1dc1b9e6890bfdf347df7"`,
    );
    expect(randomIndex({ seed: 1, format: 'docker' }).digest).toMatchInlineSnapshot(
      `"sha256:e3f19480b59adcc291e7c68ee925c5e00eea117a9a1ecd48ae73c392416e2ddc"`,
    );
  });

  it('is whole', () => {
    check(randomImage({ layers: 0 }));
    check(randomImage({ layers: 4, layerSize: 100, format: 'docker', compression: 'gzip' }));
    check(randomIndex({ platforms: ['linux/amd64', 'linux/arm64/v8', 'windows/amd64:10.0.20348'] }));
  });

  it('differs by seed, layer and platform', () => {
    const { images } = randomIndex();
    const all = [randomImage(), randomImage({ seed: 1 }), ...images];
    const digests = all.flatMap(({ layers, config }) =>
      [config, ...layers].map((item) => item.descriptor.digest),
    );
    expect(new Set(digests).size).toBe(digests.length);
  });

  it('has layers of one file of the size asked for', async () => {
    const [layer] = randomImage({ seed: 5, layers: 1, layerSize: 700 }).layers;
    const [file] = await untar(layer?.bytes ?? Buffer.alloc(0));
    expect(file).toMatchObject({ name: 'random-0.bin', type: 'file' });
    expect(file?.text).toHaveLength(700);
  });

  it.each([{ layers: -1 }, { layers: 1.5 }, { layerSize: Number.NaN }, { platform: 'linux' }])(
    'refuses %o',
    (options) => {
      expect(() => randomImage(options)).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
    },
  );
});

describe('described content', () => {
  it('has the same digests on every machine', () => {
    const image = describedImage({
      files: { '/etc/motd': 'hi', 'bin/sh': { content: '#!', mode: 0o755 }, 'bin/bash': { link: 'sh' } },
      layers: 1,
      platform: 'linux/arm64/v8',
      config: { Env: ['A=b'] },
      annotations: { 'org.example': 'yes' },
    });
    check(image);
    expect(image.digest).toMatchInlineSnapshot(
      `"sha256:124716121530677897850ccf4254b2f4694ab171451c10e0eddc8d05f8be4f78"`,
    );
    expect(describedImage().digest).toMatchInlineSnapshot(
      `"sha256:ddc3804d6288c3725df087cf0a891b59a62083932c351517b11eff28ce73d5ce"`,
    );
  });

  it('does not depend on the order of files', () => {
    expect(describedImage({ files: { a: '1', b: '2' } })).toEqual(
      describedImage({ files: { b: '2', a: '1' } }),
    );
  });

  it('says what it is in its config', () => {
    const image = describedImage({ files: { a: '1' }, platform: 'linux/arm64/v8', config: { Cmd: ['x'] } });
    const config = JSON.parse(Buffer.from(image.config.bytes).toString()) as Record<string, unknown>;
    expect(config).toMatchObject({
      os: 'linux',
      architecture: 'arm64',
      variant: 'v8',
      config: { Cmd: ['x'] },
      rootfs: { type: 'layers', diff_ids: image.layers.map(({ descriptor }) => descriptor.digest) },
    });
  });

  it('names uncompressed layers in the config of a compressed image', () => {
    const files = { a: 'x'.repeat(200_000) };
    const plain = describedImage({ files });
    const packed = describedImage({ files, compression: 'gzip' });
    expect(packed.config).toEqual(plain.config);
    expect(packed.layers[0]?.descriptor.mediaType).toBe(MEDIA_TYPES.ociLayerGzip);
    expect(digestOf(gunzipSync(packed.layers[0]?.bytes ?? ''))).toBe(plain.layers[0]?.descriptor.digest);
  });

  it('shares files among the images of an index, and nothing else', () => {
    const index = describedIndex({ files: { a: '1' }, layers: 1, platforms: ['linux/amd64', 'linux/arm64'] });
    check(index);
    const [one, two] = index.images;
    expect(one?.layers[0]).toEqual(two?.layers[0]);
    expect(one?.layers[1]).not.toEqual(two?.layers[1]);
    expect(JSON.parse(Buffer.from(index.manifest).toString())).toMatchObject({
      manifests: [
        { digest: one?.digest, platform: { os: 'linux', architecture: 'amd64' } },
        { digest: two?.digest, platform: { os: 'linux', architecture: 'arm64' } },
      ],
    });
  });

  it('makes artifacts that refer to something', () => {
    const image = randomImage();
    const artifact = describedArtifact({
      artifactType: 'application/vnd.example.sbom',
      blobs: [{ mediaType: 'application/json', content: '{"a":1}', annotations: { title: 'x' } }],
      subject: image,
    });
    check(artifact);
    expect(JSON.parse(Buffer.from(artifact.manifest).toString())).toMatchObject({
      artifactType: 'application/vnd.example.sbom',
      config: { mediaType: MEDIA_TYPES.ociEmpty, size: 2 },
      layers: [{ mediaType: 'application/json', size: 7, annotations: { title: 'x' } }],
      subject: image.descriptor,
    });
    const bare = describedArtifact({ artifactType: 'a/b', subject: image.descriptor });
    expect(bare.layers).toEqual([bare.config]);
    check(bare);
  });
});

describe('tarOf', () => {
  it('writes what others read', async () => {
    const files: Files = {
      '/usr/bin/tool': { content: Buffer.from([0, 255]), mode: 0o755 },
      './usr/lib/': '',
      'usr/bin/t': { link: 'tool' },
    };
    expect(await untar(tarOf(files))).toEqual([
      { name: 'usr/', type: 'directory', mode: 0o755, text: '', link: '' },
      { name: 'usr/bin/', type: 'directory', mode: 0o755, text: '', link: '' },
      { name: 'usr/bin/t', type: 'symlink', mode: 0o777, text: '', link: 'tool' },
      { name: 'usr/bin/tool', type: 'file', mode: 0o755, text: '\0ÿ', link: '' },
      { name: 'usr/lib/', type: 'directory', mode: 0o755, text: '', link: '' },
    ]);
  });

  it('holds any file', async () => {
    const name = fc.stringMatching(/^[a-z][a-z0-9_.-]{0,60}$/);
    const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'));
    const content = fc.uint8Array({ maxLength: 2000 });
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(path, content), { maxLength: 5 }), async (entries) => {
        const files = new Map(entries);
        const found = await untar(tarOf(Object.fromEntries(files)));
        const read = new Map(
          found
            .filter(({ type }) => type === 'file')
            .map((file) => [file.name, Buffer.from(file.text, 'latin1')]),
        );
        for (const [file, bytes] of files) expect(read.get(file)).toEqual(Buffer.from(bytes));
        expect(read.size).toBe(files.size);
      }),
      { numRuns: 50 },
    );
  });

  it('cuts long names at a slash', async () => {
    const path = `${'a'.repeat(90)}/${'b'.repeat(90)}`;
    expect((await untar(tarOf({ [path]: 'x' }))).map(({ name }) => name)).toContain(path);
  });

  it.each([
    ['', 'x'],
    ['/', 'x'],
    ['a'.repeat(101), 'x'],
    [`${'a'.repeat(156)}/b`, 'x'],
    ['link', { link: 'a'.repeat(101) }],
  ])('refuses the path %s', (path, value) => {
    expect(() => tarOf({ [path]: value })).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
  });
});

describe('storedGzip', () => {
  it.each([0, 1, 65_535, 65_536, 200_000])('holds %i bytes', (size) => {
    const bytes = seededBytes(size, size);
    expect(gunzipSync(storedGzip(bytes)).equals(bytes)).toBe(true);
  });
});
