import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { LineCounter, parseDocument } from 'yaml';
import { OciError, isObject } from '../../oci/index.js';
import { closest } from '../values/closest.js';
import { setAt, type Layer, type Tree } from './layers.js';
import type { Setting } from './settings.js';
import { whyUnreadable } from '../values/unreadable.js';

const PREFIX = 'OCILOT_';

/** Variables of this program that are no settings of `serve`. */
const OTHER_VARIABLES = new Set(['OCILOT_CONFIG', 'OCILOT_COMPAT']);

/** What Kubernetes sets in every pod for a service that is called `ocilot`. */
const SERVICE_LINK = /^OCILOT_(?:SERVICE_|PORT_\d)/;
const isServiceLink = (name: string, value: string): boolean =>
  SERVICE_LINK.test(name) || (name === 'OCILOT_PORT' && value.includes('://'));

/**
 * The settings of a YAML file.
 * @throws OciError `INVALID_OPTION` when it cannot be read or is no mapping
 */
export function fileLayer(path: string): Layer {
  const layer = { base: dirname(resolve(path)), name: (key: string) => `${path}: ${key}` };
  const counter = new LineCounter();
  const document = parseDocument(readText(path), { lineCounter: counter, prettyErrors: false });
  const [problem] = document.errors;
  if (problem !== undefined) {
    const { line, col } = counter.linePos(problem.pos[0]);
    throw new OciError('INVALID_OPTION', `${path}:${line}:${col}: not valid YAML: ${problem.message}`);
  }
  const content: unknown = document.toJS({ maxAliasCount: 100 }) ?? {};
  if (!isObject(content)) throw new OciError('INVALID_OPTION', `${path}: expected a mapping of settings`);
  return { ...layer, tree: withoutEmpty(content) };
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new OciError('INVALID_OPTION', `cannot read the configuration ${path}: ${whyUnreadable(cause)}`, {
      cause,
    });
  }
}

/** A key without a value, as in `tls:`, says nothing. */
function withoutEmpty(tree: Tree): Tree {
  return Object.fromEntries(
    Object.entries(tree)
      .filter(([, value]) => value !== null)
      .map(([key, value]) => [key, isObject(value) ? withoutEmpty(value) : value]),
  );
}

/**
 * The settings of the environment. An empty variable says nothing.
 * @throws OciError `INVALID_OPTION` for a variable with our prefix that means nothing
 */
export function environmentLayer(
  env: Readonly<Record<string, string | undefined>>,
  settings: readonly Setting[],
): Layer {
  const byVariable = new Map(
    settings.flatMap(({ variable, key }) => (variable === undefined ? [] : [[variable, key]])),
  );
  const byKey = new Map(settings.map(({ variable, key }) => [key, variable]));
  const tree: Tree = {};
  for (const [name, value] of Object.entries(env)) {
    if (!name.startsWith(PREFIX) || OTHER_VARIABLES.has(name) || value === undefined || value === '')
      continue;
    if (isServiceLink(name, value)) continue;
    const key = byVariable.get(name);
    if (key === undefined) throw unknown(`environment: unknown variable ${name}`, name, byVariable.keys());
    setAt(tree, key, value);
  }
  return { tree, base: process.cwd(), name: (key) => byKey.get(key) ?? key };
}

/** The settings of the command line, by key. */
export function flagsLayer(values: ReadonlyMap<string, unknown>, settings: readonly Setting[]): Layer {
  const byKey = new Map(settings.map(({ flag, key }) => [key, flag]));
  const tree: Tree = {};
  for (const [key, value] of values) setAt(tree, key, value);
  return { tree, base: process.cwd(), name: (key) => byKey.get(key) ?? key };
}

/** The error for a name that nobody knows, with the one that was meant. */
export function unknown(what: string, name: string, known: Iterable<string>): OciError {
  const meant = closest(name, known);
  return new OciError('INVALID_OPTION', meant === undefined ? what : `${what} (did you mean ${meant}?)`);
}
