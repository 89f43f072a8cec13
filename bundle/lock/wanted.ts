import { OciError, isOciError, quote, type Digest } from '../../oci/index.js';
import { parseWanted } from '../names.js';
import type { Place } from '../places.js';
import { parseRangeReference } from './choose.js';
import type { Mention } from './inputs/mention.js';

/** An image that is to be pinned: by a digest that it has already, by a tag, or by a range of versions. */
export interface WantedImage {
  /** What it was called. */
  readonly id: string;
  /** For messages: where it was called so. */
  readonly where: string;
  readonly place: Place;
  readonly digest?: Digest;
  readonly tag?: string;
  readonly range?: string;
}

/**
 * What a text wants.
 * @throws OciError `REFERENCE_INVALID`
 */
export function wantedImage(id: string, where: string): WantedImage {
  const ranged = parseRangeReference(id);
  if (ranged !== undefined) {
    const { range, ...place } = ranged;
    return { id, where, place, range };
  }
  const { registry, repository, tag, digest } = parseWanted(id);
  const place = { registry, repository };
  return { id, where, place, ...(digest === undefined ? { tag: tag ?? 'latest' } : { digest }) };
}

/** What files want, each id once, and what is told of the rest. */
export interface WantedImages {
  readonly wanted: readonly WantedImage[];
  readonly notices: readonly string[];
}

/**
 * What was found in files as images to pin.
 * @throws OciError `REFERENCE_INVALID` for what is an image for certain and no reference
 */
export function wantedImages(mentions: readonly Mention[]): WantedImages {
  const wanted = new Map<string, WantedImage>();
  const notices: string[] = [];
  for (const { text, where, certain } of mentions) {
    if (wanted.has(text)) continue;
    try {
      wanted.set(text, wantedImage(text, where));
    } catch (error) {
      if (!isOciError(error)) throw error;
      if (certain)
        throw new OciError(error.code, `${where}: ${error.message}`, { cause: error, detail: error.detail });
      notices.push(`${where} is ${quote(text)}, which is no reference: left out`);
    }
  }
  return { wanted: [...wanted.values()], notices };
}
