import { readdirSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { nodeFiles } from '../../../registry/storage/files.js';
import { tempFolder } from '../../helpers/temp.js';

/** How often this process has a file open. */
function open(path: string): number {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(join('/proc/self/fd', fd)) === path;
    } catch {
      return false;
    }
  }).length;
}

describe('a file', () => {
  it('is closed once, after what is under way', async () => {
    const path = join(await tempFolder(), 'f');
    writeFileSync(path, Buffer.alloc(100_000, 'x'));
    const file = await nodeFiles.open(path, 'read');
    if (file === undefined) throw new Error('no file');
    const buffer = Buffer.alloc(100_000);
    const read = file.read(buffer, 0);
    await Promise.all([file.close(), file.close()]);
    expect(await read).toBe(100_000);
    expect(buffer.every((byte) => byte === 0x78)).toBe(true);
    await expect(file.read(buffer, 0)).rejects.toMatchObject({ code: 'STORE_CLOSED' });
  });

  it.runIf(process.platform === 'linux')('that nobody closed does not stay open', async () => {
    const path = join(await tempFolder(), 'f');
    writeFileSync(path, 'x');
    await (async () => {
      await nodeFiles.open(path, 'read');
    })();
    expect(open(path)).toBe(1);
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    // A finalizer runs some turns behind the collection.
    for (let turn = 0; turn < 1000 && open(path) > 0; turn++) {
      collect();
      await setImmediate();
    }
    expect(open(path)).toBe(0);
  });
});
