import { isOciError, type Digest } from '../../oci/index.js';
import type { Blobs } from './blobs.js';
import type { Core } from './core.js';
import { parentOf } from './edges.js';
import { keys, lastPart } from './keys.js';
import type { Leases } from './leases.js';
import type { Manifests } from './manifests.js';
import { scanKeys } from './records.js';
import { leave } from './repository-record.js';
import type { Tags } from './tags.js';

interface Parts {
  readonly blobs: Blobs;
  readonly manifests: Manifests;
  readonly tags: Tags;
  readonly leases: Leases;
}

/** Repositories: they come with their first content and go with their last. */
export class Repositories {
  readonly #core: Core;
  readonly #parts: Parts;

  constructor(core: Core, parts: Parts) {
    this.#core = core;
    this.#parts = parts;
  }

  async exists(repo: string): Promise<boolean> {
    return (await this.#core.records.get(keys.repository(repo))) !== undefined;
  }

  /** Names in byte order, behind `after`. */
  async *list(after?: string): AsyncGenerator<string> {
    const from = after === undefined ? undefined : keys.repository(after);
    for await (const key of scanKeys(this.#core.records, keys.repositories, from)) yield lastPart(key);
  }

  /**
   * Deletes everything in a repository. What is pushed meanwhile may stay, and then whole.
   * @throws OciError `DENIED` when it has an immutable tag; nothing is deleted then
   */
  async delete(repo: string): Promise<void> {
    const { records } = this.#core;
    for await (const key of scanKeys(records, keys.tags(repo)))
      this.#parts.tags.requireMutable(repo, lastPart(key));
    // Each round takes what no index needs, and frees what those had pointed to.
    for (let found = true; found;) {
      found = false;
      for await (const key of scanKeys(records, keys.manifests(repo)))
        if (await this.#deleteManifest(repo, lastPart(key) as Digest)) found = true;
    }
    for await (const key of scanKeys(records, keys.links(repo)))
      await this.#deleteBlob(repo, lastPart(key) as Digest);
    await this.forget(repo);
  }

  /** Drops a repository that is empty; returns whether it was. */
  async forget(repo: string): Promise<boolean> {
    return await leave(this.#core, repo);
  }

  /** Returns false when an index needs the manifest, or it is gone. */
  async #deleteManifest(repo: string, digest: Digest): Promise<boolean> {
    const { leases, manifests, tags } = this.#parts;
    try {
      for (;;) {
        const { value: lease } = await leases.read(repo, digest);
        const names = await tags.of(repo, digest);
        for (const tag of names) tags.requireMutable(repo, tag);
        if ((await parentOf(this.#core.records, repo, digest)) !== undefined) return false;
        if (await manifests.remove(repo, digest, lease, names)) return true;
      }
    } catch (error) {
      if (isOciError(error, 'MANIFEST_UNKNOWN')) return false;
      throw error;
    }
  }

  /** Leaves a blob that a manifest needs by now: that came meanwhile. */
  async #deleteBlob(repo: string, digest: Digest): Promise<void> {
    try {
      await this.#parts.blobs.delete(repo, digest);
    } catch (error) {
      if (!isOciError(error, 'BLOB_UNKNOWN') && !isOciError(error, 'UNSUPPORTED')) throw error;
    }
  }
}
