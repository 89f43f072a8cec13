import { readdir } from 'node:fs/promises';
import { OciError, type Digest } from '../../oci/index.js';
import type { BlobRecord } from './blobs.js';
import type { Bytes, Location } from './bytes.js';
import { keys, lastPart } from './keys.js';
import { openDrivers, type Drivers } from './open.js';
import { put, type Operation } from './records.js';
import type { Store } from './store.js';
import { decode, encode } from './values.js';

export interface BackupReport {
  readonly records: number;
  /** Large blobs copied, and their bytes; small ones are records. */
  readonly blobs: number;
  readonly bytes: number;
}

export interface BackupOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (report: BackupReport) => void;
}

/** Bytes of records written to the copy at once. */
const BATCH_BYTES = 4 * 1024 * 1024;

/** Families that belong to a running server, or that the driver of the copy writes for itself. */
const LEFT_OUT = ['s!', 'p!', 'e!', 'c!', 'x!', 'n!', keys.setting('blobs'), keys.setting('closed')];

/**
 * Copies a store, as it stands at this moment, to a new data folder of kind `auto` while requests go on. Deleting of
 * large bytes waits until the copy is whole. Open uploads are left out.
 * @param folder must be empty or not exist
 * @throws OciError `INVALID_OPTION` when the folder holds something
 */
export async function backup(
  store: Store,
  folder: string,
  options: BackupOptions = {},
): Promise<BackupReport> {
  const present = await readdir(folder).catch(() => []);
  if (present.length > 0) throw new OciError('INVALID_OPTION', `backup folder ${folder} is not empty`);
  const resume = store.core.bytes.hold();
  try {
    const target = await openDrivers({ kind: 'auto', folder });
    try {
      return await copy(store, target, options);
    } finally {
      await target.close();
    }
  } finally {
    await resume();
  }
}

async function copy(
  store: Store,
  target: Drivers,
  { signal, onProgress }: BackupOptions,
): Promise<BackupReport> {
  const report = { records: 0, blobs: 0, bytes: 0 };
  let batch: Operation[] = [];
  let size = 0;
  for await (const [key, stored] of store.core.records.entries()) {
    signal?.throwIfAborted();
    if (LEFT_OUT.some((prefix) => key.startsWith(prefix))) continue;
    let value = stored;
    if (key.startsWith(keys.blobs)) {
      const record = decode<BlobRecord>(stored);
      if (record.location !== undefined) {
        const location = await copyBytes(
          store,
          target.bytes,
          lastPart(key) as Digest,
          record.location,
          record.size,
        );
        value = encode({ ...record, location } satisfies BlobRecord);
        report.blobs++;
        report.bytes += record.size;
      }
    }
    batch.push(put(key, value));
    size += value.byteLength;
    report.records++;
    if (size > BATCH_BYTES) {
      await target.records.commit(batch);
      batch = [];
      size = 0;
    }
    onProgress?.(report);
  }
  await target.records.commit(batch);
  return report;
}

async function copyBytes(
  store: Store,
  target: Bytes,
  digest: Digest,
  from: Location,
  size: number,
): Promise<Location> {
  const id = store.core.newId();
  await target.begin(id);
  const appender = await target.append(id);
  try {
    for await (const chunk of await store.core.bytes.open(from, { start: 0, end: size - 1 }))
      await appender.write(chunk);
  } finally {
    await appender.close();
  }
  return await target.publish(id, digest);
}
