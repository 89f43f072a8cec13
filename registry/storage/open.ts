import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { MemoryLevel } from 'memory-level';
import { OciError } from '../../oci/index.js';
import type { Bytes } from './bytes.js';
import { DEFAULT_RULES, type Core, type StoreRules } from './core.js';
import { FileBytes } from './file-bytes.js';
import { HeldBytes } from './held-bytes.js';
import { nodeFiles } from './files.js';
import { keys } from './keys.js';
import { LevelRecords, type Database } from './level-records.js';
import { own } from './owner.js';
import { RecordBytes } from './record-bytes.js';
import { put, type Records } from './records.js';
import { Store } from './store.js';
import { decode, encode } from './values.js';

/**
 * Where content is kept. `auto`: records and small blobs in LevelDB, large blobs as files beside it. `leveldb`: every
 * byte in LevelDB. `memory`: nowhere.
 */
export type StorageOptions =
  | { readonly kind: 'memory' }
  | { readonly kind: 'auto' | 'leveldb'; readonly folder: string };

export interface OpenOptions {
  readonly rules?: Partial<StoreRules>;
  readonly now?: () => number;
  readonly newId?: () => string;
}

/** The format this code writes. A newer one is refused; steps from older ones belong in `migrate`. */
const FORMAT = 1;

const DB_OPTIONS = { keyEncoding: 'utf8', valueEncoding: 'view' } as const;

/** The two drivers of a store, opened, and how the store was left. */
export interface Drivers {
  readonly records: Records;
  readonly bytes: Bytes;
  readonly free: () => Promise<number>;
  readonly clean: boolean;
  /** The machine was started again since the store was last open: what was not synced may be gone. */
  readonly rebooted: boolean;
  close(): Promise<void>;
}

/**
 * Opens a store, alone.
 * @throws OciError `STORE_LOCKED` when another process or this one has the folder open, `STORE_VERSION` when a newer
 *   version wrote it
 */
export async function openStore(storage: StorageOptions, options: OpenOptions = {}): Promise<Store> {
  const drivers = await openDrivers(storage);
  try {
    const core: Core = {
      records: drivers.records,
      bytes: new HeldBytes(drivers.bytes),
      rules: { ...DEFAULT_RULES, ...options.rules },
      now: options.now ?? Date.now,
      newId: options.newId ?? (() => randomBytes(16).toString('hex')),
      free: drivers.free,
      publishing: new Map(),
    };
    const store = new Store(core, drivers, () => drivers.close());
    await store.quotas.open();
    if (drivers.rebooted) await store.uploads.reset();
    return store;
  } catch (error) {
    await drivers.close();
    throw error;
  }
}

/** Opens the drivers of a store. @throws OciError as `openStore` */
export async function openDrivers(storage: StorageOptions): Promise<Drivers> {
  if (storage.kind === 'memory') return openMemory();
  const { folder, kind } = storage;
  await mkdir(folder, { recursive: true, mode: 0o750 });
  const owner = await own(folder);
  let records: Records | undefined;
  try {
    const opened = await openLevel(join(folder, 'db'));
    records = opened;
    await migrate(opened, folder);
    return {
      records: opened,
      bytes: await chooseBytes(opened, folder, kind),
      free: freeSpace(folder),
      clean: owner.clean,
      rebooted: owner.rebooted,
      async close() {
        // A synced commit takes with it every lease that was written without.
        await opened.commit([put(keys.setting('closed'), encode(Date.now()))]);
        await opened.close();
        await owner.release();
      },
    };
  } catch (error) {
    await records?.close();
    await owner.release();
    throw error;
  }
}

function openMemory(): Drivers {
  const db = new MemoryLevel<string, Uint8Array>({
    storeEncoding: 'view',
    ...DB_OPTIONS,
  }) as unknown as Database;
  const records = new LevelRecords(db);
  return {
    records,
    bytes: new RecordBytes(records),
    free: () => Promise.resolve(Number.MAX_SAFE_INTEGER),
    clean: true,
    rebooted: false,
    close: () => records.close(),
  };
}

async function openLevel(path: string): Promise<LevelRecords> {
  const { Level } = await import('level');
  const open = async (): Promise<Database> => {
    const db = new Level<string, Uint8Array>(path, {
      ...DB_OPTIONS,
      // Layers are compressed already; manifests are few.
      compression: false,
      writeBufferSize: 16 * 1024 * 1024,
      cacheSize: 16 * 1024 * 1024,
    });
    await db.open();
    return db;
  };
  return new LevelRecords(await open(), open);
}

/** The kind of a folder is set when it is made: its bytes can lie in one place only. */
async function chooseBytes(records: Records, folder: string, kind: 'auto' | 'leveldb'): Promise<Bytes> {
  const key = keys.setting('blobs');
  const value = await records.get(key);
  const stored = value === undefined ? undefined : decode<string>(value);
  if (stored === undefined) await records.commit([put(key, encode(kind))]);
  else if (stored !== kind) {
    throw new OciError(
      'INVALID_OPTION',
      `data folder ${folder} was made with --blobs ${stored}: open it so, or use another folder`,
    );
  }
  return kind === 'leveldb' ? new RecordBytes(records) : new FileBytes(nodeFiles, folder);
}

async function migrate(records: Records, folder: string): Promise<void> {
  const key = keys.setting('format');
  const value = await records.get(key);
  if (value === undefined) {
    await records.commit([put(key, encode(FORMAT))]);
    return;
  }
  const format = decode<number>(value);
  if (format > FORMAT) {
    throw new OciError(
      'STORE_VERSION',
      `data folder ${folder} has format ${format}, this version reads up to ${FORMAT}: use a newer ocilot`,
    );
  }
}

/** Free space, asked at most twenty times a second: no disk is filled in less than the room that is kept. */
function freeSpace(folder: string): () => Promise<number> {
  let asked = 0;
  let known: Promise<number> | undefined;
  return () => {
    const time = performance.now();
    if (known === undefined || time - asked > 50) {
      asked = time;
      known = nodeFiles.free(folder);
    }
    return known;
  };
}
