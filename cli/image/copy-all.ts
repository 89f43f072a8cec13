import { forEachAtOnce } from '../../image/copy/pool.js';
import type { CopyReport, CopyRoot, Tally } from '../../image/copy/index.js';
import { parsePlace, type Place } from '../../image/place.js';
import { OciError, printable } from '../../oci/index.js';
import type { Context } from '../context.js';
import { UsageError } from '../exit.js';
import { copyOptions, type CopyFlags, type CopyOrder } from './copy-order.js';
import type { Media } from './media.js';

/** Tags that are copied together: what they share goes once, and what is done is done when a later one fails. */
const BATCH = 50;
/** Tags that are asked for at once. */
const ASKS = 4;

/** Copies every tag of a repository; with `--recursive` of all repositories below it too, and only what is not there. */
export async function copyAllTags(
  context: Context,
  media: Media,
  { from, to, flags }: CopyOrder,
): Promise<CopyReport> {
  for (const text of [from, to])
    if (isNamed(text)) throw new UsageError(`with -a and -r, ${text} is to name no tag`);
  const pairs = flags.recursive === true ? await repositoriesBelow(media, from, to) : [[from, to] as const];
  const reports: CopyReport[] = [];
  for (const [source, target] of pairs)
    reports.push(...(await copyTags(context, media, { from: source, to: target, flags })));
  if (flags.dryRun !== true) await media.finish();
  return sumOf(reports);
}

async function copyTags(
  context: Context,
  media: Media,
  { from, to, flags }: CopyOrder,
): Promise<CopyReport[]> {
  const source = await media.source(from);
  const { sink, place } = await media.target(to);
  const call = { signal: media.signal };
  if (source.tags === undefined) throw new OciError('UNSUPPORTED', `${source.name} has no list of tags`);
  const tags: string[] = [];
  for await (const tag of source.tags(call)) tags.push(tag);
  const reports: CopyReport[] = [];
  for (let at = 0; at < tags.length; at += BATCH) {
    const batch = tags.slice(at, at + BATCH);
    const found = new Map<string, CopyRoot>();
    const atOnce = Math.min(flags.jobs ?? ASKS, sink.parallel ?? ASKS);
    await forEachAtOnce(batch, atOnce, call, async (tag, both) => {
      const [there, descriptor] = await Promise.all([
        wanted(sink.resolve(tag, both), flags),
        source.resolve(tag, both),
      ]);
      // One that went since the list was made.
      if (descriptor === undefined) return;
      if (there !== undefined && (!flags.clobber || there === descriptor.digest)) return;
      context.err.write(`${printable(`${from}:${tag}`)}\n`);
      found.set(tag, { descriptor, tags: [tag] });
    });
    const roots = batch.flatMap((tag) => found.get(tag) ?? []);
    if (roots.length > 0) reports.push(await media.copy(source, sink, roots, copyOptions(flags, place)));
  }
  return reports;
}

/** The digest of a tag at the destination, where anybody asks. */
async function wanted(
  found: Promise<{ readonly digest: string } | undefined>,
  flags: CopyFlags,
): Promise<string | undefined> {
  const there = await found;
  return flags.force === true ? undefined : there?.digest;
}

async function repositoriesBelow(
  media: Media,
  from: string,
  to: string,
): Promise<(readonly [from: string, to: string])[]> {
  const { registry, repository } = media.reference(from);
  const { catalog } = await import('../../client/index.js');
  const place = media.session.place({ registry, repository }).registry;
  const pairs: (readonly [string, string])[] = [];
  for await (const name of catalog(media.session.client.transport, place, {
    signal: media.signal,
    pageSize: 1000,
  })) {
    if (name !== repository && !name.startsWith(`${repository}/`)) continue;
    pairs.push([`${registry}/${name}`, below(parsePlace(to), name.slice(repository.length))]);
  }
  return pairs.length === 0 ? [[from, to]] : pairs;
}

function below(place: Place, rest: string): string {
  if (place.medium !== 'registry') throw new UsageError('-r copies from a registry to a registry');
  const { registry, repository } = place.reference;
  return `${registry}/${repository}${rest}`;
}

function isNamed(text: string): boolean {
  const place = parsePlace(text);
  if (place.medium !== 'registry') return place.name !== '';
  return place.reference.tag !== undefined || place.reference.digest !== undefined;
}

const add = (one: Tally, other: Tally): Tally => ({
  blobs: one.blobs + other.blobs,
  bytes: one.bytes + other.bytes,
});

function sumOf(reports: readonly CopyReport[]): CopyReport {
  const none: Tally = { blobs: 0, bytes: 0 };
  const sum: CopyReport = {
    roots: [],
    manifests: { put: 0, present: 0 },
    sent: none,
    mounted: none,
    present: none,
    carried: [],
    left: [],
  };
  return reports.reduce(
    (all, one) => ({
      roots: [...all.roots, ...one.roots],
      manifests: {
        put: all.manifests.put + one.manifests.put,
        present: all.manifests.present + one.manifests.present,
      },
      sent: add(all.sent, one.sent),
      mounted: add(all.mounted, one.mounted),
      present: add(all.present, one.present),
      carried: [...all.carried, ...one.carried],
      left: [...all.left, ...one.left],
    }),
    sum,
  );
}
