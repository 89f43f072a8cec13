import { narrow, withManifests, type Narrowed } from '../../image/copy/narrow.js';
import { eachImage } from '../../image/mutate/index.js';
import {
  isImageConfigType,
  openView,
  selectPlatform,
  type ImageView,
  type View,
} from '../../image/views/index.js';
import { formatPlatform, printable } from '../../oci/index.js';
import type { Context } from '../context.js';
import { UsageError } from '../exit.js';
import type { EditFlags } from './edit-options.js';
import type { Media } from './media.js';
import type { ImageFlags } from './options.js';

/**
 * What a command changes: an image, or all images of an index. One `--platform` chooses one of them, several make an index
 * of those that match.
 * @throws OciError `MANIFEST_UNKNOWN` for a platform that is not there; UsageError for an index that is to have one platform
 */
export async function viewToEdit(
  { err }: Context,
  media: Media,
  text: string,
  { platform: platforms = [], setPlatform }: ImageFlags & Pick<EditFlags, 'setPlatform'>,
): Promise<View> {
  const call = { signal: media.signal };
  const { source, descriptor, name } = await media.find(text);
  const [only, ...others] = platforms;
  if (only !== undefined && others.length === 0) {
    const all = await openView(source, descriptor, call);
    if (all.kind === 'index')
      err.write(`${printable(name)} is an index: took ${formatPlatform(only)} of it, as one image\n`);
    return await selectPlatform(all, only, { ...call, what: printable(name) });
  }
  const { descriptor: left, bytes }: Narrowed =
    platforms.length === 0 ? { descriptor } : await narrow(source, descriptor, platforms, call);
  const made = new Map(bytes === undefined ? [] : [[left.digest, bytes]]);
  const view = await openView(withManifests(source, made), left, call);
  if (view.kind === 'index' && setPlatform !== undefined)
    throw new UsageError(
      `${printable(name)} is an index, whose images are for several platforms: --set-platform needs --platform`,
    );
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
