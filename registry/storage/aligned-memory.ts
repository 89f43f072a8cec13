/** What direct writes must be multiples of, in memory and in the file: the largest sector and page in common use. */
const ALIGNMENT = 4096;

/** Bytes of one block. */
const BLOCK = 1024 * 1024;
/** Blocks of this process; they take memory when they are first used. */
const BLOCKS = 32;

/** Two blocks, to fill one while the other is written, until they are given back. */
export interface Loan {
  /** What their addresses and sizes are multiples of. */
  readonly alignment: number;
  readonly blocks: readonly [Uint8Array, Uint8Array];
  readonly give: () => void;
}

/** The part of the WebAssembly interface that is used here. */
interface WebAssemblyMemory {
  readonly Memory: new (limits: { initial: number; maximum: number }) => { readonly buffer: ArrayBuffer };
}

let free: Uint8Array[] | undefined;

/**
 * Lends two blocks for direct writes; undefined when all are lent. Memory of WebAssembly is
 * the only one in JavaScript that begins at a page.
 */
export function lendAligned(): Loan | undefined {
  free ??= reserve();
  const [first, second] = [free.pop(), free.pop()];
  if (first !== undefined && second !== undefined)
    return {
      alignment: ALIGNMENT,
      blocks: [first, second],
      give: () => void free?.push(first, second),
    };
  return undefined;
}

function reserve(): Uint8Array[] {
  try {
    const { Memory } = (globalThis as unknown as { WebAssembly: WebAssemblyMemory }).WebAssembly;
    const pages = (BLOCK * BLOCKS) / 65_536;
    const { buffer } = new Memory({ initial: pages, maximum: pages });
    return Array.from({ length: BLOCKS }, (_, at) => new Uint8Array(buffer, at * BLOCK, BLOCK));
  } catch {
    // A limit on address space, or a runtime without it: nothing is ever lent.
    return [];
  }
}
