import { isObject } from '../../oci/index.js';
import { ZERO_TIME } from '../go-json.js';
import type { Json } from './edit.js';

/** How a layer came to be, or a change without one (image-spec, config.md, "history"). */
export interface HistoryEntry {
  /** RFC 3339. */
  readonly created?: string;
  readonly created_by?: string;
  readonly author?: string;
  readonly comment?: string;
  /** True for a change that made no layer. */
  readonly empty_layer?: boolean;
}

/** What stands for a layer of which nothing is told, as in crane. */
const UNTOLD: Json = { created: ZERO_TIME };

export const hasLayer = (entry: Json): boolean => entry.empty_layer !== true;

/**
 * The history of a config, with an entry for each of its layers. A config without any history gets entries that say
 * nothing, so that what is added later stands beside its own layer.
 */
export function historyOf(config: Json, layers: number): readonly Json[] {
  const history = Array.isArray(config.history) ? config.history.filter(isObject) : [];
  return history.length > 0 ? history : Array.from({ length: layers }, () => UNTOLD);
}

/** An entry as it is written: with a time, if only the one that means none. */
export function written({ created = ZERO_TIME, ...rest }: HistoryEntry): Json {
  return { created, ...rest };
}
