import { narrow, withManifests, type Narrowed } from '../../image/copy/narrow.js';
import { eachImage } from '../../image/mutate/index.js';
import {
  isImageConfigType,
  openView,
  selectPlatform,
  type ImageView,
  type View,
} from '../../image/views/index.js';
import { printable } from '../../oci/index.js';
import type { Context } from '../context.js';
import type { Media } from './media.js';
import type { ImageFlags } from './options.js';

/**
 * What a command changes: an image, or all images of an index. One `--platform` chooses one of them, several make an index
 * of those that match.
 * @throws OciError `MANIFEST_UNKNOWN` for a platform that is not there
 */
export async function viewToEdit(
  { err }: Context,
  media: Media,
  text: string,
  { platform: platforms = [] }: ImageFlags,
): Promise<View> {
  const call = { signal: media.signal };
  const { source, descriptor, name } = await media.find(text);
  const [only, ...others] = platforms;
  if (only !== undefined && others.length === 0)
    return await selectPlatform(await openView(source, descriptor, call), only, {
      ...call,
      what: printable(name),
    });
  const { descriptor: left, bytes }: Narrowed =
    platforms.length === 0 ? { descriptor } : await narrow(source, descriptor, platforms, call);
  const made = new Map(bytes === undefined ? [] : [[left.digest, bytes]]);
  const view = await openView(withManifests(source, made), left, call);
  if (view.kind === 'index')
    err.write(`${printable(name)} is an index: all its images are changed; --platform chooses one\n`);
  return view;
}

/** An image changed, or each image of an index; artifacts in an index stay as they are. */
export async function changeEach(
  view: View,
  change: (image: ImageView) => Promise<ImageView>,
  media: Media,
): Promise<View> {
  const call = { signal: media.signal };
  if (view.kind === 'image') return await change(view);
  return await eachImage(
    view,
    async (image) => {
      const { config } = await image.manifest(call);
      return isImageConfigType(config.mediaType) ? await change(image) : image;
    },
    call,
  );
}
