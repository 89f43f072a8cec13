import {
  OciError,
  Slots,
  childrenOf,
  isIndexType,
  isManifestType,
  isOciError,
  parseManifest,
  type CallOptions,
  type Descriptor,
  type Digest,
} from '../../oci/index.js';
import type { Sink, Source } from '../media.js';
import { readManifest } from '../read.js';
import { Ledger } from './ledger.js';

/** A manifest of the graph that is copied. */
export interface Node {
  readonly descriptor: Descriptor;
  /** The sink has it, and with it all below. */
  readonly present: boolean;
  /** Only of some that were read: what is missing is read again when it is put. */
  readonly bytes?: Uint8Array;
  readonly children: readonly Node[];
  /** Config and layers, and whatever else an index may list that is no manifest. */
  readonly blobs: readonly Descriptor[];
}

/** How a graph is walked. */
export interface GraphOptions extends CallOptions {
  /** Walks what the sink has as well: a copy of it may be in parts. */
  readonly force: boolean;
  /** Looks into indexes that the sink has: what refers to their children may be new. */
  readonly lookInside: boolean;
  /** The most manifests and blobs. Default 200,000. */
  readonly limit?: number;
}

/** Manifests read at once. */
const READS = 8;
/** Indexes in indexes in indexes: more than any tool makes. */
const DEPTH = 16;

/** Reads manifests from the top down, each once. */
export class Graph {
  readonly #source: Source;
  readonly #sink: Sink;
  readonly #options: GraphOptions;
  readonly #nodes = new Map<Digest, Promise<Node>>();
  readonly #slots = new Slots(READS);
  readonly #ledger: Ledger;

  constructor(source: Source, sink: Sink, options: GraphOptions) {
    this.#source = source;
    this.#sink = sink;
    this.#options = options;
    this.#ledger = new Ledger(source.name, options.limit);
  }

  /**
   * The manifest and all below it.
   * @throws OciError `MANIFEST_INVALID`; `CONTENT_INVALID` for indexes nested beyond reason, and content with two sizes;
   * `SIZE_LIMIT`; and what the places throw
   */
  async node(descriptor: Descriptor, depth = 0): Promise<Node> {
    this.#ledger.note(descriptor);
    const known = this.#nodes.get(descriptor.digest);
    if (known !== undefined) return await known;
    const node = this.#read(descriptor, depth);
    this.#nodes.set(descriptor.digest, node);
    return await node;
  }

  async #read(descriptor: Descriptor, depth: number): Promise<Node> {
    if (depth > DEPTH) {
      throw new OciError(
        'CONTENT_INVALID',
        `${this.#source.name}: index ${descriptor.digest} is nested more than ${DEPTH} deep`,
      );
    }
    const { force, lookInside, signal } = this.#options;
    const call: CallOptions = signal === undefined ? {} : { signal };
    const release = await this.#slots.take(signal);
    let present: boolean;
    let bytes: Uint8Array | undefined;
    try {
      present = !force && (await this.#sink.hasManifest(descriptor, call));
      if (present && !(lookInside && isIndexLike(descriptor)))
        return { descriptor, present, children: [], blobs: [] };
      bytes = await this.#bytes(descriptor, present, call);
    } finally {
      release();
    }
    if (bytes === undefined) return { descriptor, present, children: [], blobs: [] };
    const manifest = parseManifest(bytes, descriptor.mediaType);
    const below = childrenOf(manifest);
    const isChild = (entry: Descriptor): boolean => manifest.kind === 'index' && isManifest(entry);
    const blobs = below.filter((entry) => !isChild(entry)).map((blob) => this.#ledger.note(blob));
    const kept = this.#ledger.keep(bytes);
    const children = below.filter(isChild).map((child) => this.node(child, depth + 1));
    return {
      descriptor,
      present,
      ...(kept && { bytes: kept }),
      children: [...new Set(await Promise.all(children))],
      blobs,
    };
  }

  /** What the sink has need not be in the source: a differential archive leaves it out. */
  async #bytes(descriptor: Descriptor, present: boolean, call: CallOptions): Promise<Uint8Array | undefined> {
    try {
      return await readManifest(this.#source, descriptor, call);
    } catch (error) {
      if (present && isOciError(error, 'MANIFEST_UNKNOWN')) return undefined;
      throw error;
    }
  }
}

const isManifest = ({ mediaType }: Descriptor): boolean => isManifestType(mediaType);
const isIndexLike = ({ mediaType }: Descriptor): boolean => isIndexType(mediaType);

/** The nodes below and including these, each once, children before what lists them. */
export function bottomUp(roots: readonly Node[]): Node[] {
  const seen = new Set<Digest>();
  const order: Node[] = [];
  const visit = (node: Node): void => {
    if (seen.has(node.descriptor.digest)) return;
    seen.add(node.descriptor.digest);
    node.children.forEach(visit);
    order.push(node);
  };
  roots.forEach(visit);
  return order;
}
