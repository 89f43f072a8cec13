import {
  OciError,
  formatPlatform,
  isImageType,
  isIndexType,
  parsePlatform,
  platformMatches,
  printable,
  type CallOptions,
  type Descriptor,
  type Digest,
  type Platform,
} from '../../oci/index.js';
import { isImageConfigType, type ImageView } from './image.js';
import type { IndexView, View } from './image-index.js';

/** What is chosen where nobody says, whatever the machine is: scripts get the same image everywhere. */
export const DEFAULT_PLATFORM: Platform = { os: 'linux', architecture: 'amd64' };

/** Options of `selectPlatform`. */
export interface SelectOptions extends CallOptions {
  /** Names the index in messages. Default: its digest. */
  readonly what?: string;
}

/**
 * The first image of an index for a platform. Operating system and architecture must match; variant, version and
 * features only where they are asked for. An image without a platform counts as linux/amd64, and indexes in the index
 * are followed. An image is given back as it is.
 * @throws OciError `MANIFEST_UNKNOWN` when there is none: the message lists the platforms there are
 */
export async function selectPlatform(
  view: View,
  platform: Platform = DEFAULT_PLATFORM,
  options: SelectOptions = {},
): Promise<ImageView> {
  if (view.kind === 'image') return view;
  const seen = new Set<Digest>();
  const there: Platform[] = [];
  const found = await firstIn(view, platform, { ...options, seen, there });
  if (found !== undefined) return found;
  const names = [...new Set(there.map(formatPlatform))];
  const what = options.what ?? `index ${view.descriptor.digest}`;
  throw new OciError(
    'MANIFEST_UNKNOWN',
    `${what} has no image for ${formatPlatform(platform)}: ${names.length === 0 ? 'it has no images' : `there are ${printable(names.join(', '))}`}`,
    { detail: { platform, platforms: names } },
  );
}

interface Search extends CallOptions {
  readonly seen: Set<Digest>;
  readonly there: Platform[];
}

async function firstIn(index: IndexView, platform: Platform, search: Search): Promise<ImageView | undefined> {
  if (search.seen.has(index.descriptor.digest)) return undefined;
  search.seen.add(index.descriptor.digest);
  const { manifests } = await index.manifest(search);
  for (const entry of manifests) {
    const nested = isIndexType(entry.mediaType);
    if (!nested && !mayBeImage(entry)) continue;
    // An index that names no platform may have any.
    const own = entry.platform ?? (nested ? undefined : DEFAULT_PLATFORM);
    if (own !== undefined && !nested) search.there.push(own);
    if (own !== undefined && !platformMatches(own, platform)) continue;
    // oxlint-disable-next-line no-await-in-loop
    const child = await index.child(entry, search);
    // oxlint-disable-next-line no-await-in-loop
    const found = child.kind === 'image' ? child : await firstIn(child, platform, search);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** A signature or another artifact without a platform is not what runs on linux/amd64. */
const mayBeImage = ({ mediaType, artifactType, platform }: Descriptor): boolean =>
  isImageType(mediaType) &&
  (platform !== undefined || artifactType === undefined || isImageConfigType(artifactType));

/** Some fields of a platform: one that is left out or empty asks for nothing. */
export type PlatformFilter = Partial<Platform>;

/**
 * True when an entry's platform satisfies a filter. An entry without one satisfies none, so attestations never do.
 * Names are compared as `platformMatches` does.
 */
export function satisfies({ platform }: Descriptor, filter: PlatformFilter): boolean {
  if (platform === undefined) return false;
  return platformMatches(platform, {
    ...filter,
    os: filter.os || platform.os,
    architecture: filter.architecture || platform.architecture,
  });
}

/**
 * Parses `os[/architecture[/variant]][:os.version]`; `linux` alone is a filter.
 * @throws OciError `INVALID_OPTION`
 */
export function parsePlatformFilter(text: string): PlatformFilter {
  const [path = '', ...version] = text.split(':');
  if (path.includes('/')) return parsePlatform(text);
  const { os, 'os.version': osVersion } = parsePlatform([`${path}/any`, ...version].join(':'));
  return { os, ...(osVersion === undefined ? {} : { 'os.version': osVersion }) };
}
