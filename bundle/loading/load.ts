import {
  OciError,
  childrenOf,
  isTag,
  quote,
  type CallOptions,
  type Descriptor,
  type Digest,
} from '../../oci/index.js';
import {
  openVerifiedArchive,
  type ArchiveBase,
  type ArchiveInput,
  type ArchiveReport,
} from '../../image/archive/index.js';
import { copy, type CopyOptions, type CopyReport, type CopyRoot } from '../../image/copy/index.js';
import { tagOfName } from '../../image/layout/names.js';
import { walkManifests } from '../../image/layout/walk.js';
import type { Sink, Source } from '../../image/media.js';

import { requireBase, withBase } from './base.js';

/** What of an archive goes where. */
export interface Placed {
  readonly sink: Sink;
  readonly roots: readonly CopyRoot[];
}

/** Where an archive goes: to one repository, or as somebody decides who has seen what is in it. */
export type LoadTarget = Sink | ((archive: Source) => Promise<readonly Placed[]>);

/** How an archive is loaded. */
export interface LoadOptions extends Omit<CopyOptions, 'dryRun' | 'force'> {
  /** More places that may have what a differential archive relies on: other repositories of the same registry. */
  readonly base?: readonly Source[];
}

/** What was loaded. */
export interface LoadReport {
  readonly archive: ArchiveReport;
  /** What went to each place, in the order of the places. */
  readonly copies: readonly CopyReport[];
}

/**
 * Loads an archive of any format. All of it is read and found right before anything is sent; then what it relies on, if it
 * is a differential one, is looked for; then blobs go, then manifests, and the tags of all places last. What comes as a
 * stream is kept in a temporary file meanwhile. The sinks stay open.
 * @throws OciError `CONTENT_INVALID` for a damaged archive and `PRECONDITION_FAILED` where its base is not, when nothing
 * has changed yet; as `openArchive` and `copy`
 */
export async function loadArchive(
  input: ArchiveInput,
  target: LoadTarget,
  options: LoadOptions = {},
): Promise<LoadReport> {
  const { source, report } = await openVerifiedArchive(input, options);
  try {
    const copies = await loadSource(source, target, {
      ...options,
      ...(report.base && { reliesOn: report.base }),
    });
    return { archive: report, copies };
  } finally {
    await source.close();
  }
}

/**
 * Loads what a source holds, a layout say, as `loadArchive` does.
 * @param options.reliesOn what the source does not hold itself
 * @throws OciError as `loadArchive`
 */
export async function loadSource(
  source: Source,
  target: LoadTarget,
  options: LoadOptions & { readonly reliesOn?: ArchiveBase } = {},
): Promise<readonly CopyReport[]> {
  const { base: places = [], reliesOn, ...copying } = options;
  const call: CallOptions = options.signal === undefined ? {} : { signal: options.signal };
  const single = typeof target !== 'function';
  const placed = single ? [await allTo(source, target, call)] : await target(source);
  const ready: Ready[] = [];
  for (const { sink, roots } of placed) {
    const needed =
      reliesOn === undefined || single ? reliesOn : await reliedBy(source, roots, reliesOn, call);
    const found = needed && (await requireBase(needed, sink, { ...call, places }));
    ready.push({ sink, roots, source: withBase(source, [...new Set(found?.values() ?? [])]) });
  }
  return await copyAll(ready, copying);
}

/** Something that can be copied: what it relies on is there. */
type Ready = Placed & { readonly source: Source };

/** To several places everything goes first, and the tags when it is there. */
async function copyAll(ready: readonly Ready[], options: CopyOptions): Promise<CopyReport[]> {
  const reports: CopyReport[] = [];
  const several = ready.length > 1;
  for (const { source, sink, roots } of ready) {
    const sent = several ? roots.map(({ descriptor }) => ({ descriptor })) : roots;
    // oxlint-disable-next-line no-await-in-loop -- each copy does many things at once
    reports.push(await copy(source, sink, sent, options));
  }
  if (!several) return reports;
  for (const [at, { source, sink, roots }] of ready.entries()) {
    const tagged = roots.filter(({ tags = [] }) => tags.length > 0);
    // oxlint-disable-next-line no-await-in-loop
    const { roots: there } = await copy(source, sink, tagged, { ...options, referrers: false });
    const report = reports[at];
    if (report !== undefined) reports[at] = { ...report, roots: there };
  }
  return reports;
}

/** Everything to one place: names that are full ones by their tags. */
async function allTo(source: Source, sink: Sink, call: CallOptions): Promise<Placed> {
  const tags = new Map<string, Digest>();
  const roots: CopyRoot[] = [];
  for await (const { descriptor, tag: name } of source.roots?.(call) ?? []) {
    const tag = name === undefined ? undefined : (tagOfName(name) ?? name);
    if (tag === undefined || !isTag(tag)) {
      roots.push({ descriptor });
      continue;
    }
    const other = tags.get(tag) ?? descriptor.digest;
    if (other !== descriptor.digest)
      throw new OciError(
        'REFERENCE_INVALID',
        `${source.name} has two images that would be called ${quote(tag)} in ${sink.name}: ${other} and ${descriptor.digest}`,
      );
    tags.set(tag, descriptor.digest);
    roots.push({ descriptor, tags: [tag] });
  }
  return { sink, roots };
}

/** The part of the base that some of the roots need. */
async function reliedBy(
  source: Source,
  roots: readonly CopyRoot[],
  base: ArchiveBase,
  call: CallOptions,
): Promise<ArchiveBase> {
  const needed = new Set<Digest>(roots.map(({ descriptor }) => descriptor.digest));
  const tops: Descriptor[] = roots.map(({ descriptor }) => descriptor);
  for await (const { manifest } of walkManifests(source, tops, call))
    for (const { digest } of childrenOf(manifest)) needed.add(digest);
  const isNeeded = ({ digest }: Descriptor): boolean => needed.has(digest);
  return { ...base, manifests: base.manifests.filter(isNeeded), blobs: base.blobs.filter(isNeeded) };
}
