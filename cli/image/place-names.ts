import { formatPlace, parsePlace, type Place } from '../../image/place.js';
import { formatReference, isDigest, type Digest } from '../../oci/index.js';

/** What a source is opened for: all but the name in it. */
export function keyOf(place: Place): string {
  if (place.medium === 'registry')
    return formatReference({ registry: place.reference.registry, repository: place.reference.repository });
  return formatPlace(place.medium === 'docker-daemon' ? place : { ...place, name: '' });
}

/** The name a place is asked for. */
export function nameIn(text: string): string {
  if (text === '-') return '';
  const place = parsePlace(text);
  if (place.medium !== 'registry') return place.name || (place.medium === 'store' ? 'latest' : '');
  return place.reference.digest ?? place.reference.tag ?? 'latest';
}

/** The names content gets at a place. */
export function tagsOf(place: Place): readonly string[] {
  if (place.medium === 'registry')
    return place.reference.digest === undefined ? [place.reference.tag ?? 'latest'] : [];
  if (place.medium === 'store') return isDigest(place.name) ? [] : [place.name || 'latest'];
  return place.name === '' || isDigest(place.name) ? [] : [place.name];
}

/** How a command that pushes tells what it pushed: one line, `repository@digest`. */
export function pushedLine(place: Place, digest: Digest): string {
  if (place.medium === 'registry') {
    const { registry, repository } = place.reference;
    return `${formatReference({ registry, repository, digest })}\n`;
  }
  if (place.medium === 'docker-daemon') return `${formatPlace(place)}@${digest}\n`;
  return `${formatPlace({ ...place, name: digest })}\n`;
}

/** True for what begins as a place of its own kind does (`oci:`, `docker://`), and can be no path. */
export function isSpelledOut(text: string): boolean {
  return /^(?:(?:oci|oci-archive|docker-archive|docker-daemon|store):|(?:docker|ocidir):\/\/)/.test(text);
}
