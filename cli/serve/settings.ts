import { factsOf, serveSchema, type SchemaPart, type SettingKind } from '../serve-config.js';

/** One thing that `serve` can be told, as file, environment and command line spell it. */
export interface Setting {
  /** As in the file, sections joined by dots: `log.level`. */
  readonly key: string;
  /** As `--log-level`; undefined when it belongs in the file. */
  readonly flag?: string;
  /** As `OCILOT_LOG_LEVEL`; undefined when it belongs in the file. */
  readonly variable?: string;
  readonly kind: SettingKind;
  readonly meaning: string;
  /** The words that may stand there, when they are few. */
  readonly choices?: readonly string[];
  /** What holds when nobody says anything, as written in a file. */
  readonly fallback?: unknown;
}

/** Every setting, in the order of the schema. */
export const SETTINGS: readonly Setting[] = [...walk(serveSchema, [])];

function* walk(part: SchemaPart, path: readonly string[]): Generator<Setting> {
  const { kind, meaning, fallback, choices, shape } = factsOf(part);
  if (kind === undefined) {
    for (const [name, child] of Object.entries(shape ?? {})) yield* walk(child, [...path, name]);
    return;
  }
  const spelled =
    kind === 'structure'
      ? {}
      : { flag: `--${spell(path, '-')}`, variable: `OCILOT_${spell(path, '_').toUpperCase()}` };
  yield {
    key: path.join('.'),
    ...spelled,
    kind,
    meaning,
    ...(choices === undefined ? {} : { choices }),
    ...(fallback === undefined ? {} : { fallback }),
  };
}

/** Words of a path in lower case: `['log', 'maxSize']` becomes `log-max-size`. */
function spell(path: readonly string[], joint: string): string {
  return path.join(joint).replaceAll(/[A-Z]/g, (letter) => `${joint}${letter.toLowerCase()}`);
}

/** The names that a mapping of the file may have, by where it stands; none when anything goes. */
export function namesAt(path: readonly PropertyKey[]): readonly string[] {
  let part: SchemaPart = serveSchema;
  for (const step of path) {
    const { element, shape } = factsOf(part);
    const next = element ?? shape?.[String(step)];
    if (next === undefined) return [];
    part = next;
  }
  return Object.keys(factsOf(part).shape ?? {});
}
