import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { MEDIA_TYPES, digestOf, encodeJson, type Digest } from '../../../oci/index.js';
import { importDockerRegistry } from '../../../registry/storage/import-docker.js';
import { openStore } from '../../../registry/storage/open.js';
import { bytesOf } from '../../helpers/content.js';
import { tempFolder } from '../../helpers/temp.js';

/** Writes the files that docker-registry's filesystem driver keeps (registry reference, section 3.1). */
class DockerFolder {
  readonly root: string;

  constructor(folder: string) {
    this.root = join(folder, 'docker/registry/v2');
    mkdirSync(join(this.root, 'repositories'), { recursive: true });
  }

  #write(path: string, content: Uint8Array | string): void {
    mkdirSync(join(this.root, path, '..'), { recursive: true });
    writeFileSync(join(this.root, path), content);
  }

  blob(repo: string, bytes: Uint8Array): Digest {
    const digest = digestOf(bytes);
    const hex = digest.slice(7);
    this.#write(`blobs/sha256/${hex.slice(0, 2)}/${hex}/data`, bytes);
    this.#write(`repositories/${repo}/_layers/sha256/${hex}/link`, digest);
    return digest;
  }

  manifest(repo: string, document: unknown, tag?: string): Digest {
    const bytes = encodeJson(document);
    const digest = digestOf(bytes);
    const hex = digest.slice(7);
    this.#write(`blobs/sha256/${hex.slice(0, 2)}/${hex}/data`, bytes);
    this.#write(`repositories/${repo}/_manifests/revisions/sha256/${hex}/link`, digest);
    if (tag !== undefined) this.#write(`repositories/${repo}/_manifests/tags/${tag}/current/link`, digest);
    return digest;
  }

  image(repo: string, seed: string, tag?: string): { digest: Digest; size: number; layer: Digest } {
    const layer = bytesOf(seed, 2000);
    const config = encodeJson({ seed });
    const document = {
      schemaVersion: 2,
      mediaType: MEDIA_TYPES.dockerManifest,
      config: {
        mediaType: MEDIA_TYPES.dockerConfig,
        size: config.byteLength,
        digest: this.blob(repo, config),
      },
      layers: [
        { mediaType: MEDIA_TYPES.dockerLayer, size: layer.byteLength, digest: this.blob(repo, layer) },
      ],
    };
    return {
      digest: this.manifest(repo, document, tag),
      size: encodeJson(document).byteLength,
      layer: digestOf(layer),
    };
  }
}

describe('import of a docker-registry folder', () => {
  it('takes over images, indexes and tags, and can be run again', async () => {
    const folder = await tempFolder();
    const docker = new DockerFolder(folder);
    const image = docker.image('team/app', 'a', '1.0');
    const index = docker.manifest(
      'team/app',
      {
        schemaVersion: 2,
        mediaType: MEDIA_TYPES.ociIndex,
        manifests: [{ mediaType: MEDIA_TYPES.dockerManifest, digest: image.digest, size: image.size }],
      },
      'multi',
    );
    docker.image('deep/er/blobs', 'a', 'latest');
    const store = await openStore({ kind: 'memory' });
    onTestFinished(() => store.close());

    const report = await importDockerRegistry(store, folder);
    expect(report).toMatchObject({ repositories: 2, manifests: 3, tags: 3, blobs: 2, skipped: [] });
    expect((await store.tags.get('team/app', 'multi'))?.digest).toBe(index);
    expect((await store.manifests.get('team/app', image.digest))?.mediaType).toBe(MEDIA_TYPES.dockerManifest);
    expect(await store.blobs.stat('deep/er/blobs', image.layer)).toMatchObject({ size: 2000 });
    expect(await importDockerRegistry(store, folder)).toMatchObject({ blobs: 0, bytes: 0, skipped: [] });
  });

  it('names what is broken and takes the rest', async () => {
    const folder = await tempFolder();
    const docker = new DockerFolder(folder);
    const good = docker.image('a', 'good', 'good');
    const bad = docker.image('a', 'bad', 'bad');
    rmSync(join(docker.root, `blobs/sha256/${bad.layer.slice(7, 9)}`), { recursive: true });
    const store = await openStore({ kind: 'memory' });
    onTestFinished(() => store.close());
    const report = await importDockerRegistry(store, folder);
    expect(report.skipped.map(({ name }) => name)).toEqual([bad.digest, 'bad']);
    expect(report.skipped[0]?.reason).toContain(bad.layer);
    expect(await store.tags.list('a', { limit: 10 })).toEqual(['good']);
    expect((await store.tags.get('a', 'good'))?.digest).toBe(good.digest);
  });

  it('refuses a folder of another kind', async () => {
    const store = await openStore({ kind: 'memory' });
    onTestFinished(() => store.close());
    await expect(importDockerRegistry(store, await tempFolder())).rejects.toMatchObject({
      code: 'INVALID_OPTION',
    });
  });
});
