import type { z } from 'zod';
import { OciError, quote } from '../../oci/index.js';
import { defaultDataFolder } from '../data-folder.js';
import { serveSchema, type ServeConfig } from '../serve-config.js';
import { getAt, mergeLayers, type Layer, type Merged } from './layers.js';
import { SETTINGS, namesAt } from './settings.js';
import { environmentLayer, fileLayer, flagsLayer, unknown } from './sources.js';

/** What `serve` was told, checked. */
export interface LoadedConfig {
  readonly config: ServeConfig & { readonly data: string };
  readonly merged: Merged;
}

/** Where settings come from. */
export interface ConfigInput {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Values of the flags by the key of their setting. */
  readonly flags: ReadonlyMap<string, unknown>;
  /** The file that `--config` names; else `OCILOT_CONFIG`. */
  readonly file?: string;
}

/**
 * Reads file, environment and flags (later ones win), and checks each with the one schema.
 * @throws OciError `INVALID_OPTION` for the first thing that is wrong, naming where it stands
 */
export function loadConfig({ env, flags, file = env['OCILOT_CONFIG'] }: ConfigInput): LoadedConfig {
  const layers: Layer[] = [];
  if (file !== undefined && file !== '') layers.push(fileLayer(file));
  layers.push(environmentLayer(env, SETTINGS), flagsLayer(flags, SETTINGS));
  for (const layer of layers) checkLayer(layer);
  const merged = mergeLayers(layers, SETTINGS);
  const config = serveSchema.parse(merged.tree);
  return { config: { ...config, data: config.data ?? defaultDataFolder(env) }, merged };
}

function checkLayer(layer: Layer): void {
  const issues = serveSchema.safeParse(layer.tree).error?.issues ?? [];
  // A misspelt key explains more than what is missing because of it.
  const issue = issues.find(({ code }) => code === 'unrecognized_keys') ?? issues[0];
  if (issue !== undefined) throw describeIssue(issue, layer);
}

function describeIssue(issue: z.core.$ZodIssue, layer: Layer): OciError {
  if (issue.code === 'unrecognized_keys') {
    const name = issue.keys[0] ?? '';
    const known = namesAt(issue.path).map((key) => dotted([...issue.path, key]));
    const key = dotted([...issue.path, name]);
    return unknown(layer.name(`unknown key ${key}`), key, known);
  }
  const key = dotted(issue.path);
  const value = getAt(layer.tree, issue.path.join('.'));
  const shown = typeof value === 'string' ? quote(value, 60) : (JSON.stringify(value) ?? 'not there');
  return new OciError('INVALID_OPTION', `${layer.name(key)} is ${shown.slice(0, 80)}: ${issue.message}`);
}

/** `['access', 'rules', 0, 'pull']` as `access.rules[0].pull`. */
function dotted(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, step) => {
    if (typeof step === 'number') return `${text}[${step}]`;
    return text === '' ? String(step) : `${text}.${String(step)}`;
  }, '');
}
