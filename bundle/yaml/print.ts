import { printScalar } from './scalar.js';
import { byNaturalOrder } from './natural-order.js';

/** What can be printed. Fields that are undefined are left out. */
export type YamlValue =
  | boolean
  | number
  | string
  | null
  | undefined
  | readonly YamlValue[]
  | { readonly [key: string]: YamlValue };

/**
 * Prints YAML byte for byte as imgpkg does: keys in Go's natural order, lists as deep as their key, quotes only where a
 * reader would take text for something else.
 */
export function printYaml(value: YamlValue): string {
  return `${print(value, 0, 0)}\n`;
}

/** @param column where it begins; @param indent of the collection it is in, for what follows on further lines */
function print(value: YamlValue, indent: number, column: number): string {
  if (typeof value === 'string') return printScalar(value, { column, indent: indent + 2, isKey: false });
  if (isList(value)) return printList(value, indent);
  if (typeof value === 'object' && value !== null) return printMap(value, indent);
  return String(value ?? null);
}

function printList(list: readonly YamlValue[], indent: number): string {
  if (list.length === 0) return '[]';
  const pad = ' '.repeat(indent);
  return list.map((item) => `- ${print(item, indent + 2, indent + 2)}`).join(`\n${pad}`);
}

function printMap(map: { readonly [key: string]: YamlValue }, indent: number): string {
  const entries = Object.entries(map).filter(([, value]) => value !== undefined);
  if (entries.length === 0) return '{}';
  const pad = ' '.repeat(indent);
  return entries
    .toSorted(([a], [b]) => byNaturalOrder(a, b))
    .map(([name, value]) => {
      const key = printScalar(name, { column: indent, indent: indent + 2, isKey: true });
      if (isList(value) && value.length > 0) return `${key}:\n${pad}${printList(value, indent)}`;
      if (isMap(value) && Object.values(value).some((item) => item !== undefined))
        return `${key}:\n${pad}  ${printMap(value, indent + 2)}`;
      return `${key}: ${print(value, indent, indent + key.length + 2)}`;
    })
    .join(`\n${pad}`);
}

const isList = (value: YamlValue): value is readonly YamlValue[] => Array.isArray(value);
const isMap = (value: YamlValue): value is { readonly [key: string]: YamlValue } =>
  typeof value === 'object' && value !== null && !isList(value);
