import { withManifests } from '../../image/copy/narrow.js';
import { encodeGo } from '../../image/go-json.js';
import { parseConfig } from '../../image/views/image.js';
import { makeImage } from '../../image/views/made.js';
import { openView, type ImageView, type View } from '../../image/views/index.js';
import { readManifest } from '../../image/read.js';
import { describe, isObject, parseJson, parseManifest, printable, type Descriptor } from '../../oci/index.js';
import type { Context } from '../context.js';
import { UsageError } from '../exit.js';
import { editedBytes } from './editor.js';
import type { Media } from './media.js';

/** The image whose config or files are edited: for an index, `--platform` must say which. */
export async function imageToEdit(media: Media, text: string): Promise<ImageView> {
  const { source, chosen } = await media.chosen(text);
  const view = await openView(source, chosen, { signal: media.signal });
  if (view.kind === 'image') return view;
  throw new UsageError(`${printable(text)} is an index: say with --platform which of its images to edit`);
}

/** The image with a config as somebody writes it, byte for byte; all else of the manifest stays. */
export async function withEditedConfig(context: Context, image: ImageView, media: Media): Promise<ImageView> {
  const call = { signal: media.signal };
  const before = await image.config(call);
  const bytes = await editedBytes(context, { name: 'config.json', before: async () => before });
  const { config } = await image.manifest(call);
  const { digest, size } = describe(config.mediaType, bytes);
  if (digest === config.digest) return image;
  parseConfig(bytes, { ...config, digest });
  const document = parseJson(await image.raw(call), 'manifest');
  const entry = isObject(document) && isObject(document.config) ? document.config : {};
  const copied = typeof entry.data === 'string' ? { data: Buffer.from(bytes).toString('base64') } : {};
  const raw = encodeGo(
    { ...(isObject(document) ? document : {}), config: { ...entry, digest, size, ...copied } },
    'manifest',
  );
  return makeImage({ raw, config: bytes, layers: await image.layers(call) });
}

/** The image or index with a manifest as somebody writes it, byte for byte. */
export async function withEditedManifest(
  context: Context,
  media: Media,
  text: string,
  mediaType: string | undefined,
): Promise<View> {
  const call = { signal: media.signal };
  const { source, chosen } = await media.chosen(text);
  const before = await readManifest(source, chosen, call);
  const bytes = await editedBytes(context, { name: 'manifest.json', before: async () => before });
  const parsed = parseManifest(bytes, mediaType);
  const descriptor: Descriptor = describe(parsed.mediaType, bytes);
  return await openView(
    withManifests(source, new Map([[descriptor.digest as string, bytes]])),
    descriptor,
    call,
  );
}
