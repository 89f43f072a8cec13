import type { Inode, Node, Tree } from './tree.js';

/** What is written when an entry of a layer passes by: its content under a name, or a hard link. */
export interface Emission {
  readonly path: string;
  /** Another path that has the content, and that is written before. */
  readonly linkTo?: string;
}

/** For each layer: what the entries of these numbers give. All others give nothing. */
export type Plan = readonly ReadonlyMap<number, readonly Emission[]>[];

/** A name that an entry gave to content. */
interface Name {
  readonly path: string;
  readonly node: Node;
}

/**
 * What is to be written of each layer, if layers are read from the top down and each entry once. A hard link whose target
 * is gone, or was replaced by a later layer, takes the content with it: the link is written where its content passes by.
 */
export function planOf(tree: Tree, layers: number): Plan {
  const plan = Array.from({ length: layers }, () => new Map<number, Emission[]>());
  const emit = ({ layer, at }: { layer: number; at: number }, emission: Emission): void => {
    const there = plan[layer]?.get(at);
    if (there === undefined) plan[layer]?.set(at, [emission]);
    else there.push(emission);
  };
  for (const [inode, names] of namesOf(tree)) {
    const [only] = names;
    if (only !== undefined && names.length === 1) {
      emit(inode, { path: only.path });
      continue;
    }
    const [first, ...others] = names.toSorted(
      (a, b) => order(inode, a.node) - order(inode, b.node) || byPlace(a, b),
    );
    if (first === undefined) continue;
    emit(inode, { path: first.path });
    // Only files can be linked on every system; of anything else a second one is as good.
    const linkTo = inode.type === 'file' ? { linkTo: first.path } : {};
    for (const { path, node } of others) {
      const inPlace = isOwn(inode, first.node) && node.layer === inode.layer && inode.type === 'file';
      emit(inPlace ? node : inode, { path, ...linkTo });
    }
  }
  return plan;
}

/** The names that each content has in the end. */
function namesOf(tree: Tree): Map<Inode, Name[]> {
  const names = new Map<Inode, Name[]>();
  const visit = (node: Node, path: string): void => {
    if (node.inode !== undefined) {
      const known = names.get(node.inode);
      if (known === undefined) names.set(node.inode, [{ path, node }]);
      else known.push({ path, node });
    }
    for (const [name, child] of node.children ?? []) visit(child, path === '.' ? name : `${path}/${name}`);
  };
  visit(tree.root, '.');
  return names;
}

const isOwn = (inode: Inode, node: Node): boolean => node.layer === inode.layer && node.at === inode.at;
/** The name that came with the content goes first. */
const order = (inode: Inode, node: Node): number => (isOwn(inode, node) ? 0 : 1);
const byPlace = (a: Name, b: Name): number => a.node.layer - b.node.layer || a.node.at - b.node.at;
