import {
  Slots,
  algorithmOf,
  hexOf,
  isOciError,
  type CallOptions,
  type Descriptor,
  type Digest,
  type ErrorCode,
} from '../../oci/index.js';
import type { Source } from '../media.js';
import type { Graph, Node } from './graph.js';

/** How something is tied to what it speaks of: by its own `subject`, or by a tag made of the digest (cosign). */
export type Tie = 'referrer' | 'tag';

/** A signature, an attestation, an SBOM, or any other manifest that speaks of another. */
export interface Carried {
  readonly descriptor: Descriptor;
  readonly subject: Digest;
  readonly as: Tie;
  /** The tag it is found by, where it is. */
  readonly tag?: string;
}

/** A manifest that comes along, with its graph. */
export interface Companion extends Carried {
  readonly node: Node;
}

const SUFFIXES = ['sig', 'att', 'sbom'];
const ASKS = 8;
/** A longer list of tags is not read to its end: each tag is asked for by its name instead. */
const TAGS_READ = 10_000;
/** What a place says that does not show its tags. */
const NO_LIST: ReadonlySet<ErrorCode> = new Set(['DENIED', 'NAME_UNKNOWN', 'UNAUTHORIZED', 'UNSUPPORTED']);

/**
 * Finds what speaks of the manifests of a graph, and what speaks of that, until nothing new comes. Looks both ways:
 * referrers (distribution-spec, "Listing Referrers"; its tag scheme is the source's to know), and cosign's tags
 * `sha256-<hex>.sig`, `.att` and `.sbom`.
 */
export class Companions {
  readonly #source: Source;
  readonly #graph: Graph;
  readonly #call: CallOptions;
  readonly #slots = new Slots(ASKS);
  /** Names of the source by the tags in them. */
  #tags: Promise<ReadonlyMap<string, string> | undefined> | undefined;

  constructor(source: Source, graph: Graph, call: CallOptions) {
    this.#source = source;
    this.#graph = graph;
    this.#call = call;
  }

  /** In the order of the nodes; what speaks of a companion stands behind it. */
  async of(nodes: readonly Node[]): Promise<Companion[]> {
    const seen = new Set<Digest>(nodes.map(({ descriptor }) => descriptor.digest));
    const found: Companion[] = [];
    let fresh = nodes;
    while (fresh.length > 0) {
      // One after another they would wait for each other's answers.
      // oxlint-disable-next-line no-await-in-loop
      const rounds = await Promise.all(fresh.map((node) => this.#about(node)));
      const companions = rounds.flat();
      found.push(...companions);
      fresh = unseen(companions, seen);
    }
    return found;
  }

  async #about({ descriptor }: Node): Promise<Companion[]> {
    const release = await this.#slots.take(this.#call.signal);
    let carried: Carried[];
    try {
      carried = [...(await this.#referrers(descriptor)), ...(await this.#tagged(descriptor))];
    } finally {
      release();
    }
    return await Promise.all(
      carried.map(async (one) => ({ ...one, node: await this.#graph.node(one.descriptor) })),
    );
  }

  async #referrers({ digest }: Descriptor): Promise<Carried[]> {
    const found: Carried[] = [];
    for await (const descriptor of this.#source.referrers?.(digest, this.#call) ?? [])
      found.push({ descriptor, subject: digest, as: 'referrer' });
    return found;
  }

  async #tagged({ digest }: Descriptor): Promise<Carried[]> {
    this.#tags ??= this.#listTags();
    const known = await this.#tags;
    const found: Carried[] = [];
    for (const suffix of SUFFIXES) {
      const tag = `${algorithmOf(digest)}-${hexOf(digest)}.${suffix}`;
      const name = known === undefined ? tag : known.get(tag);
      if (name === undefined) continue;
      // oxlint-disable-next-line no-await-in-loop -- three at most, and mostly none
      const descriptor = await this.#source.resolve(name, this.#call);
      if (descriptor !== undefined) found.push({ descriptor, subject: digest, as: 'tag', tag });
    }
    return found;
  }

  /** The source's tags; undefined when it has too many, or no list of them for us. */
  async #listTags(): Promise<ReadonlyMap<string, string> | undefined> {
    try {
      return await this.#readTags();
    } catch (error) {
      // Who may read images need not be allowed to list them.
      if (isOciError(error) && NO_LIST.has(error.code)) return undefined;
      throw error;
    }
  }

  async #readTags(): Promise<ReadonlyMap<string, string> | undefined> {
    if (this.#source.tags === undefined) return undefined;
    const tags = new Map<string, string>();
    for await (const name of this.#source.tags(this.#call)) {
      // Layouts and archives may keep full names.
      tags.set(name.slice(name.lastIndexOf(':') + 1), name);
      if (tags.size > TAGS_READ) return undefined;
    }
    return tags;
  }
}

/** The nodes of companions, and those below, that were not seen before; they count as seen from now on. */
function unseen(companions: readonly Companion[], seen: Set<Digest>): Node[] {
  const fresh: Node[] = [];
  const visit = (node: Node): void => {
    if (seen.has(node.descriptor.digest)) return;
    seen.add(node.descriptor.digest);
    fresh.push(node);
    node.children.forEach(visit);
  };
  for (const { node } of companions) visit(node);
  return fresh;
}
