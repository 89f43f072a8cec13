import { join } from 'node:path';
import { MemoryLevel } from 'memory-level';
import { describe, test } from 'vitest';
import {
  bytesSuite,
  recordsSuite,
  type BytesUnderTest,
  type RecordsUnderTest,
} from '../../../registry/storage/driver-suite.js';
import { FileBytes } from '../../../registry/storage/file-bytes.js';
import { nodeFiles } from '../../../registry/storage/files.js';
import { LevelRecords } from '../../../registry/storage/level-records.js';
import { MemoryBytes } from '../../../registry/storage/memory-bytes.js';
import { MemoryRecords } from '../../../registry/storage/memory-records.js';
import { LEVEL_ENCODINGS, openLevel } from '../../../registry/storage/open-level.js';
import { RecordBytes } from '../../../registry/storage/record-bytes.js';
import { tempFolder } from '../../helpers/temp.js';

async function onMemory(): Promise<RecordsUnderTest> {
  const db = new MemoryLevel<string, Uint8Array>({ storeEncoding: 'view', ...LEVEL_ENCODINGS });
  await db.open();
  return { records: new LevelRecords(db) };
}

async function onLevel(): Promise<RecordsUnderTest> {
  const path = join(await tempFolder(), 'db');
  return { records: await openLevel(path), reopen: () => openLevel(path) };
}

async function onFiles(): Promise<BytesUnderTest> {
  const folder = await tempFolder();
  const open = (): FileBytes => new FileBytes(nodeFiles, folder);
  return { bytes: open(), reopen: () => Promise.resolve(open()) };
}

async function onRecords(create: () => Promise<RecordsUnderTest>): Promise<BytesUnderTest> {
  const { records, reopen } = await create();
  let open = records;
  return {
    bytes: new RecordBytes(records),
    ...(reopen === undefined
      ? {}
      : {
          reopen: async () => {
            await open.close();
            open = await reopen();
            return new RecordBytes(open);
          },
        }),
    cleanUp: () => open.close(),
  };
}

describe('records in memory', () =>
  recordsSuite({ test, create: () => Promise.resolve({ records: new MemoryRecords() }) }));
describe('bytes in memory', () =>
  bytesSuite({ test, create: () => Promise.resolve({ bytes: new MemoryBytes() }) }));
describe('memory-level', () => recordsSuite({ test, create: onMemory }));
describe('classic-level', () => recordsSuite({ test, create: onLevel }));
describe('files', () => bytesSuite({ test, create: onFiles }));
describe('records on memory-level', () => bytesSuite({ test, create: () => onRecords(onMemory) }));
describe('records on classic-level', () => bytesSuite({ test, create: () => onRecords(onLevel) }));
