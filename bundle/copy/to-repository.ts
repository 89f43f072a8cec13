import {
  OciError,
  parseTag,
  type CallOptions,
  type Descriptor,
  type Digest,
  type OnProgress,
} from '../../oci/index.js';
import type { RemoteRepository } from '../../client/index.js';
import { copy, type CopyOptions, type CopyReport } from '../../image/copy/index.js';
import type { Sink, Source } from '../../image/media.js';
import { formatPinned, parsePinned, type BundleLock, type ImagesLock } from '../locks/index.js';
import { digestTag, repositoryTag } from '../names.js';
import { withKnownTags } from './known-tags.js';
import { hasRestricted, leftOut } from './non-distributable.js';
import { putLocations } from './locations.js';
import { GatheredSource } from './gathered.js';
import type { CopyItem, CopySet } from './set.js';

/** How a set is copied. */
export interface CopySetOptions extends CallOptions {
  /** Blobs under way at once. Default 5. */
  readonly concurrency?: number;
  /** Whether layers that may not be distributed go too. Default false. */
  readonly nonDistributable?: boolean;
  /** Whether signatures, attestations, SBOMs and all other referrers come along. Default false. */
  readonly referrers?: boolean;
  readonly onProgress?: OnProgress;
  /** Told what went another way than planned, in a sentence. */
  readonly onNotice?: (notice: string) => void;
}

/** How a set is copied to a repository. */
export interface ToRepositoryOptions extends CopySetOptions {
  /** Whether the tags of digests tell which repository something came from. Default false. */
  readonly repositoryTags?: boolean;
  /** Told when all content is there and only names are missing. */
  readonly onTagging?: () => void;
}

/** Where a set is copied to: a repository, and the sink that writes to it. */
export interface Destination {
  readonly repository: RemoteRepository;
  readonly sink: Sink;
  /** As references spell it, where that is something else than what the requests go to. */
  readonly place?: { readonly registry: string; readonly repository: string };
}

/** What was copied. */
export interface CopiedSet {
  /** `repository@digest` of the bundle, or of the first image. */
  readonly reference: string;
  /** The lock file for what is there now. */
  readonly lock: BundleLock | ImagesLock;
  readonly reports: readonly CopyReport[];
  /** Layers that were left out, by the reference of what has them. */
  readonly left: ReadonlyMap<string, readonly Descriptor[]>;
}

/**
 * Copies everything into one repository: images first, each under the tag of its digest; then what tells where a
 * bundle's images are; the bundle itself and its tag last.
 * @throws OciError of the places, `DIGEST_MISMATCH`, `TAG_INVALID`
 */
export async function copyToRepository(
  set: CopySet,
  { repository, sink, place = repository }: Destination,
  options: ToRepositoryOptions = {},
): Promise<CopiedSet> {
  const { repositoryTags = false, onTagging, onNotice, signal } = options;
  const call: CallOptions = signal === undefined ? {} : { signal };
  const generated = new Map<Digest, string>();
  for (const item of set.items) generated.set(item.descriptor.digest, tagFor(item, repositoryTags));
  const known = withKnownTags(sink, repository, (digest) => generated.get(digest));
  const source = new GatheredSource(set.items);
  const run = async (items: readonly CopyItem[]): Promise<CopyReport> => {
    const roots = items.map(({ descriptor, tag }) => ({
      descriptor,
      tags: [
        generated.get(descriptor.digest) ?? digestTag(descriptor.digest),
        ...(tag === undefined ? [] : [parseTag(tag)]),
      ],
    }));
    return await copy(source, known, roots, copyOptions(options));
  };
  const first = set.items.filter((item) => item !== set.root);
  const reports = first.length > 0 ? [await run(first)] : [];
  for (const bundle of set.items.filter(({ listed }) => listed !== undefined)) {
    // oxlint-disable-next-line no-await-in-loop -- few and small
    await putLocations(known, bundle, { ...call, ...(onNotice && { onNotice }) });
  }
  onTagging?.();
  if (set.root !== undefined) reports.push(await run([set.root]));
  const at = (digest: Digest): string =>
    formatPinned({ registry: place.registry, repository: place.repository, digest });
  await noticeUnrestricted(set, source, options);
  const shown = set.root ?? set.items[0];
  return {
    reference: shown === undefined ? `${place.registry}/${place.repository}` : at(shown.descriptor.digest),
    lock: lockOf(set, at),
    reports,
    left: await leftOut(set, source, reports, call),
  };
}

/** What all copies of sets have in common. */
export function copyOptions({
  signal,
  concurrency = 5,
  nonDistributable = false,
  referrers = false,
  onProgress,
}: CopySetOptions): CopyOptions {
  return {
    ...(signal && { signal }),
    ...(onProgress && { onProgress }),
    jobs: concurrency,
    nonDistributable,
    referrers,
  };
}

function tagFor(
  { descriptor: { digest }, reference, origin = reference }: CopyItem,
  byRepository: boolean,
): string {
  return byRepository ? repositoryTag(parsePinned(origin).repository, digest) : digestTag(digest);
}

/** The lock file for a set at another place. */
function lockOf(set: CopySet, at: (digest: Digest) => string): BundleLock | ImagesLock {
  if (set.root !== undefined) {
    const { descriptor, tag } = set.root;
    return { image: at(descriptor.digest), ...(tag !== undefined && { tag }) };
  }
  const images = set.lock?.images ?? set.items.map(({ reference }) => ({ image: reference }));
  return { images: images.map((entry) => ({ ...entry, image: at(parsePinned(entry.image).digest) })) };
}

/** Says so when layers that may not be distributed were asked for, and there are none. */
export async function noticeUnrestricted(
  set: CopySet,
  source: Source,
  { nonDistributable = false, onNotice, signal }: CopySetOptions,
): Promise<void> {
  if (!nonDistributable || onNotice === undefined) return;
  if (await hasRestricted(set, source, signal === undefined ? {} : { signal })) return;
  onNotice(
    "'--include-non-distributable-layers' flag provided, but no images contained a non-distributable layer.",
  );
}

/**
 * The lock file of a set that is to be written out.
 * @throws OciError `UNSUPPORTED` for bundles of which nobody knows which was asked for
 */
export function checkLockable(set: CopySet): void {
  if (set.rootless === true)
    throw new OciError(
      'UNSUPPORTED',
      'Unable to determine correct root bundle to use for lock-output. hint: if copying from a tarball, try re-generating the tarball',
    );
}
