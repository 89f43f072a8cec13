import { OciError, type CallOptions, type Descriptor } from '../../oci/index.js';
import type { ImageView } from '../views/image.js';
import type { IndexView, View } from '../views/image-index.js';
import { editImage, editIndex, objectIn, withEntries, withFields, type Json } from './edit.js';

/** Changes to annotations: null takes one away. */
export type AnnotationPatch = Readonly<Record<string, string | null>>;

/**
 * An image or an index with other annotations on its manifest.
 * @throws OciError `INVALID_OPTION` for an annotation without a name; what reading the view throws
 */
export function annotate(view: ImageView, patch: AnnotationPatch, options?: CallOptions): Promise<ImageView>;
export function annotate(view: IndexView, patch: AnnotationPatch, options?: CallOptions): Promise<IndexView>;
export function annotate(view: View, patch: AnnotationPatch, options?: CallOptions): Promise<View>;
export async function annotate(view: View, patch: AnnotationPatch, options?: CallOptions): Promise<View> {
  if (Object.hasOwn(patch, '')) throw new OciError('INVALID_OPTION', 'an annotation needs a name');
  return await editManifest(
    view,
    (manifest) =>
      withFields(manifest, { annotations: withEntries(objectIn(manifest, 'annotations'), patch) }),
    options,
  );
}

/** An image or an index that refers to another manifest, or with null to none. */
export function setSubject(
  view: ImageView,
  subject: Descriptor | null,
  options?: CallOptions,
): Promise<ImageView>;
export function setSubject(
  view: IndexView,
  subject: Descriptor | null,
  options?: CallOptions,
): Promise<IndexView>;
export function setSubject(view: View, subject: Descriptor | null, options?: CallOptions): Promise<View>;
export async function setSubject(
  view: View,
  subject: Descriptor | null,
  options?: CallOptions,
): Promise<View> {
  const short = subject && { mediaType: subject.mediaType, digest: subject.digest, size: subject.size };
  return await editManifest(
    view,
    (manifest) => withFields(manifest, { subject: short ?? undefined }),
    options,
  );
}

/** Changes what a manifest says of itself, whichever kind it is. */
export async function editManifest(
  view: View,
  change: (manifest: Json) => Json,
  options?: CallOptions,
): Promise<View> {
  return view.kind === 'image'
    ? await editImage(view, ({ manifest }) => ({ manifest: change(manifest) }), options)
    : await editIndex(view, change, options);
}
