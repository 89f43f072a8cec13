import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
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
import * as door from '../../image/index.js';
import { digestOf, streamOf, type CallOptions } from '../../oci/index.js';
import { tempTmpdir } from '../helpers/temp.js';
import { archived } from './archive/helpers.js';
import { putImage } from './content.js';
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

const source = async (): Promise<door.Source> => sourceOf(await image());
const tar = (): Promise<Buffer> =>
  archived({ seal: true }, (sink) => putImage(sink, { seed: 'a', tags: ['1'] }));
const layerOfImage = async (): Promise<door.LayerView> => {
  const [layer] = await (await image()).layers();
  if (layer === undefined) throw new Error('there is no layer');
  return layer;
};

/** The same for places and layers. A path is of a file that is there, or below a folder. */
const PLACES: readonly (readonly [string, (call: CallOptions, folder: string) => Promise<unknown>])[] = [
  ['archiveFacts', async (call) => door.archiveFacts(await tar(), call)],
  [
    'copy',
    async (call) =>
      door.copy(await source(), door.memoryStore(), [{ descriptor: (await image()).descriptor }], call),
  ],
  ['createLayer', (call) => door.createLayer(() => streamOf(Buffer.from('x')), call)],
  ['createLayout', (call, folder) => door.createLayout(join(folder, 'layout'), call)],
  ['decompress', (call) => bytesOf(door.decompress(streamOf(Buffer.from('x')), call))],
  ['flattenedEntries', async (call) => door.flattenedEntries(await image(), call).next()],
  ['folderEntries', (call) => door.folderEntries(new URL('.', import.meta.url).pathname, call).next()],
  ['layerFromBytes', (call) => door.layerFromBytes(Buffer.from('x'), call)],
  ['layerFromFile', (call) => door.layerFromFile(import.meta.filename, call)],
  ['layerFromStream', (call) => door.layerFromStream(streamOf(Buffer.from('x')), call)],
  ['layoutGc', (call, folder) => door.layoutGc(join(folder, 'there'), call)],
  ['openArchive', async (call) => door.openArchive(await tar(), call)],
  [
    'openBlob',
    async (call) => bytesOf(await door.openBlob(await source(), (await layerOfImage()).descriptor, call)),
  ],
  ['openDockerArchive', async (call) => door.openDockerArchive(await tar(), call)],
  ['openImgpkgArchive', async (call) => door.openImgpkgArchive(await tar(), call)],
  ['openLayout', (call, folder) => door.openLayout(join(folder, 'there'), call)],
  ['openLayoutArchive', async (call) => door.openLayoutArchive(await tar(), call)],
  ['openVerifiedArchive', async (call) => door.openVerifiedArchive(await tar(), call)],
  ['platformOf', async (call) => door.platformOf(await image(), call)],
  ['randomIndex', (call) => door.randomIndex(call)],
  ['readManifest', async (call) => door.readManifest(await source(), (await image()).descriptor, call)],
  ['readTar', (call) => door.readTar(streamOf(Buffer.alloc(1024)), call).next()],
  ['removeFromIndex', async (call) => door.removeFromIndex(await index(), [digestOf('x')], call)],
  ['retimedLayer', async (call) => door.retimedLayer(await layerOfImage(), new Date(0), call)],
  ['rewriteLayer', async (call) => door.rewriteLayer(await layerOfImage(), (entries) => entries, call)],
  ['setMediaTypes', async (call) => door.setMediaTypes(await image(), {}, call)],
  [
    'sourceHasBlob',
    async (call) => door.sourceHasBlob(await source(), (await layerOfImage()).descriptor, call),
  ],
  [
    'sourceHasManifest',
    async (call) => door.sourceHasManifest(await source(), (await image()).descriptor, call),
  ],
  ['verifyArchive', async (call) => door.verifyArchive(await tar(), call)],
];

/** What asks nobody, or gives something whose methods take signals. */
const NO_CALLS = new Set([
  'GzipEncoder', 'LayoutSource', 'blobOf', 'compress', 'createDockerArchive', 'createLayoutArchive', 'detectCompression',
  'emptyImage', 'emptyIndex', 'encodeHeader', 'formatPlace', 'gzip', 'imageFrom', 'indexFrom', 'isImageConfigType',
  'isLayerType', 'memoryStore', 'parsePlace', 'parsePlatformFilter', 'satisfies', 'sourceDateEpoch', 'sourceOf', 'writeTar',
]); // prettier-ignore

describe('a call that is aborted', () => {
  it.each([...VERBS, ...PLACES])('rejects with the reason and leaves nothing: %s', async (_, run) => {
    const reason = new Error('enough');
    const folder = await tempTmpdir();
    const there = await door.createLayout(join(folder, 'there'));
    await there.finish?.();
    await expect(run({ signal: AbortSignal.abort(reason) }, folder)).rejects.toBe(reason);
    expect(await readdir(folder)).toEqual(['there']);
  });

  it('is any of the door', () => {
    const tried = new Set([...VERBS, ...PLACES].map(([name]) => name));
    const functions = Object.entries(door).filter(([, value]) => typeof value === 'function');
    expect(functions.map(([name]) => name).filter((name) => !tried.has(name) && !NO_CALLS.has(name))).toEqual(
      [],
    );
  });
});
