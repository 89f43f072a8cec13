import { resolve } from 'node:path';
import type { Setting } from './settings.js';

/** A tree of settings as a person wrote it, unchecked. */
export type Tree = Record<string, unknown>;

/** Settings from one place. */
export interface Layer {
  readonly tree: Tree;
  /** How this place calls a key, for messages: `ocilot.yaml: log.level`, `OCILOT_LOG_LEVEL`, `--log-level`. */
  name(key: string): string;
  /** What relative paths start from. */
  readonly base: string;
}

/** What counts in the end, and where each key comes from. */
export interface Merged {
  readonly tree: Tree;
  readonly origins: ReadonlyMap<string, string>;
}

/** Lays settings over each other, key by key: later layers win. Paths become absolute. */
export function mergeLayers(layers: readonly Layer[], settings: readonly Setting[]): Merged {
  const tree: Tree = {};
  const origins = new Map<string, string>();
  for (const layer of layers) {
    for (const { key, kind } of settings) {
      const value = getAt(layer.tree, key);
      if (value === undefined) continue;
      setAt(tree, key, kind === 'path' || kind === 'paths' ? absolute(layer.base, value) : value);
      origins.set(key, layer.name(key));
    }
  }
  return { tree, origins };
}

function absolute(base: string, value: unknown): unknown {
  if (Array.isArray(value)) return value.map((entry) => absolute(base, entry));
  return typeof value === 'string' ? resolve(base, value) : value;
}

/** The value at a dotted key. */
export function getAt(tree: Tree, key: string): unknown {
  let value: unknown = tree;
  for (const step of key.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined;
    value = (value as Tree)[step];
  }
  return value;
}

/** Sets the value at a dotted key, making sections on the way. */
export function setAt(tree: Tree, key: string, value: unknown): void {
  const steps = key.split('.');
  const last = steps.pop() ?? key;
  let at = tree;
  for (const step of steps) at = (at[step] ??= {}) as Tree;
  at[last] = value;
}
