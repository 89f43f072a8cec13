import {
  isNonDistributable,
  type CallOptions,
  type Descriptor,
  type Digest,
  type OnProgress,
  type Platform,
} from '../../oci/index.js';
import type { Origin, Sink, Source } from '../media.js';
import { blobOf } from '../read.js';
import { Companions, type Carried } from './carry.js';
import { Graph, bottomUp } from './graph.js';
import { narrow, withManifests } from './narrow.js';
import type { CopyRoot, Plan } from './plan.js';
import { anyOf, forEachAtOnce } from './pool.js';
import { putManifests } from './put-manifests.js';

/** Options of `copy`. */
export interface CopyOptions extends CallOptions {
  /** Only what runs on these; several make an index of them. Default: everything. */
  readonly platforms?: readonly Platform[];
  /** Whether signatures, attestations, SBOMs and all other referrers come along. Default true. */
  readonly referrers?: boolean;
  /** Whether layers that may not be distributed are copied too. Default false: their descriptors stay as they are. */
  readonly nonDistributable?: boolean;
  /** Blobs under way at once. Default 4. */
  readonly jobs?: number;
  /** More repositories that blobs may be mounted from. */
  readonly from?: readonly Origin[];
  /** Looks at everything, though the sink has the manifest above it. Default false. */
  readonly force?: boolean;
  /** Plans and reports, and puts nothing. Default false. */
  readonly dryRun?: boolean;
  readonly onProgress?: OnProgress;
}

/** Blobs and their bytes. */
export interface Tally {
  readonly blobs: number;
  readonly bytes: number;
}

/** What a copy did, or with `dryRun` would do. */
export interface CopyReport {
  /** What stands at the sink now, in the order of the roots. Narrowed to platforms it may have another digest. */
  readonly roots: readonly CopyRoot[];
  /** Manifests that were put, and that the sink had. */
  readonly manifests: { readonly put: number; readonly present: number };
  /** `sent` and `mounted` are one in a dry run, which cannot know: `sent`. */
  readonly sent: Tally;
  readonly mounted: Tally;
  readonly present: Tally;
  /** What came along, and how it is tied to what it speaks of. */
  readonly carried: readonly Carried[];
  /** Non-distributable layers that were left out. */
  readonly left: readonly Descriptor[];
}

const JOBS = 4;

/**
 * Copies manifests and everything below and about them from one place to another. The graph is read first; then the
 * blobs go, in parallel and each once, mounted where the sink can; then manifests, children first; companions; and the
 * roots with their tags last, so that a name never stands for half of its content. Whatever the sink has stays untouched.
 * Every digest is checked.
 * @throws OciError of the places, `DIGEST_MISMATCH`, `MANIFEST_INVALID`, `MANIFEST_UNKNOWN` for a platform that is not there
 */
export async function copy(
  source: Source,
  sink: Sink,
  roots: readonly CopyRoot[],
  given: CopyOptions = {},
): Promise<CopyReport> {
  const options = given.signal === undefined ? given : { ...given, signal: anyOf([given.signal]) };
  const { signal, dryRun = false, jobs = JOBS, onProgress } = options;
  const call: CallOptions = signal === undefined ? {} : { signal };
  const { from: narrowed, roots: chosen } = await narrowRoots(source, roots, options.platforms ?? [], call);
  const plan = await makePlan(narrowed, sink, chosen, options);
  const counts = { sent: tally(), mounted: tally(), present: tally() };
  const bytes = plan.blobs.reduce((sum, { size }) => sum + size, 0);
  onProgress?.({ type: 'planned', blobs: plan.blobs.length, bytes });
  const atOnce = Math.min(jobs, sink.parallel ?? jobs);
  await forEachAtOnce(plan.blobs, atOnce, call, async (blob, { signal: both }) => {
    const how = dryRun
      ? await wouldPut(sink, blob, both)
      : await putBlob(narrowed, sink, blob, { ...options, signal: both });
    counts[how].blobs++;
    counts[how].bytes += blob.size;
  });
  if (!dryRun) await putManifests(narrowed, sink, plan, call);
  const put = plan.nodes.filter(({ present }) => !present).length;
  return {
    roots: plan.roots.map(({ descriptor, tags }) => ({ descriptor, ...(tags && { tags }) })),
    manifests: { put, present: plan.nodes.length - put },
    ...counts,
    carried: plan.companions.map(({ descriptor, subject, as, tag }) => ({
      descriptor,
      subject,
      as,
      ...(tag !== undefined && { tag }),
    })),
    left: plan.left,
  };
}

const tally = (): { blobs: number; bytes: number } => ({ blobs: 0, bytes: 0 });

async function narrowRoots(
  source: Source,
  roots: readonly CopyRoot[],
  platforms: readonly Platform[],
  call: CallOptions,
): Promise<{ from: Source; roots: readonly CopyRoot[] }> {
  if (platforms.length === 0) return { from: source, roots };
  const made = new Map<string, Uint8Array>();
  const narrowed = await Promise.all(
    roots.map(async (root) => {
      const { descriptor, bytes } = await narrow(source, root.descriptor, platforms, call);
      if (bytes !== undefined) made.set(descriptor.digest, bytes);
      return { ...root, descriptor };
    }),
  );
  return { from: withManifests(source, made), roots: narrowed };
}

async function makePlan(
  source: Source,
  sink: Sink,
  roots: readonly CopyRoot[],
  { signal, referrers = true, force = false, nonDistributable = false }: CopyOptions,
): Promise<Plan> {
  const call: CallOptions = signal === undefined ? {} : { signal };
  const graph = new Graph(source, sink, { ...call, force, lookInside: referrers });
  const tops = await Promise.all(
    roots.map(async (root) => ({ ...root, node: await graph.node(root.descriptor) })),
  );
  const own = bottomUp(tops.map(({ node }) => node));
  const companions = referrers ? await new Companions(source, graph, call).of(own) : [];
  const all = bottomUp([...companions, ...tops].map(({ node }) => node));
  const blobs = new Map<Digest, Descriptor>();
  const left = new Map<Digest, Descriptor>();
  for (const blob of all.flatMap((node) => (node.present ? [] : node.blobs))) {
    const stays = isNonDistributable(blob.mediaType) && !nonDistributable;
    (stays ? left : blobs).set(blob.digest, blob);
  }
  return { roots: tops, companions, blobs: [...blobs.values()], left: [...left.values()], nodes: all };
}

async function wouldPut(sink: Sink, blob: Descriptor, signal: AbortSignal): Promise<'present' | 'sent'> {
  return (await sink.hasBlob(blob, { signal })) ? 'present' : 'sent';
}

async function putBlob(
  source: Source,
  sink: Sink,
  blob: Descriptor,
  { signal, onProgress, from = [] }: CopyOptions,
): Promise<'present' | 'mounted' | 'sent'> {
  onProgress?.({ type: 'started', descriptor: blob });
  const origins = [...(source.originsOf?.(blob) ?? []), ...(source.origin ? [source.origin] : []), ...from];
  const how = await sink.putBlob(blobOf(source, blob), {
    ...(signal && { signal }),
    ...(origins.length > 0 && { from: origins }),
    ...(onProgress && { onProgress }),
  });
  if (how === 'sent') onProgress?.({ type: 'done', descriptor: blob });
  else onProgress?.({ type: 'skipped', descriptor: blob, why: how });
  return how;
}
