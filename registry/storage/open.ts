import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { OciError } from '../../oci/index.js';
import type { Bytes } from './bytes.js';
import { DEFAULT_RULES, type Core, type StoreRules } from './core.js';
import { FileBytes } from './file-bytes.js';
import { HashThread } from './hash-thread.js';
import { HeldBytes } from './held-bytes.js';
import { nodeFiles } from './files.js';
import { FENCES, keys } from './keys.js';
import { MemoryBytes } from './memory-bytes.js';
import { MemoryRecords } from './memory-records.js';
import { MemorySnapshot } from './memory.js';
import { openLevel } from './open-level.js';
import { own, type Owner } from './owner.js';
import { RecordBytes } from './record-bytes.js';
import { put, type Records } from './records.js';
import { Store } from './store.js';
import { decode, encode } from './values.js';

/**
 * Where content is kept. `auto`: records and small blobs in LevelDB, large blobs as files beside it. `leveldb`: every
 * byte in LevelDB. `memory`: nowhere; it may begin with what another such store held.
 */
export type StorageOptions =
  | { readonly kind: 'memory'; readonly from?: MemorySnapshot }
  | { readonly kind: 'auto' | 'leveldb'; readonly folder: string };

export interface OpenOptions {
  readonly rules?: Partial<StoreRules>;
  readonly now?: () => number;
  readonly newId?: () => string;
}

/** The format this code writes. A newer one is refused; steps from older ones belong in `migrate`. */
const FORMAT = 1;

/** The two drivers of a store, opened, and how the store was left. */
export interface Drivers {
  readonly records: Records;
  readonly bytes: Bytes;
  readonly free: () => Promise<number>;
  readonly clean: boolean;
  /** The machine was started again since the store was last open: what was not synced may be gone. */
  readonly rebooted: boolean;
  /** To be called when the store is fit again after an unclean end: until then every opener is told of it. */
  settle(): Promise<void>;
  /** All content as it stands, in constant time; only of a store in memory. */
  readonly snapshot?: () => MemorySnapshot;
  /** Hashes large uploads, where that is worth a thread. */
  readonly hashing?: HashThread | undefined;
  close(): Promise<void>;
}

/**
 * Opens a store, alone.
 * @throws OciError `STORE_LOCKED` when another process or this one has the folder open, `STORE_VERSION` when a newer
 *   version wrote it
 */
export async function openStore(storage: StorageOptions, options: OpenOptions = {}): Promise<Store> {
  return await openWith(await openDrivers(storage), options);
}

/** Opens a store over drivers, which are closed with it. @internal */
export async function openWith(drivers: Drivers, options: OpenOptions = {}): Promise<Store> {
  try {
    const core: Core = {
      records: drivers.records,
      bytes: new HeldBytes(drivers.bytes),
      rules: { ...DEFAULT_RULES, ...options.rules },
      now: options.now ?? Date.now,
      newId: options.newId ?? (() => randomBytes(16).toString('hex')),
      free: drivers.free,
      publishing: new Map(),
      hashing: drivers.hashing,
    };
    const collectAfter = await firstCollection(core, drivers.clean);
    const store = new Store(core, { collectAfter, snapshot: drivers.snapshot }, () => drivers.close());
    await store.quotas.open();
    if (!drivers.clean) await store.uploads.recover(drivers);
    await store.uploads.open();
    await drivers.settle();
    return store;
  } catch (error) {
    await drivers.close().catch(() => undefined);
    throw error;
  }
}

/**
 * After an unclean end leases may be lost. What they kept stays for the time of a lease, also when the store is closed
 * and opened again meanwhile.
 */
async function firstCollection({ records, now, rules }: Core, clean: boolean): Promise<number> {
  const key = keys.setting('collect-after');
  const value = await records.get(key);
  const latest = now() + rules.lease;
  if (clean) return value === undefined ? 0 : Math.min(decode<number>(value), latest);
  await records.commit([put(key, encode(latest))]);
  return latest;
}

/** Opens the drivers of a store. @throws OciError as `openStore` */
export async function openDrivers(storage: StorageOptions): Promise<Drivers> {
  if (storage.kind === 'memory') return openMemory(storage.from);
  const { folder, kind } = storage;
  const owner = await take(folder);
  let records: Records | undefined;
  try {
    const opened = await openLevel(join(folder, 'db'));
    records = opened;
    await nodeFiles.syncFolder(folder);
    await migrate(opened, folder);
    await fence(opened);
    const bytes = await chooseBytes(opened, folder, kind);
    const hashing = availableParallelism() > 1 ? new HashThread() : undefined;
    return {
      records: opened,
      bytes,
      hashing,
      free: freeSpace(folder),
      clean: owner.clean,
      rebooted: owner.rebooted,
      settle: () => owner.settle(),
      async close() {
        await hashing?.close();
        await closeDrivers(opened, bytes, owner);
      },
    };
  } catch (error) {
    await records?.close().catch(() => undefined);
    await owner.release(true);
    throw error;
  }
}

/** Makes the folder where there is none, and this process its owner. */
async function take(folder: string): Promise<Owner> {
  try {
    await makeFolder(resolve(folder));
    return await own(folder);
  } catch (cause) {
    const reason = UNUSABLE[(cause as NodeJS.ErrnoException).code ?? ''];
    if (reason === undefined) throw cause;
    throw new OciError('INVALID_OPTION', `data folder ${folder} cannot be used: ${reason}; choose another`, {
      cause,
    });
  }
}

/** Why a folder is no place for data. */
const UNUSABLE: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'not permitted',
  EROFS: 'the file system is read-only',
  ENOTDIR: 'it is not a folder',
  EEXIST: 'it is not a folder',
  ENOENT: 'it cannot be made there',
};

/** Sets the fences of a new database. */
async function fence(records: Records): Promise<void> {
  if ((await records.get(FENCES.at(-1) ?? '')) !== undefined) return;
  await records.commit(FENCES.map((key) => put(key, new Uint8Array(0))));
}

/** Says goodbye only when everything is durable. */
async function closeDrivers(records: Records, bytes: Bytes, owner: Owner): Promise<void> {
  let clean = false;
  try {
    await bytes.flush();
    await records.close();
    clean = true;
  } finally {
    await records.close().catch(() => undefined);
    await owner.release(clean);
  }
}

/**
 * Makes a folder, and its entry in each folder above that is new, durable.
 * @param again the folder above is there by now
 */
async function makeFolder(path: string, again = false): Promise<void> {
  try {
    // Not `recursive`: where nothing can be made, as below /proc, Node then tries for ever.
    await mkdir(path, { mode: 0o750 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // It was there, or another process made it in the same moment.
    if (code === 'EEXIST') return;
    if (code !== 'ENOENT' || again || dirname(path) === path) throw error;
    await makeFolder(dirname(path));
    await makeFolder(path, true);
    return;
  }
  await nodeFiles.syncFolder(dirname(path));
}

function openMemory(from?: MemorySnapshot): Drivers {
  const { records, bytes } = from?.drivers() ?? { records: new MemoryRecords(), bytes: new MemoryBytes() };
  return {
    records,
    bytes,
    free: () => Promise.resolve(Number.MAX_SAFE_INTEGER),
    clean: true,
    rebooted: false,
    settle: () => Promise.resolve(),
    snapshot: () => new MemorySnapshot(records, bytes),
    close: () => records.close(),
  };
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
