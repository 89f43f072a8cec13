import { formatReference, parseReference } from '../../oci/index.js';
import { ID_ANNOTATION } from '../lock/annotations.js';
import { parseRangeReference } from '../lock/choose.js';
import { parsePinned } from '../locks/index.js';
import { nodesOf, type TreeNode } from '../tree.js';

/** An image, index or bundle that differs. */
export interface ImageChange {
  /** Moved: it has another digest, or is listed at another place. */
  readonly change: 'added' | 'moved' | 'removed';
  readonly from?: TreeNode;
  readonly to?: TreeNode;
}

/** What a list calls a node: its reference there. */
export const listedName = ({ origin, reference }: TreeNode): string => origin ?? reference;

/**
 * What two bundles contain otherwise, at any depth, the bundles themselves left out. The same thing is recognised by its
 * digest; then by what it was called when it was pinned; then by its repository.
 */
export function diffImages(a: TreeNode, b: TreeNode): ImageChange[] {
  const left = nodesOf(a).slice(1);
  const right = nodesOf(b).slice(1);
  const digests = new Map(right.map((node) => [node.digest, node]));
  const changes: ImageChange[] = [];
  const before: TreeNode[] = [];
  const after = new Set(right);
  for (const from of left) {
    const to = digests.get(from.digest);
    if (to === undefined) before.push(from);
    else {
      after.delete(to);
      if (listedName(from) !== listedName(to)) changes.push({ change: 'moved', from, to });
    }
  }
  let rest = before;
  for (const keyOf of [idOf, repositoryOf]) {
    rest = rest.filter((from) => {
      const key = keyOf(from);
      const to = key === undefined ? undefined : [...after].find((node) => keyOf(node) === key);
      if (to === undefined) return true;
      after.delete(to);
      changes.push({ change: 'moved', from, to });
      return false;
    });
  }
  changes.push(...rest.map((from) => ({ change: 'removed', from }) as const));
  changes.push(...[...after].map((to) => ({ change: 'added', to }) as const));
  return changes.toSorted((x, y) => Buffer.compare(nameOf(x), nameOf(y)));
}

const nameOf = ({ from, to }: ImageChange): Buffer => {
  const node = to ?? from;
  return Buffer.from(node === undefined ? '' : listedName(node));
};

const idOf = ({ annotations }: TreeNode): string | undefined => annotations?.[ID_ANNOTATION];

/** The repository that an image comes from: of its id, where that is a reference, whatever its tag. */
function repositoryOf(node: TreeNode): string {
  const id = idOf(node);
  const { registry, repository } = placeOfId(id) ?? parsePinned(listedName(node));
  return formatReference({ registry, repository });
}

function placeOfId(id: string | undefined): { registry: string; repository: string } | undefined {
  if (id === undefined) return undefined;
  try {
    return parseRangeReference(id) ?? parseReference(id);
  } catch {
    return undefined;
  }
}
