import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { openStore } from '../../registry/storage/open.js';
import { problemsOf } from '../helpers/storage/consistency.js';
import {
  Pusher,
  Unexpected,
  blobPool,
  imageOf,
  type LoadBlob,
  type LoadImage,
} from '../helpers/storage/pusher.js';
import { Random } from '../helpers/storage/random.js';
import { buildServer, startServer } from '../helpers/storage/server-process.js';
import { tempFolder } from '../helpers/temp.js';

const SCALE = Number(process.env.SCALE ?? 1);
const TIME = 20_000 * SCALE;
const CLIENTS = 10;
const LEASE = 2000;
/** Within this time of being told that a blob exists a client must be able to use it. */
const SAFE = LEASE * 0.75;
const TAGS = ['a', 'b', 'c'] as const;

/** Pushes, pulls and deletes as fast as it can. No request of it may fail. */
class Worker {
  readonly tags = new Map<string, LoadImage>();
  readonly #pool: readonly LoadBlob[];
  readonly #random: Random;
  readonly #pusher: Pusher;
  #images = 0;
  done = 0;
  /** Pushes that took longer than what they were told holds. */
  late = 0;

  constructor(url: string, name: string, pool: readonly LoadBlob[], random: Random) {
    this.#pool = pool;
    this.#random = random;
    this.#pusher = new Pusher(url, name, random);
  }

  get repo(): string {
    return this.#pusher.repo;
  }

  async run(until: number): Promise<void> {
    for (; Date.now() < until; this.done++) {
      const [tag, image] = this.#random.pick([...this.tags, [undefined, undefined] as const]);
      const dice = this.#random.next();
      if (tag === undefined || image === undefined || dice < 0.5) await this.#push();
      else if (dice < 0.8) await this.#pusher.pull(image);
      else if (dice < 0.9) {
        await this.#pusher.delete(tag);
        this.tags.delete(tag);
      } else {
        await this.#pusher.delete(image.digest);
        for (const [other, { digest }] of this.tags) if (digest === image.digest) this.tags.delete(other);
      }
    }
  }

  async #push(): Promise<void> {
    const layers = Array.from({ length: 1 + this.#random.below(3) }, () => this.#random.pick(this.#pool));
    const image = imageOf(`${this.repo} ${this.#images++}`, [...new Set(layers)]);
    const tag = this.#random.pick(TAGS);
    const started = Date.now();
    try {
      for (const blob of image.blobs) {
        const from = this.#random.chance(0.5) ? `client-${this.#random.below(CLIENTS)}` : undefined;
        if (!(await this.#pusher.has(blob))) await this.#pusher.push(blob, from);
      }
      await this.#pusher.putManifest(image, tag);
      this.tags.set(tag, image);
    } catch (error) {
      const over = error instanceof Unexpected && error.message.includes('MANIFEST_BLOB_UNKNOWN');
      if (!over || Date.now() - started < SAFE) throw error;
      this.late++;
    }
  }
}

describe.each(['auto', 'leveldb'] as const)('collection all the time under load (%s)', (kind) => {
  it(
    'fails no request, takes nothing that is needed, and leaves nothing that is not',
    async () => {
      const folder = await tempFolder();
      const options = { kind, folder, lease: LEASE, inlineLimit: 64 * 1024, collectEvery: 0 };
      const server = await startServer(await buildServer(), options);
      const pool = blobPool(40);
      const workers = Array.from(
        { length: CLIENTS },
        (_, at) => new Worker(server.url, `client-${at}`, pool, new Random(at + 1)),
      );
      try {
        await Promise.all(workers.map((worker) => worker.run(Date.now() + TIME)));
        // What is not needed is leased no longer than this.
        await delay(LEASE * 1.5);
        const { collections, collected, delay: loop, errors } = await server.report();
        const sum = (of: (worker: Worker) => number): number =>
          workers.reduce((total, worker) => total + of(worker), 0);
        process.stdout.write(
          `${kind}: ${sum(({ done }) => done)} operations, ${sum(({ late }) => late)} late, ${collections} collections took ${collected}; ` +
            `event loop delay mean ${loop.mean} ms, p99 ${loop.p99} ms, max ${loop.max} ms\n`,
        );
        expect(errors).toEqual([]);
        expect(collections).toBeGreaterThan(10);
        expect(collected).toBeGreaterThan(10);
      } finally {
        await server.kill();
      }
      const store = await openStore({ kind, folder });
      try {
        expect(await problemsOf(store, { orphans: true })).toEqual([]);
        const needed = workers.flatMap(({ repo, tags }) =>
          [...tags.values()].flatMap(({ blobs }) => blobs.map(({ digest }) => `l!${repo}!${digest}`)),
        );
        const links = await store.core.records.keys({ prefix: 'l!', limit: 10_000 });
        expect(links).toEqual([...new Set(needed)].toSorted());
        for (const { repo, tags } of workers)
          for (const [tag, { digest }] of tags)
            expect((await store.tags.get(repo, tag))?.digest).toBe(digest);
      } finally {
        await store.close();
      }
    },
    TIME + 120_000,
  );
});
