import { EmptyBTree, type default as btree } from 'sorted-btree';

/** Values by ASCII key, in byte order. `clone` costs a pointer: nodes are copied when one of the two changes them. */
export type SortedMap<V> = Pick<btree.default<string, V>, 'get' | 'set' | 'delete' | 'entries'> & {
  clone(): SortedMap<V>;
};

/** An empty map. */
export const sortedMap = <V>(): SortedMap<V> => EmptyBTree.clone() as SortedMap<V>;
