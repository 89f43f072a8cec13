import { Blobs } from './blobs.js';
import { Collector, type CollectOptions, type CollectReport } from './collect.js';
import type { Core } from './core.js';
import { Leases } from './leases.js';
import { Manifests } from './manifests.js';
import { Quotas } from './quotas.js';
import { Referrers } from './referrers.js';
import { Repositories } from './repositories.js';
import { Tags } from './tags.js';
import { Uploads } from './uploads.js';

/** Every rule of what is stored, above any pair of drivers. Knows nothing of HTTP. */
export class Store {
  readonly blobs: Blobs;
  readonly uploads: Uploads;
  readonly manifests: Manifests;
  readonly tags: Tags;
  readonly referrers: Referrers;
  readonly repositories: Repositories;
  readonly quotas: Quotas;
  readonly core: Core;
  readonly #collector: Collector;
  readonly #close: () => Promise<void>;
  /** No collection before this time: leases may have been lost. */
  readonly #collectAfter: number;
  #collecting: Promise<CollectReport> | undefined;

  /** @param state how the store was left: after an unclean end the collector waits one lease */
  constructor(core: Core, state: { readonly clean: boolean }, close: () => Promise<void>) {
    this.core = core;
    this.#close = close;
    this.#collectAfter = state.clean ? 0 : core.now() + core.rules.lease;
    const leases = new Leases(core);
    this.quotas = new Quotas(core);
    this.blobs = new Blobs(core, leases, this.quotas);
    this.uploads = new Uploads(core, this.blobs, this.quotas);
    this.tags = new Tags(core);
    this.manifests = new Manifests(core, leases, this.tags);
    this.referrers = new Referrers(core);
    this.repositories = new Repositories(core, {
      blobs: this.blobs,
      manifests: this.manifests,
      tags: this.tags,
      leases,
    });
    this.#collector = new Collector(core, {
      blobs: this.blobs,
      manifests: this.manifests,
      tags: this.tags,
      leases,
      uploads: this.uploads,
      repositories: this.repositories,
    });
  }

  /** Milliseconds since the epoch before which nothing is collected. */
  get collectAfter(): number {
    return this.#collectAfter;
  }

  /** Collects what nothing needs while requests go on. A call during a run gets that run's report. */
  collect(options: CollectOptions & { readonly force?: boolean } = {}): Promise<CollectReport> {
    if (options.force !== true && this.core.now() < this.#collectAfter) {
      return Promise.resolve({ blobs: 0, bytes: 0, manifests: 0, uploads: 0, repositories: 0 });
    }
    this.#collecting ??= this.#collector.run(options).finally(() => {
      this.#collecting = undefined;
    });
    return this.#collecting;
  }

  async close(): Promise<void> {
    await this.#collecting?.catch(() => undefined);
    await this.#close();
  }
}
