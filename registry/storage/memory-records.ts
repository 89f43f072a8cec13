import { OciError } from '../../oci/index.js';
import { sameValue, type Operation, type Precondition, type RangeOptions, type Records } from './records.js';
import { sortedMap, type SortedMap } from './sorted-map.js';

/** Records in memory. Every call does its work at once, so nothing can come between. */
export class MemoryRecords implements Records {
  readonly #map: SortedMap<Uint8Array>;
  #closed = false;

  /** @param map what is there from the start, now owned by these records */
  constructor(map: SortedMap<Uint8Array> = sortedMap()) {
    this.#map = map;
  }

  /** Everything as it stands, in constant time. */
  snapshot(): SortedMap<Uint8Array> {
    return this.#open().clone();
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    return this.#open().get(key);
  }

  async range(options: RangeOptions): Promise<readonly (readonly [string, Uint8Array])[]> {
    const { bytes: most = Infinity } = options;
    const found: [string, Uint8Array][] = [];
    let bytes = 0;
    for (const entry of within(this.#open(), options)) {
      found.push(entry);
      bytes += entry[1].byteLength;
      if (bytes >= most) break;
    }
    return found;
  }

  async keys(options: RangeOptions): Promise<readonly string[]> {
    return [...within(this.#open(), options)].map(([key]) => key);
  }

  async commit(
    operations: readonly Operation[],
    preconditions: readonly Precondition[] = [],
  ): Promise<boolean> {
    const map = this.#open();
    const holds = preconditions.every((precondition) => {
      const value = map.get(precondition.key);
      return 'present' in precondition ? value !== undefined : sameValue(value, precondition.value);
    });
    if (!holds) return false;
    for (const operation of operations) {
      if (operation.type === 'put') map.set(operation.key, operation.value);
      else map.delete(operation.key);
    }
    return true;
  }

  async flush(): Promise<void> {
    this.#open();
  }

  async *entries(): AsyncGenerator<readonly [string, Uint8Array]> {
    yield* this.snapshot().entries();
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  #open(): SortedMap<Uint8Array> {
    if (this.#closed) throw new OciError('STORE_CLOSED', 'the store is closed');
    return this.#map;
  }
}

/** The records of a range, behind its prefix and behind `after`. */
function* within(
  map: SortedMap<Uint8Array>,
  { prefix, after, limit }: RangeOptions,
): Generator<[string, Uint8Array], undefined> {
  const behind = after !== undefined && after > prefix ? after : prefix;
  let left = limit;
  if (left <= 0) return;
  for (const entry of map.entries(behind)) {
    if (!entry[0].startsWith(prefix)) return;
    if (entry[0] === behind) continue;
    yield entry;
    if (--left <= 0) return;
  }
}
