import { isOciError, type CallOptions, type Digest } from '../../oci/index.js';
import type { Sink, Source } from '../media.js';
import { readManifest } from '../read.js';
import type { Node } from './graph.js';
import type { Plan } from './plan.js';
import { forEachAtOnce } from './pool.js';

/** Manifests put at once. */
const PUTS = 8;

/** A manifest that nothing else lists, and its names. */
interface Top {
  readonly node: Node;
  readonly tags: string[];
}

/**
 * Puts the manifests of a plan: what others list first, level by level; then what speaks of them; the roots with their
 * tags last. A root that another root lists is there by its digest first, and gets its tags at the end.
 */
export async function putManifests(source: Source, sink: Sink, plan: Plan, call: CallOptions): Promise<void> {
  const atOnce = sink.parallel ?? PUTS;
  const listed = new Set<Node>(plan.nodes.flatMap(({ children }) => children));
  for (const level of levelsOf(plan.nodes.filter((node) => listed.has(node)))) {
    const absent = level.filter(({ present }) => !present);
    // Each level rests on the one before.
    // oxlint-disable-next-line no-await-in-loop
    await forEachAtOnce(absent, atOnce, call, async ({ descriptor, bytes }, options) => {
      await sink.putManifest(descriptor, bytes ?? (await readManifest(source, descriptor, options)), options);
    });
  }
  const companions = topsOf(
    plan.companions.map(({ node, tag }) => ({ node, tags: tag === undefined ? [] : [tag] })),
  );
  const roots = topsOf(plan.roots.map(({ node, tags = [] }) => ({ node, tags })));
  for (const tops of [companions, roots]) {
    // oxlint-disable-next-line no-await-in-loop
    await forEachAtOnce(tops, atOnce, call, (top, options) => putTop(source, sink, top, listed, options));
  }
}

async function putTop(
  source: Source,
  sink: Sink,
  { node, tags }: Top,
  listed: ReadonlySet<Node>,
  options: CallOptions,
): Promise<void> {
  const { descriptor, present } = node;
  const there = present || listed.has(node);
  const missing = there ? await otherwise(sink, descriptor.digest, tags, options) : tags;
  if (present && missing.length === 0) return;
  const bytes = node.bytes ?? (await bytesOf(source, sink, node, options));
  await sink.putManifest(descriptor, bytes, { ...options, top: true, tags: missing });
}

/** The bytes of a manifest, from the sink where only that has it. */
async function bytesOf(
  source: Source,
  sink: Sink,
  { descriptor, present }: Node,
  options: CallOptions,
): Promise<Uint8Array> {
  try {
    return await readManifest(source, descriptor, options);
  } catch (error) {
    if (!present || sink.manifest === undefined || !isOciError(error, 'MANIFEST_UNKNOWN')) throw error;
    return await sink.manifest(descriptor, options);
  }
}

/** Those of the tags that do not name it yet. */
async function otherwise(
  sink: Sink,
  digest: Digest,
  tags: readonly string[],
  options: CallOptions,
): Promise<string[]> {
  const named = await Promise.all(
    tags.map(async (tag) => (await sink.resolve(tag, options))?.digest === digest),
  );
  return tags.filter((_, at) => named[at] !== true);
}

/** Each manifest once, with all of its names. */
function topsOf(entries: readonly { readonly node: Node; readonly tags: readonly string[] }[]): Top[] {
  const tops = new Map<Node, Top>();
  for (const { node, tags } of entries) {
    const top = tops.get(node) ?? { node, tags: [] };
    tops.set(node, top);
    top.tags.push(...tags.filter((tag) => !top.tags.includes(tag)));
  }
  return [...tops.values()];
}

/** By how much lies below: what lists nothing comes first. */
function levelsOf(bottomUp: readonly Node[]): Node[][] {
  const height = new Map<Node, number>();
  const levels: Node[][] = [];
  for (const node of bottomUp) {
    const own = 1 + Math.max(-1, ...node.children.map((child) => height.get(child) ?? 0));
    height.set(node, own);
    (levels[own] ??= []).push(node);
  }
  return levels;
}
