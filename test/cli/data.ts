import { join } from 'node:path';
import { openStore } from '../../registry/storage/open.js';
import { bytesOf, putImage, type StoredImage } from '../helpers/content.js';
import { tempFolder } from '../helpers/temp.js';

/** A data folder with an image of a small layer and one that lies in a file of its own. */
export async function dataFolder(
  kind: 'auto' | 'leveldb' = 'auto',
): Promise<{ readonly data: string; readonly image: StoredImage }> {
  const data = join(await tempFolder(), 'data');
  const store = await openStore({ kind, folder: data });
  const image = await putImage(store, 'team/app', { seed: 'cli', layers: [1000, 700_000], tags: ['1'] });
  await store.close();
  return { data, image };
}

/** The bytes of the layer that lies in a file. */
export const LARGE = bytesOf('cli/1', 700_000);
