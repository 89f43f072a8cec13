import { Document, isMap, isPair, isScalar } from 'yaml';
import { redact } from '../redact.js';
import type { SettingKind } from '../serve-config.js';
import { formatDuration } from '../values/duration.js';
import { formatSize } from '../values/size.js';
import { getAt, setAt, type Tree } from './layers.js';
import type { LoadedConfig } from './load-config.js';
import { SETTINGS } from './settings.js';

/** The effective configuration as a file that means the same, with where each value comes from. */
export function printConfig({ config, merged }: LoadedConfig): string {
  const tree: Tree = {};
  for (const { key, kind } of SETTINGS) setAt(tree, key, written(key, kind, getAt(config, key)));
  const document = new Document(tree);
  for (const { key } of SETTINGS) {
    const unset = getAt(tree, key) === null ? 'not set' : 'default';
    comment(document, key.split('.'), ` ${merged.origins.get(key) ?? unset}`);
  }
  return redact(document.toString({ lineWidth: 0, nullStr: '' }));
}

/** A value as a person writes it in the file. */
function written(key: string, kind: SettingKind, value: unknown): unknown {
  if (value === undefined) return null;
  if (key === 'quotas') {
    return Object.fromEntries(
      Object.entries(value as Record<string, number>).map(([prefix, bytes]) => [prefix, formatSize(bytes)]),
    );
  }
  if (kind === 'size') return formatSize(value as number);
  return kind === 'duration' ? formatDuration(value as number) : value;
}

/** Puts a comment behind a plain value, before a list or mapping. */
function comment(document: Document, path: readonly string[], text: string): void {
  const parent = document.getIn(path.slice(0, -1), true) ?? document.contents;
  if (!isMap(parent)) return;
  const pair = parent.items.find(
    (item) => isPair(item) && isScalar(item.key) && item.key.value === path.at(-1),
  );
  if (pair === undefined || !isScalar(pair.key)) return;
  if (isScalar(pair.value)) pair.value.comment = text;
  else pair.key.commentBefore = text;
}
