import { MemoryBytes, type MemoryContent } from './memory-bytes.js';
import { MemoryRecords } from './memory-records.js';
import type { SortedMap } from './sorted-map.js';

/** A store in memory as it stood at a moment. It costs what has changed since, and never changes itself. */
export class MemorySnapshot {
  readonly #records: SortedMap<Uint8Array>;
  readonly #bytes: SortedMap<MemoryContent>;

  /** @internal */
  constructor(records: MemoryRecords, bytes: MemoryBytes) {
    this.#records = records.snapshot();
    this.#bytes = bytes.snapshot();
  }

  /** Drivers that begin with what was there, and share nothing that either could see the other change. @internal */
  drivers(): { readonly records: MemoryRecords; readonly bytes: MemoryBytes } {
    return { records: new MemoryRecords(this.#records.clone()), bytes: new MemoryBytes(this.#bytes.clone()) };
  }
}
