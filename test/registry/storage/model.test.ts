import { describe, it } from 'vitest';
import { openStore } from '../../../registry/storage/open.js';
import { Disk } from '../../helpers/storage/disk.js';
import { runModel, type Medium } from '../../helpers/storage/model-run.js';
import { tempFolder } from '../../helpers/temp.js';

/** In memory, and killed at will. */
function onDisk(kind: 'auto' | 'leveldb'): () => Promise<Medium> {
  return async () => {
    const disk = new Disk(kind, 1);
    return {
      open: (options) => disk.open(options),
      async kill() {
        disk.kill();
        disk.steps.disarm();
      },
    };
  };
}

describe('a store does what its model does', () => {
  it.each(['auto', 'leveldb'] as const)('%s, in memory, killed and started again', async (kind) => {
    await runModel(onDisk(kind), 40, 60);
  });

  it.each(['auto', 'leveldb'] as const)('%s, in a folder', async (kind) => {
    await runModel(
      async () => {
        const folder = await tempFolder();
        return { open: (options) => openStore({ kind, folder }, options) };
      },
      4,
      40,
    );
  });
});
