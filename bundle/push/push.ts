import { OciError, type CallOptions, type Descriptor, type OnProgress } from '../../oci/index.js';
import { copy } from '../../image/copy/index.js';
import type { Sink } from '../../image/media.js';
import { sourceOf } from '../../image/views/source.js';
import { BUNDLE_LABEL, digestTag } from '../names.js';
import { checkBundle, looksLikeBundle } from './check.js';
import { DEFAULT_EXCLUSIONS } from './files.js';
import { filesAsEntries, packImage, type FilesOptions, type PackedImage } from './image.js';

/** What is pushed and how. */
export interface PushOptions extends FilesOptions {
  /** Folders, whose content is taken, and files. */
  readonly files: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
  /** OCI's media types in place of Docker's. Default false. */
  readonly oci?: boolean;
  readonly onProgress?: OnProgress;
}

/**
 * Packs folders and files into a bundle, and puts it under a tag, and under a tag made of its digest, which stays when
 * the other moves on.
 *
 * ```ts
 * const { digest } = await pushBundle(remoteSink(repository), 'v1', { files: ['./app'] });
 * ```
 * @throws OciError `INVALID_OPTION` for files that are no bundle and for labels that are imgpkg's own, `CONTENT_INVALID` for
 * a list of images that is none, `UNSUPPORTED` for links and devices, and what the sink throws
 */
export async function pushBundle(sink: Sink, tag: string, options: PushOptions): Promise<Descriptor> {
  await checkBundle(options.files, options);
  return await push(sink, tag, options, { [BUNDLE_LABEL]: 'true' });
}

/**
 * The same for an image that is no bundle. No files at all are an empty layer.
 * @throws OciError as `pushBundle`; `INVALID_OPTION` for files that are a bundle
 */
export async function pushImage(sink: Sink, tag: string, options: PushOptions): Promise<Descriptor> {
  if (await looksLikeBundle(options.files, options))
    throw new OciError(
      'INVALID_OPTION',
      "Images cannot be pushed with '.imgpkg' directories, consider using --bundle (-b) option",
    );
  return await push(sink, tag, options, {});
}

async function push(
  sink: Sink,
  tag: string,
  { files, labels = {}, oci = false, exclude = DEFAULT_EXCLUSIONS, onProgress, ...rest }: PushOptions,
  own: Readonly<Record<string, string>>,
): Promise<Descriptor> {
  if (Object.hasOwn(labels, BUNDLE_LABEL))
    throw new OciError(
      'INVALID_OPTION',
      `label '${BUNDLE_LABEL}' is reserved: push with --bundle (-b) to set it`,
    );
  const call: CallOptions = rest.signal === undefined ? {} : { signal: rest.signal };
  const entries = filesAsEntries(files, { ...rest, exclude });
  const packed = await packImage(entries, { ...call, oci, labels: { ...labels, ...own } });
  return await put(sink, packed, [tag], { ...call, ...(onProgress && { onProgress }) });
}

/** Puts an image under tags and under the one of its digest, and takes its layer away. */
export async function put(
  sink: Sink,
  packed: PackedImage,
  tags: readonly string[],
  options: CallOptions & { readonly onProgress?: OnProgress } = {},
): Promise<Descriptor> {
  try {
    const { descriptor } = packed.image;
    const root = { descriptor, tags: [...tags, digestTag(descriptor.digest)] };
    await copy(sourceOf(packed.image), sink, [root], { ...options, referrers: false });
    return descriptor;
  } finally {
    await packed.close();
  }
}
