import { OciError, quote, type CallOptions, type Descriptor, type Digest } from '../../oci/index.js';
import type { ImgpkgArchive } from '../../image/archive/index.js';
import type { Origin, Source } from '../../image/media.js';
import { formatPinned, parsePinned } from '../locks/index.js';
import { isGeneratedTag } from '../names.js';
import { bundleFrom, imagesOf } from '../read/bundle.js';
import type { CopyItem, CopySet } from '../copy/set.js';
import { MARKS, ROOT_MARK } from './marks.js';

/** Where things are from that no archive says anything of. */
const NOWHERE = 'unnamed.invalid/archive';

/** What an archive says of one of its things. */
interface Entry {
  readonly descriptor: Descriptor;
  readonly reference?: string;
  readonly origin?: string;
  readonly tag?: string;
  readonly isRoot: boolean;
}

/**
 * All that is in an archive: a bundle with what it lists, or images. An archive of another tool says not which bundle is
 * meant: it is the one that no other lists, if there is only one.
 * @throws OciError `CONTENT_INVALID`, `INVALID_OPTION` for an archive with nothing in it, and what reading it throws
 */
export async function gatherArchive(source: Source, options: CallOptions = {}): Promise<CopySet> {
  const { entries, isForeign } = await entriesOf(source, options);
  const drafts = await Promise.all(entries.map((entry) => itemOf(source, entry, options)));
  if (drafts.length === 0) throw new OciError('INVALID_OPTION', `${source.name} has nothing in it`);
  const bundles = new Set(
    drafts.filter(({ listed }) => listed !== undefined).map(({ descriptor }) => descriptor.digest),
  );
  const items = drafts
    .map((item) => (item.listed === undefined ? item : { ...item, listed: flagged(item.listed, bundles) }))
    .toSorted((a, b) => Buffer.compare(Buffer.from(a.reference), Buffer.from(b.reference)));
  checkComplete(items, source);
  const marked = new Set(entries.filter(({ isRoot }) => isRoot).map(({ descriptor }) => descriptor.digest));
  const root =
    items.find(({ descriptor }) => marked.has(descriptor.digest)) ??
    (isForeign ? topBundle(items) : undefined);
  const clear = withoutClashes(items, root);
  const found = clear.find(({ descriptor }) => descriptor.digest === root?.descriptor.digest);
  return {
    items: clear,
    ...(found && { root: found }),
    ...(found === undefined && bundles.size > 0 && { rootless: true }),
  };
}

function flagged(
  listed: NonNullable<CopyItem['listed']>,
  bundles: ReadonlySet<Digest>,
): NonNullable<CopyItem['listed']> {
  return listed.map(({ image }) => ({ image, isBundle: bundles.has(parsePinned(image).digest) }));
}

async function entriesOf(
  source: Source,
  options: CallOptions,
): Promise<{ readonly entries: readonly Entry[]; readonly isForeign: boolean }> {
  if ('entries' in source && Array.isArray(source.entries)) {
    const { entries } = source as ImgpkgArchive;
    return {
      isForeign: false,
      entries: entries.map(({ descriptor, refs, tag, originalReference, labels }) => ({
        descriptor,
        ...(refs[0] !== undefined && { reference: refs[0] }),
        ...(originalReference !== undefined && { origin: originalReference }),
        ...(tag !== undefined && { tag }),
        isRoot: Object.hasOwn(labels, ROOT_MARK),
      })),
    };
  }
  const found = new Map<Digest, Entry>();
  let isForeign = true;
  for await (const { descriptor, tag: name = '' } of source.roots?.(options) ?? []) {
    const { annotations = {}, ...plain } = descriptor;
    const reference = annotations[MARKS.reference];
    isForeign &&= reference === undefined;
    const entry: Entry = {
      descriptor: plain,
      isRoot: annotations[ROOT_MARK] !== undefined,
      ...(reference === undefined ? named(name, plain.digest) : { reference }),
      ...(annotations[MARKS.origin] !== undefined && { origin: annotations[MARKS.origin] }),
      ...(annotations[MARKS.tag] !== undefined && { tag: annotations[MARKS.tag] }),
    };
    // What has several names is one thing; the first chosen tag is its tag.
    const before = found.get(plain.digest);
    if (before === undefined || (before.tag === undefined && entry.tag !== undefined))
      found.set(plain.digest, entry);
  }
  return { entries: [...found.values()], isForeign };
}

/** What the name of an entry in a layout of another tool tells. */
function named(name: string, digest: Digest): Pick<Entry, 'reference' | 'tag'> {
  const { repository, tag } = /^(?<repository>.*?)(?::(?<tag>[^/:@]+))?(?:@.*)?$/.exec(name)?.groups ?? {};
  const isTag = tag !== undefined || !name.includes('/');
  const chosen = isTag ? (tag ?? name) : '';
  return {
    ...(repository?.includes('/') === true && { reference: `${repository}@${digest}` }),
    ...(chosen !== '' && /^\w[\w.-]{0,127}$/.test(chosen) && !isGeneratedTag(chosen) && { tag: chosen }),
  };
}

async function itemOf(
  source: Source,
  { descriptor, reference, origin, tag }: Entry,
  options: CallOptions,
): Promise<CopyItem> {
  const bundle = await bundleFrom(source, descriptor, options);
  const listed = bundle === undefined ? undefined : (await imagesOf(bundle, options)).images;
  const pinned = checked(reference ?? `${NOWHERE}@${descriptor.digest}`, descriptor.digest, source);
  return {
    descriptor,
    source,
    reference: formatPinned({ ...pinned, digest: descriptor.digest }),
    origins: reference === undefined ? [] : [{ registry: pinned.registry, repository: pinned.repository }],
    ...(origin !== undefined && { origin: formatPinned(checked(origin, descriptor.digest, source)) }),
    ...(tag !== undefined && { tag }),
    ...(listed && { listed: listed.map(({ image }) => ({ image, isBundle: false })) }),
  };
}

/** A reference of an archive, which may be anything. */
function checked(text: string, digest: Digest, source: Source): Origin & { readonly digest: Digest } {
  try {
    const pinned = parsePinned(text);
    if (pinned.digest === digest) return pinned;
  } catch (cause) {
    throw new OciError(
      'CONTENT_INVALID',
      `${source.name} calls ${digest} ${quote(text)}: ${(cause as Error).message}`,
      { cause },
    );
  }
  throw new OciError(
    'CONTENT_INVALID',
    `${source.name} calls ${digest} ${quote(text)}, which is something else`,
  );
}

/** What a bundle lists must be there: else what is copied would say that it was, and it is not. */
function checkComplete(items: readonly CopyItem[], source: Source): void {
  const there = new Set(items.map(({ descriptor }) => descriptor.digest));
  for (const { reference, listed = [] } of items) {
    const missing = listed.filter(({ image }) => !there.has(parsePinned(image).digest));
    if (missing.length > 0)
      throw new OciError(
        'CONTENT_INVALID',
        `${source.name}: bundle ${reference} lists what is not there: ${missing.map(({ image }) => image).join(', ')}`,
        { detail: { missing: missing.map(({ image }) => image) } },
      );
  }
}

/** The only bundle that is in no other one. */
function topBundle(items: readonly CopyItem[]): CopyItem | undefined {
  const inside = new Set(
    items.flatMap(({ listed = [] }) => listed.map(({ image }) => parsePinned(image).digest)),
  );
  const tops = items.filter(
    ({ listed, descriptor }) => listed !== undefined && !inside.has(descriptor.digest),
  );
  return tops.length === 1 ? tops[0] : undefined;
}

/** Tags that several things would have stay with the bundle that is meant, or with nobody. */
function withoutClashes(items: readonly CopyItem[], root: CopyItem | undefined): CopyItem[] {
  const owners = new Map<string, number>();
  for (const { tag } of items) if (tag !== undefined) owners.set(tag, (owners.get(tag) ?? 0) + 1);
  return items.map((item) => {
    const { tag, ...untagged } = item;
    if (tag === undefined || item === root) return item;
    return owners.get(tag) === 1 ? item : untagged;
  });
}
