import { describe, it } from 'vitest';
import { openStore } from '../../registry/storage/open.js';
import { Disk } from '../helpers/storage/disk.js';
import { runModel } from '../helpers/storage/model-run.js';
import { tempFolder } from '../helpers/temp.js';

const SCALE = Number(process.env.SCALE ?? 1);

describe('a store does what its model does, for long', () => {
  it.each(['auto', 'leveldb'] as const)('%s, in memory, killed and started again', async (kind) => {
    await runModel(
      () => {
        const disk = new Disk(kind, 1);
        const kill = async (): Promise<void> => {
          disk.kill();
          disk.steps.disarm();
        };
        return Promise.resolve({ open: (options) => disk.open(options), kill });
      },
      Math.ceil(1500 * SCALE),
      150,
    );
  });

  it.each(['auto', 'leveldb'] as const)('%s, in a folder', async (kind) => {
    await runModel(
      async () => {
        const folder = await tempFolder();
        return { open: (options) => openStore({ kind, folder }, options) };
      },
      Math.ceil(60 * SCALE),
      120,
    );
  });
});
