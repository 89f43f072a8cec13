import { OciError } from '../../oci/index.js';
import { Blobs } from './blobs.js';
import { Collector, type CollectOptions, type CollectReport } from './collect.js';
import type { Core } from './core.js';
import { Leases } from './leases.js';
import { Manifests } from './manifests.js';
import type { MemorySnapshot } from './memory.js';
import { Quotas } from './quotas.js';
import { Referrers } from './referrers.js';
import { Repositories } from './repositories.js';
import { Tags } from './tags.js';
import { Uploads } from './uploads.js';

interface StoreState {
  readonly collectAfter: number;
  readonly snapshot?: (() => MemorySnapshot) | undefined;
}

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
  readonly #collectAfter: number;
  readonly #snapshot: (() => MemorySnapshot) | undefined;
  #collecting: { readonly options: CollectOptions; readonly report: Promise<CollectReport> } | undefined;
  readonly #closing = new AbortController();

  /**
   * @param state `collectAfter`: no collection before this time, in milliseconds since the epoch, because leases may have
   *   been lost; `snapshot` takes one, where the drivers can
   */
  constructor(core: Core, { collectAfter, snapshot }: StoreState, close: () => Promise<void>) {
    this.core = core;
    this.#snapshot = snapshot;
    this.#close = close;
    this.#collectAfter = collectAfter;
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

  /** Collects what nothing needs while requests go on. A call during a run of the same kind gets that run's report. */
  async collect(options: CollectOptions & { readonly force?: boolean } = {}): Promise<CollectReport> {
    if (options.force !== true && this.core.now() < this.#collectAfter) {
      return { blobs: 0, bytes: 0, manifests: 0, uploads: 0, repositories: 0 };
    }
    while (this.#collecting !== undefined) {
      const { options: others, report } = this.#collecting;
      if (isSameKind(options, others)) return await report;
      await report.catch(() => undefined);
    }
    const signals = options.signal === undefined ? [] : [options.signal];
    const signal = AbortSignal.any([...signals, this.#closing.signal]);
    const report = this.#collector.run({ ...options, signal }).finally(() => {
      this.#collecting = undefined;
    });
    this.#collecting = { options, report };
    return await report;
  }

  /**
   * All content as it stands, in constant time: another store in memory can begin with it.
   * @throws OciError `UNSUPPORTED` when the store is not in memory
   */
  snapshot(): MemorySnapshot {
    if (this.#snapshot === undefined)
      throw new OciError(
        'UNSUPPORTED',
        'a snapshot of the store: only one in memory can give it, this lies on disk',
      );
    return this.#snapshot();
  }

  /** Ends a collection under way and closes the drivers. */
  async close(): Promise<void> {
    this.#closing.abort(new OciError('STORE_CLOSED', 'the store is closed'));
    await this.#collecting?.report.catch(() => undefined);
    await this.#close();
  }
}

const isSameKind = (left: CollectOptions, right: CollectOptions): boolean =>
  left.untagged === right.untagged && left.dryRun === right.dryRun && left.signal === right.signal;
