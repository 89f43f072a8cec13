import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { OciError } from '../../oci/index.js';
import { nodeFiles } from './files.js';
import { LevelRecords, type Database } from './level-records.js';

/** How keys and values are handed to any abstract-level database. */
export const LEVEL_ENCODINGS = { keyEncoding: 'utf8', valueEncoding: 'view' } as const;

/** Bytes that LevelDB gathers in memory before it writes a table. */
const WRITE_BUFFER = 16 * 1024 * 1024;
/** What opening may write: a table for each of two logs, and some to spare. */
const ROOM_TO_OPEN = 3 * WRITE_BUFFER;

/**
 * Opens LevelDB in a folder of its own, which is made when it is not there.
 * @throws OciError `STORE_CORRUPT` when LevelDB cannot read what is there
 */
export async function openLevel(path: string): Promise<LevelRecords> {
  const { Level } = await import('level');
  // The key that tokens are signed with lies here: nobody else may read it, whoever may read the folder above.
  await mkdir(path, { mode: 0o700 }).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  });
  await chmod(path, 0o700);
  const open = async (): Promise<Database> => {
    const db = new Level<string, Uint8Array>(path, {
      ...LEVEL_ENCODINGS,
      // Layers are compressed already; manifests are few.
      compression: false,
      writeBufferSize: WRITE_BUFFER,
      cacheSize: 16 * 1024 * 1024,
      // Tables are mapped into memory: each open one may count as 2 MiB resident.
      maxOpenFiles: 74,
    });
    await db.open();
    return db;
  };
  const db = await open().catch((error: unknown) => {
    throw explained(error, path);
  });
  await syncLogs(path);
  return new LevelRecords(db, {
    reopen: open,
    room: async () => (await nodeFiles.free(path)) >= ROOM_TO_OPEN,
    flush: () => syncLogs(path),
  });
}

/**
 * LevelDB leaves the end of a log unsynced when it goes on in the next one. Then a synced write is durable while one
 * before it is not, until the first log has become a table.
 */
async function syncLogs(path: string): Promise<void> {
  for (const name of await nodeFiles.list(path)) {
    if (!name.endsWith('.log')) continue;
    // One that went meanwhile has become a table.
    const file = await nodeFiles.open(join(path, name), 'write');
    try {
      await file?.sync();
    } finally {
      await file?.close();
    }
  }
  await nodeFiles.syncFolder(path);
}

function explained(error: unknown, path: string): unknown {
  const { cause } = error as { cause?: Partial<NodeJS.ErrnoException> };
  const reason = cause?.message ?? '';
  if (cause?.code !== 'LEVEL_CORRUPTION' && !reason.endsWith('No such file or directory')) return error;
  return new OciError('STORE_CORRUPT', `the database in ${path} cannot be read: ${reason}`, {
    cause: error,
  });
}
