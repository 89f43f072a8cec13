import { quote } from '../../oci/index.js';
import { corrupt } from '../corrupt.js';
import type { TarHeader } from '../tar/index.js';
import { DEPTH_LIMIT, PATH_LIMIT, WHITEOUT, partsOf } from './paths.js';

/** An entry of a layer: the number of the layer, from the base up, and the entry's in it. */
export interface Place {
  readonly layer: number;
  readonly at: number;
}

/** What an entry made, apart from its name: hard links to it share it. */
export interface Inode extends Place {
  readonly type: TarHeader['type'];
  /** Where a symbolic link leads. */
  readonly target: string;
}

/** A name in the tree. */
export interface Node extends Place {
  /** Undefined for a folder that no entry speaks of: it is there because something lies in it. */
  inode: Inode | undefined;
  /** What lies in a folder; undefined for everything else. */
  children: Map<string, Node> | undefined;
  layer: number;
  at: number;
}

const OPAQUE = '.wh..wh..opq';
/** Further names of AUFS's own, which mean nothing outside of it. */
const RESERVED = '.wh..wh.';
/** As many links as Linux follows in one path. */
const HOPS = 40;

const folder = (place: Place, inode?: Inode): Node => ({ ...place, inode, children: new Map() });

/**
 * The files of an image, as they are after its layers were laid over each other (image-spec, layer.md). Nothing is on
 * disk: the tree knows for each name which entry of which layer gives its content. Links are followed inside the tree
 * only, so no name leads out of it.
 */
export class Tree {
  readonly root: Node = folder({ layer: -1, at: -1 });

  /**
   * Lays an entry over what is there. Entries come layer by layer from the base up, in the layer's order; the whiteouts
   * of a layer may stand anywhere in it, and take away only what lies below.
   * @throws OciError `CONTENT_INVALID` for a path that leads outside, and for a hard link to nothing
   */
  add(header: TarHeader, place: Place, what: string): void {
    const parts = partsOf(header.name, what);
    const name = parts.at(-1);
    if (name === undefined) {
      this.root.inode = { ...place, type: 'directory', target: '' };
      Object.assign(this.root, place);
      return;
    }
    const above = parts.slice(0, -1);
    if (name === OPAQUE) this.#hideAll(above, place.layer);
    else if (name.startsWith(RESERVED)) return;
    else if (name.startsWith(WHITEOUT)) this.#hide(above, hiddenName(name, header.name, what), place.layer);
    else this.#put(this.#folder(above, place, what), name, header, place, what);
  }

  #put(parent: Node, name: string, header: TarHeader, place: Place, what: string): void {
    const before = parent.children?.get(name);
    if (header.type === 'directory') {
      const inode: Inode = { ...place, type: 'directory', target: '' };
      const merged = before?.children === undefined ? folder(place) : before;
      parent.children?.set(name, Object.assign(merged, { ...place, inode }));
      return;
    }
    const inode =
      header.type === 'link'
        ? this.#linked(header, what)
        : { ...place, type: header.type, target: header.linkname ?? '' };
    // Set anew, it would keep the place of what was there before.
    parent.children?.delete(name);
    parent.children?.set(name, { ...place, inode, children: undefined });
  }

  #linked(header: TarHeader, what: string): Inode {
    const parts = partsOf(header.linkname ?? '', what);
    const parent = this.#walk(parts.slice(0, -1));
    const target = parent?.children?.get(parts.at(-1) ?? '');
    if (target?.inode !== undefined && target.children === undefined) return target.inode;
    throw corrupt(
      `${what} holds a hard link ${quote(header.name)} to ${quote(header.linkname ?? '')}, which is no file`,
    );
  }

  #hideAll(parts: readonly string[], layer: number): void {
    const node = this.#walk(parts);
    for (const [name, child] of node?.children ?? [])
      if (!keepAbove(child, layer)) node?.children?.delete(name);
  }

  #hide(parts: readonly string[], name: string, layer: number): void {
    const parent = this.#walk(parts);
    const child = parent?.children?.get(name);
    if (child !== undefined && !keepAbove(child, layer)) parent?.children?.delete(name);
  }

  /** The folder of a path, made where there is none. What stands in the way and is no folder, goes. */
  #folder(parts: readonly string[], place: Place, what: string): Node {
    const found = this.#walk(parts, place);
    if (found === undefined)
      throw corrupt(`${what}: ${quote(parts.join('/'))} leads too deep, or through too many links`);
    return found;
  }

  /** Follows links on the way. Undefined where there is no such folder, and none is to be made. */
  #walk(parts: readonly string[], make?: Place): Node | undefined {
    const path = [this.root];
    const left = parts.toReversed();
    let hops = 0;
    for (let name = left.pop(); name !== undefined; name = left.pop()) {
      const here = path.at(-1) ?? this.root;
      if (name === '..') {
        if (path.length > 1) path.pop();
        continue;
      }
      let next = here.children?.get(name);
      if (next?.inode?.type === 'symlink') {
        const { target } = next.inode;
        if (++hops > HOPS || target.length > PATH_LIMIT) return undefined;
        if (target.startsWith('/')) path.length = 1;
        left.push(
          ...target
            .split('/')
            .filter((part) => part !== '' && part !== '.')
            .toReversed(),
        );
        continue;
      }
      if (next?.children === undefined) {
        if (make === undefined) return undefined;
        next = folder(make);
        here.children?.set(name, next);
      }
      if (path.push(next) > DEPTH_LIMIT) return undefined;
    }
    return path.at(-1);
  }
}

function hiddenName(name: string, path: string, what: string): string {
  const hidden = name.slice(WHITEOUT.length);
  if (hidden !== '' && hidden !== '.' && hidden !== '..') return hidden;
  throw corrupt(`${what} holds the whiteout ${quote(path)}, which hides nothing that has a name`);
}

/** Takes away what layers below `layer` made of a node; true when something is left. */
function keepAbove(node: Node, layer: number): boolean {
  for (const [name, child] of node.children ?? []) if (!keepAbove(child, layer)) node.children?.delete(name);
  if (node.layer >= layer) return true;
  node.inode = undefined;
  return (node.children?.size ?? 0) > 0;
}
