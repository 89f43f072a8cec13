import type { Descriptor } from '../../oci/index.js';
import type { Companion } from './carry.js';
import type { Node } from './graph.js';

/** What is to be copied, and the names it gets. */
export interface CopyRoot {
  readonly descriptor: Descriptor;
  /** Without any it is there by its digest. */
  readonly tags?: readonly string[];
}

/** What there is to do. */
export interface Plan {
  readonly roots: readonly (CopyRoot & { readonly node: Node })[];
  readonly companions: readonly Companion[];
  readonly blobs: readonly Descriptor[];
  readonly left: readonly Descriptor[];
  /** Everything, children before what lists them. */
  readonly nodes: readonly Node[];
}
