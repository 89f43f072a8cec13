import {
  OciError,
  describe,
  encodeJson,
  formatPlatform,
  isIndexType,
  isObject,
  parseJson,
  parseManifest,
  platformMatches,
  type CallOptions,
  type Descriptor,
  type Platform,
} from '../../oci/index.js';
import type { Source } from '../media.js';
import { readManifest } from '../read.js';

/** What is left of an index, or the one image of it that was asked for. */
export interface Narrowed {
  readonly descriptor: Descriptor;
  /** The bytes of an index that had to be written anew; without them the source has what the descriptor names. */
  readonly bytes?: Uint8Array;
}

/** A child's attestation names it so (BuildKit). */
const ATTESTS = 'vnd.docker.reference.digest';

/**
 * Takes from an index what runs on the platforms. An image stays as it is. With one platform and one image for it, that
 * image is the result; else an index of the images that match, in their order, with their attestations and everything
 * else the index says. An index whose every child matches stays as it is.
 * @throws OciError `MANIFEST_UNKNOWN` when there is nothing for a platform: the message lists what there is
 */
export async function narrow(
  source: Source,
  descriptor: Descriptor,
  platforms: readonly Platform[],
  options: CallOptions = {},
): Promise<Narrowed> {
  if (!isIndexType(descriptor.mediaType)) return { descriptor };
  const bytes = await readManifest(source, descriptor, options);
  const manifest = parseManifest(bytes, descriptor.mediaType);
  if (manifest.kind !== 'index') return { descriptor };
  const matching = (wanted: Platform): Descriptor[] =>
    manifest.manifests.filter(({ platform }) => platform !== undefined && platformMatches(platform, wanted));
  for (const wanted of platforms) {
    if (matching(wanted).length > 0) continue;
    throw new OciError('MANIFEST_UNKNOWN', none(source, descriptor, wanted, manifest.manifests), {
      detail: { platform: wanted },
    });
  }
  const kept = new Set(platforms.flatMap(matching));
  const [only] = kept;
  if (platforms.length === 1 && kept.size === 1 && only !== undefined) return { descriptor: only };
  const digests = new Set<string>([...kept].map(({ digest }) => digest));
  const keeps = (entry: Descriptor): boolean =>
    kept.has(entry) || digests.has(entry.annotations?.[ATTESTS] ?? '');
  const places = manifest.manifests.map(keeps);
  if (places.every(Boolean)) return { descriptor };
  const document = parseJson(bytes, 'index');
  if (!isObject(document) || !Array.isArray(document.manifests)) return { descriptor };
  const rest = encodeJson({ ...document, manifests: document.manifests.filter((_, at) => places[at]) });
  return { descriptor: describe(descriptor.mediaType, rest), bytes: rest };
}

function none(
  source: Source,
  { digest }: Descriptor,
  wanted: Platform,
  entries: readonly Descriptor[],
): string {
  const there = entries.flatMap(({ platform }) => (platform === undefined ? [] : [formatPlatform(platform)]));
  const list = there.length === 0 ? 'no platform at all' : [...new Set(there)].join(', ');
  return `${source.name}: index ${digest} has nothing for ${formatPlatform(wanted)}; it names ${list}`;
}

/** The source with manifests that were written anew, as if it had them. */
export function withManifests(source: Source, made: ReadonlyMap<string, Uint8Array>): Source {
  if (made.size === 0) return source;
  const overlay: Source = {
    ...forward(source),
    manifest: async (descriptor, options) =>
      made.get(descriptor.digest) ?? (await source.manifest(descriptor, options)),
  };
  return overlay;
}

/** A source's methods, bound: it may be of a class. */
function forward(source: Source): Source {
  return {
    name: source.name,
    ...(source.origin && { origin: source.origin }),
    ...(source.originsOf && { originsOf: source.originsOf.bind(source) }),
    resolve: source.resolve.bind(source),
    manifest: source.manifest.bind(source),
    blob: source.blob.bind(source),
    ...(source.tags && { tags: source.tags.bind(source) }),
    ...(source.roots && { roots: source.roots.bind(source) }),
    ...(source.referrers && { referrers: source.referrers.bind(source) }),
  };
}
