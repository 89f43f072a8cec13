import {
  OciError,
  formatPlatform,
  isIndexType,
  isManifestType,
  parseManifest,
  type CallOptions,
  type Descriptor,
  type Digest,
  type Reference,
} from '../oci/index.js';
import { readManifest } from '../image/read.js';
import type { Source } from '../image/media.js';
import { rootOf } from './archive/places.js';
import { gatherArchive } from './archive/read.js';
import { parsePinned } from './locks/index.js';
import { fetchWanted, type Places } from './places.js';
import { bundleFrom, imagesOf } from './read/bundle.js';
import { Expansion, type ExpandOptions, type Item } from './read/graph.js';

/** Something in a bundle, or a bundle, and what it contains. */
export interface TreeNode {
  readonly kind: 'bundle' | 'image' | 'index';
  /** `repository@digest`, where it was found. */
  readonly reference: string;
  readonly digest: Digest;
  /** As the list that names it spells it. None for the top. */
  readonly origin?: string;
  /** What that list says of it. */
  readonly annotations?: Readonly<Record<string, string>>;
  /** Of an index: for what its images are, in its order. */
  readonly platforms?: readonly string[];
  /** Of a bundle: what it lists, in its order. */
  readonly images?: readonly TreeNode[];
  readonly descriptor: Descriptor;
  /** What it is read from. */
  readonly source: Source;
}

/** What a list says of one of its entries. */
type Listed = Pick<TreeNode, 'annotations' | 'origin'>;

/**
 * What a bundle of a registry contains, at any depth. An image or an index is a tree of one.
 * @throws OciError what the registries answer, `CONTENT_INVALID` for lists that are none
 */
export async function bundleTree(
  places: Places,
  wanted: Reference,
  options: ExpandOptions = {},
): Promise<TreeNode> {
  const found = await fetchWanted(places, wanted, options);
  const root = await new Expansion(places, options).add(found);
  return await new Grower(options).item(root, {});
}

/**
 * The same of an archive: of the bundle that is meant in it, or of the only thing that there is.
 * @throws OciError `INVALID_OPTION` where several things are there and none is meant, `CONTENT_INVALID`
 */
export async function archiveTree(source: Source, options: CallOptions = {}): Promise<TreeNode> {
  const set = await gatherArchive(source, options);
  const { items } = set;
  const top = rootOf(set, source);
  const known = new Map(items.map((item) => [item.descriptor.digest, item]));
  const grower = new Grower(options);
  const grow = async (digest: Digest, listed: Listed): Promise<TreeNode> => {
    const item = known.get(digest);
    if (item === undefined)
      throw new OciError('CONTENT_INVALID', `${source.name} lists ${digest}, which is not there`);
    const { descriptor, reference } = item;
    const bundle = await bundleFrom(source, descriptor, options);
    const images = bundle === undefined ? undefined : (await imagesOf(bundle, options)).images;
    return await grower.node({
      descriptor,
      source,
      reference,
      listed,
      images: images?.map(({ image, annotations }) => ({
        grow: () => grow(parsePinned(image).digest, { origin: image, ...(annotations && { annotations }) }),
      })),
    });
  };
  return await grow(top.descriptor.digest, {});
}

/** What a node is made of. */
interface Seedling {
  readonly descriptor: Descriptor;
  readonly source: Source;
  readonly reference: string;
  readonly listed: Listed;
  readonly images: readonly { readonly grow: () => Promise<TreeNode> }[] | undefined;
}

class Grower {
  readonly #call: CallOptions;
  /** What a bundle contains is made once, however often it is listed: lists of lists may double at every step. */
  readonly #contents = new Map<Digest, Promise<readonly TreeNode[]>>();

  constructor({ signal }: CallOptions) {
    this.#call = signal === undefined ? {} : { signal };
  }

  async item({ found, reference, images }: Item, listed: Listed): Promise<TreeNode> {
    return await this.node({
      ...found,
      reference,
      listed,
      images: images?.map(({ locked: { image, annotations }, item }) => ({
        grow: () => this.item(item, { origin: image, ...(annotations && { annotations }) }),
      })),
    });
  }

  async node({ descriptor, source, reference, listed, images }: Seedling): Promise<TreeNode> {
    const { digest } = descriptor;
    const index = isIndexType(descriptor.mediaType);
    return {
      kind: images !== undefined ? 'bundle' : index ? 'index' : 'image',
      reference,
      digest,
      ...listed,
      ...(index && { platforms: await this.#platforms(source, descriptor) }),
      ...(images && { images: await this.#content(digest, images) }),
      descriptor,
      source,
    };
  }

  #content(digest: Digest, images: NonNullable<Seedling['images']>): Promise<readonly TreeNode[]> {
    const content = this.#contents.get(digest) ?? Promise.all(images.map(async ({ grow }) => await grow()));
    this.#contents.set(digest, content);
    return content;
  }

  async #platforms(source: Source, descriptor: Descriptor): Promise<string[]> {
    const manifest = parseManifest(await readManifest(source, descriptor, this.#call), descriptor.mediaType);
    const children = manifest.kind === 'index' ? manifest.manifests : [];
    return children
      .filter(({ mediaType, platform }) => isManifestType(mediaType) && platform?.os !== 'unknown')
      .map(({ platform }) => (platform === undefined ? 'no platform' : formatPlatform(platform)));
  }
}

/** Every node of a tree, a node before what it contains; what is in it several times stands there once. */
export function nodesOf(tree: TreeNode): readonly TreeNode[] {
  const seen = new Map<Digest, TreeNode>();
  const visit = (node: TreeNode): void => {
    if (seen.has(node.digest)) return;
    seen.set(node.digest, node);
    node.images?.forEach(visit);
  };
  visit(tree);
  return [...seen.values()];
}
