import { OciError } from '../oci/index.js';
import type { MemorySnapshot, RegistryOptions, RequestEntry } from '../registry/index.js';
// Past the door: what else it leads to would be read at every start.
import { createRegistry, type Registry } from '../registry/registry.js';
import type { Incoming } from './faults/line.js';

/** An answer, and what the registry says of its request. */
export interface Told {
  readonly answer: Response;
  /** None for a request that the registry never saw. */
  readonly entry?: RequestEntry | undefined;
}

interface Current {
  readonly registry: Registry;
  /** Requests that it has not answered yet. */
  busy: number;
  retired: boolean;
}

/** The registry behind a test registry. When a snapshot is restored, another one takes its place. */
export class World {
  readonly #options: RegistryOptions;
  /** What the registry told of requests, until their answers ask for it. */
  readonly #entries: Map<string, RequestEntry>;
  #current: Current;

  private constructor(options: RegistryOptions, entries: Map<string, RequestEntry>, registry: Registry) {
    this.#options = options;
    this.#entries = entries;
    this.#current = { registry, busy: 0, retired: false };
  }

  /** Opens the first one. @throws OciError as `createRegistry` */
  static async open(options: RegistryOptions): Promise<World> {
    const entries = new Map<string, RequestEntry>();
    const { onRequest } = options;
    const all: RegistryOptions = {
      ...options,
      onRequest: (entry) => {
        // What nobody could read has no answer that would ask for it.
        if (entry.operation !== 'refused') entries.set(entry.id, entry);
        onRequest?.(entry);
      },
    };
    return new World(all, entries, await createRegistry(all));
  }

  get registry(): Registry {
    return this.#current.registry;
  }

  async ask({ request, env }: Incoming): Promise<Told> {
    const current = this.#current;
    current.busy++;
    try {
      const answer = await current.registry.fetch(request, env);
      const id = answer.headers.get('x-request-id') ?? '';
      const entry = this.#entries.get(id);
      this.#entries.delete(id);
      return { answer, entry };
    } finally {
      current.busy--;
      await leave(current);
    }
  }

  /** @throws OciError `UNSUPPORTED` for a registry on disk */
  snapshot(): MemorySnapshot {
    return this.registry.store.snapshot();
  }

  /**
   * Puts a registry with that content in place of this one. Requests under way end with the one that they came to.
   * @throws OciError `UNSUPPORTED` for a registry on disk
   */
  async restore(from: MemorySnapshot): Promise<void> {
    const { storage } = this.#options;
    if (storage !== undefined && storage.kind !== 'memory')
      throw new OciError(
        'UNSUPPORTED',
        'restore of a snapshot: only a registry in memory can, this one is on disk',
      );
    const registry = await createRegistry({ ...this.#options, storage: { kind: 'memory', from } });
    const before = this.#current;
    this.#current = { registry, busy: 0, retired: false };
    before.retired = true;
    await leave(before);
  }

  async close(): Promise<void> {
    await this.#current.registry.close();
  }
}

/** Closes a registry that was replaced, when it has answered all its requests. */
async function leave({ registry, busy, retired }: Current): Promise<void> {
  if (retired && busy === 0) await registry.close();
}
