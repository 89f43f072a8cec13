import { isOciError, type CallOptions, type Digest } from '../../oci/index.js';
import type { Sink } from '../../image/media.js';
import { LOCATIONS_FILE, printImageLocations } from '../locks/index.js';
import { locationsTag } from '../names.js';
import { fileAsEntries, packImage } from '../push/image.js';
import { put } from '../push/push.js';
import type { CopyItem } from './set.js';

/**
 * Puts the locations image of a bundle beside it, for pulls to see that its images are there. Where tags cannot be
 * changed, an older one is as good.
 * @throws OciError of the sink
 */
export async function putLocations(
  sink: Sink,
  { descriptor: { digest }, listed = [] }: CopyItem,
  options: CallOptions & { readonly onNotice?: (notice: string) => void } = {},
): Promise<void> {
  const { onNotice, ...call } = options;
  const unique = [...new Map(listed.map((location) => [location.image, location])).values()];
  const content = Buffer.from(printImageLocations({ images: unique }));
  const packed = await packImage(fileAsEntries(LOCATIONS_FILE, content), call);
  try {
    await put(sink, packed, [locationsTag(digest)], call);
  } catch (error) {
    if (!(await isKept(sink, digest, error, call))) throw error;
    onNotice?.(
      `${sink.name}: the tag ${locationsTag(digest)} is immutable; the locations that are there are kept`,
    );
  }
}

async function isKept(sink: Sink, digest: Digest, error: unknown, call: CallOptions): Promise<boolean> {
  if (!isOciError(error) || !/immutable/i.test(error.message)) return false;
  return (await sink.resolve(locationsTag(digest), call)) !== undefined;
}
