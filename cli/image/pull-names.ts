import { formatPlace, parsePlace } from '../../image/place.js';
import { formatReference, isDigest } from '../../oci/index.js';
import { isSpelledOut } from './place-names.js';

/** The tag that Docker's archives give to what was asked for by digest, as crane does. */
const DIGEST_TAG = 'i-was-a-digest';

/** The full name of an image, its tag told even where it was not spelled. */
export function annotatedAs(text: string): string {
  const place = parsePlace(text);
  if (place.medium !== 'registry') return formatPlace(place);
  const { reference } = place;
  return formatReference(
    reference.digest === undefined ? { ...reference, tag: reference.tag ?? 'latest' } : reference,
  );
}

/** How something is called in an archive: a reference as it was spelled, of other places the name there; not by digest. */
export function archiveNames(text: string): readonly string[] {
  const place = parsePlace(text);
  if (place.medium !== 'registry')
    return place.name === '' || isDigest(place.name) || place.medium === 'store' ? [] : [place.name];
  if (place.reference.digest !== undefined) return [];
  return [isSpelledOut(text) ? formatPlace(place) : text];
}

/** The same for what is pulled: by digest it gets a tag that says so. */
export function pulledNames(text: string): readonly string[] {
  const place = parsePlace(text);
  if (place.medium !== 'registry' || place.reference.digest === undefined) return archiveNames(text);
  const { registry, repository } = place.reference;
  const spelled = isSpelledOut(text)
    ? formatReference({ registry, repository })
    : text.slice(0, text.indexOf('@'));
  return [`${spelled.replace(/:[^:/]*$/, '')}:${DIGEST_TAG}`];
}
