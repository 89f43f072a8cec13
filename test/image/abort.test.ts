import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  annotate,
  appendLayers,
  appendToIndex,
  canonical,
  convertTo,
  editConfig,
  emptyImage,
  emptyIndex,
  exportTar,
  extract,
  filterIndex,
  flatten,
  imageFrom,
  indexFrom,
  layerFromFolder,
  openView,
  randomImage,
  randomIndex,
  rebase,
  selectPlatform,
  setSubject,
  setTimes,
  sourceOf,
  validate,
  windowsLayer,
  type ImageView,
  type IndexView,
} from '../../image/index.js';
import type { CallOptions } from '../../oci/index.js';
import { bytesOf } from './helpers.js';

/** A made image as one that has to be read: nothing of it is in memory before it is asked for. */
const fresh = (view: ImageView): ImageView => imageFrom(sourceOf(view), view.descriptor);
const freshIndex = (view: IndexView): IndexView => indexFrom(sourceOf(view), view.descriptor);
const image = (): Promise<ImageView> => randomImage({ layers: 2 }).then(fresh);
const index = (): Promise<IndexView> => randomIndex().then(freshIndex);

const VERBS: readonly (readonly [string, (call: CallOptions, folder: string) => Promise<unknown>])[] = [
  ['annotate', async (call) => annotate(await image(), { a: 'b' }, call)],
  ['appendLayers', async (call) => appendLayers(await image(), [], call)],
  ['appendToIndex', async (call) => appendToIndex(emptyIndex(), [await index()], call)],
  ['canonical', async (call) => canonical(await image(), call)],
  ['convertTo', async (call) => convertTo(await index(), 'docker', call)],
  ['editConfig', async (call) => editConfig(await image(), { user: 'me' }, call)],
  ['exportTar', async (call) => bytesOf(exportTar(await image(), call))],
  ['extract', async (call, folder) => extract(await image(), join(folder, 'out'), call)],
  ['filterIndex', async (call) => filterIndex(await index(), [{ os: 'linux' }], call)],
  ['flatten', async (call) => flatten(await index(), call)],
  ['layerFromFolder', async (call) => layerFromFolder(new URL('.', import.meta.url).pathname, call)],
  [
    'openView',
    async (call) => openView(sourceOf(await image()), { ...(await image()).descriptor, mediaType: '' }, call),
  ],
  ['randomImage', async (call) => randomImage(call)],
  ['rebase', async (call) => rebase(await image(), emptyImage(), emptyImage(), call)],
  ['selectPlatform', async (call) => selectPlatform(await index(), undefined, call)],
  ['setSubject', async (call) => setSubject(await image(), null, call)],
  ['setTimes', async (call) => setTimes(await image(), new Date(0), call)],
  ['validate', async (call) => validate(await image(), call)],
  [
    'windowsLayer',
    async (call) => {
      const [layer] = await (await image()).layers();
      return layer && windowsLayer(layer, call);
    },
  ],
];

describe('a call that is aborted', () => {
  let folder = '';
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ocilot-test-'));
    vi.stubEnv('TMPDIR', folder);
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    await rm(folder, { recursive: true });
  });

  it.each(VERBS)('rejects with the reason and leaves nothing: %s', async (_, run) => {
    const reason = new Error('enough');
    await expect(run({ signal: AbortSignal.abort(reason) }, folder)).rejects.toBe(reason);
    expect(await readdir(folder)).toEqual([]);
  });
});
