import { formatPlace, parsePlace } from '../../image/place.js';
import { formatReference } from '../../oci/index.js';

/** The tag that Docker's archives give to what was asked for by digest, as crane does. */
export const DIGEST_TAG = 'i-was-a-digest';

/** The full name of an image, its tag told even where it was not spelled. */
export function annotatedAs(text: string): string {
  const place = parsePlace(text);
  if (place.medium !== 'registry') return formatPlace(place);
  const { reference } = place;
  return formatReference(
    reference.digest === undefined ? { ...reference, tag: reference.tag ?? 'latest' } : reference,
  );
}
