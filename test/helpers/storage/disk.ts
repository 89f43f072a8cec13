import type { Loan } from '../../../registry/storage/aligned-memory.js';
import { FileBytes } from '../../../registry/storage/file-bytes.js';
import { openWith, type Drivers, type OpenOptions } from '../../../registry/storage/open.js';
import { RecordBytes } from '../../../registry/storage/record-bytes.js';
import type { Store } from '../../../registry/storage/store.js';
import { ALIGNMENT, LossyFiles } from './lossy-files.js';
import { LossyLevel } from './lossy-level.js';
import { Random } from './random.js';
import { Steps } from './steps.js';

const ROOT = '/data';

/** Large ones, so that huge uploads take few steps. */
const BLOCK = 1024 * ALIGNMENT;

/** Small enough for the uploads of tests. */
const DIRECT = {
  from: 1200,
  lend: (): Loan => ({
    alignment: ALIGNMENT,
    blocks: [new Uint8Array(BLOCK), new Uint8Array(BLOCK)],
    give: () => undefined,
  }),
};

/** The medium of a data folder: it outlives the process that has it open, and may lose what was not synced. */
export class Disk {
  readonly random: Random;
  readonly steps: Steps;
  readonly files: LossyFiles;
  readonly #level: LossyLevel;
  readonly #kind: 'auto' | 'leveldb';
  #clean = true;
  #rebooted = false;

  constructor(kind: 'auto' | 'leveldb', seed: number) {
    this.#kind = kind;
    this.random = new Random(seed);
    this.steps = new Steps(this.random);
    this.files = new LossyFiles(ROOT, this.steps, this.random);
    this.#level = new LossyLevel(this.steps, this.random);
  }

  /** Opens the store that is on it. */
  async open(options: OpenOptions): Promise<Store> {
    return await openWith(await this.#drivers(), options);
  }

  /** The process ends here and now. */
  kill(): void {
    this.steps.die();
  }

  /** The power goes, and the process with it. */
  losePower(): void {
    this.steps.die();
    this.files.losePower();
    this.#level.losePower();
    this.#rebooted = true;
  }

  async #drivers(): Promise<Drivers> {
    const clean = this.#clean;
    let settled = clean;
    this.#clean = false;
    const records = await this.#level.open();
    const bytes =
      this.#kind === 'leveldb'
        ? new RecordBytes(records)
        : new FileBytes(this.files, ROOT, { direct: DIRECT });
    return {
      records,
      bytes,
      free: () => this.files.free(),
      clean,
      rebooted: this.#rebooted && !clean,
      settle: async () => {
        await this.steps.wait();
        settled = true;
        this.#rebooted = false;
      },
      close: async () => {
        await bytes.flush();
        await records.close();
        this.#clean = settled;
      },
    };
  }
}
