import type { Digest } from '../../oci/index.js';
import type { Blobs } from './blobs.js';
import type { Core } from './core.js';
import { keys, lastPart } from './keys.js';
import type { Leases } from './leases.js';
import type { Manifests } from './manifests.js';
import { remove, scanKeys } from './records.js';
import type { Tags } from './tags.js';

/** Repositories: they come with their first content and go with their last. */
export class Repositories {
  readonly #core: Core;
  readonly #parts: {
    readonly blobs: Blobs;
    readonly manifests: Manifests;
    readonly tags: Tags;
    readonly leases: Leases;
  };

  constructor(core: Core, parts: { blobs: Blobs; manifests: Manifests; tags: Tags; leases: Leases }) {
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
   * Deletes everything in a repository.
   * @throws OciError `DENIED` when it has an immutable tag; nothing is deleted then
   */
  async delete(repo: string): Promise<void> {
    const { blobs, manifests, tags, leases } = this.#parts;
    for await (const key of scanKeys(this.#core.records, keys.tags(repo)))
      tags.requireMutable(repo, lastPart(key));
    for await (const key of scanKeys(this.#core.records, keys.manifests(repo))) {
      const digest = lastPart(key) as Digest;
      while (
        !(await manifests.remove(
          repo,
          digest,
          (await leases.read(repo, digest)).value,
          await tags.of(repo, digest),
        ))
      );
    }
    for await (const key of scanKeys(this.#core.records, keys.links(repo))) {
      const digest = lastPart(key) as Digest;
      while (!(await blobs.unlink(repo, digest, (await leases.read(repo, digest)).value)));
    }
    await this.forget(repo);
  }

  /** Drops a repository that is empty; returns whether it was. */
  async forget(repo: string): Promise<boolean> {
    const { records } = this.#core;
    const key = keys.repository(repo);
    const value = await records.get(key);
    if (value === undefined) return false;
    for (const prefix of [keys.links(repo), keys.manifests(repo)]) {
      if ((await records.keys({ prefix, limit: 1 })).length > 0) return false;
    }
    // Whoever adds content checks this record in the same commit.
    return await records.commit([remove(key)], [{ key, value }]);
  }
}
