import { printable, type Digest } from '../oci/index.js';
import { ID_ANNOTATION } from './lock/annotations.js';
import { nodesOf, type TreeNode } from './tree.js';

/** A tree as lines for people. A bundle that stands there a second time is not written out again. */
export function treeAsText(tree: TreeNode): readonly string[] {
  const seen = new Set<Digest>();
  const lines = (node: TreeNode, first: string, rest: string): string[] => {
    const { images = [] } = node;
    const again = images.length > 0 && seen.has(node.digest);
    seen.add(node.digest);
    const below = again
      ? []
      : images.flatMap((child, at) => {
          const last = at === images.length - 1;
          return lines(child, `${rest}${last ? '└── ' : '├── '}`, `${rest}${last ? '    ' : '│   '}`);
        });
    return [`${first}${label(node)}${again ? '  (as above)' : ''}`, ...below];
  };
  return [...lines(tree, '', ''), '', tally(tree)];
}

function label({ kind, reference, platforms, annotations }: TreeNode): string {
  const id = annotations?.[ID_ANNOTATION];
  const details = [kind, ...(platforms ? [platforms.join(', ')] : []), ...(id === undefined ? [] : [id])];
  return printable([reference, ...details].join('  '));
}

function tally(tree: TreeNode): string {
  const nodes = nodesOf(tree);
  const count = (kind: TreeNode['kind'], many: string): string[] => {
    const { length } = nodes.filter((node) => node.kind === kind);
    return length === 0 ? [] : [`${length} ${length === 1 ? kind : many}`];
  };
  return [...count('bundle', 'bundles'), ...count('index', 'indexes'), ...count('image', 'images')].join(
    ', ',
  );
}

/** A tree as it is printed as JSON: nested, each bundle written out once. */
export interface PlainNode extends Omit<TreeNode, 'descriptor' | 'images' | 'source'> {
  /** Bytes of the manifest and its type. */
  readonly mediaType: string;
  readonly size: number;
  readonly images?: readonly PlainNode[];
  /** True for a bundle whose content stands further up. */
  readonly repeated?: true;
}

/** A tree as plain data. */
export function treeAsData(tree: TreeNode): PlainNode {
  const seen = new Set<Digest>();
  const plain = (node: TreeNode): PlainNode => {
    const { kind, reference, digest, origin, annotations, platforms, images, descriptor } = node;
    const repeated = images !== undefined && seen.has(digest);
    seen.add(digest);
    return {
      kind,
      reference,
      digest,
      mediaType: descriptor.mediaType,
      size: descriptor.size,
      ...(origin !== undefined && { origin }),
      ...(annotations && { annotations }),
      ...(platforms && { platforms }),
      ...(repeated ? { repeated } : images && { images: images.map(plain) }),
    };
  };
  return plain(tree);
}
