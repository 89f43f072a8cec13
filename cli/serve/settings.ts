import { z } from 'zod';
import { serveSchema, settingKinds, type SettingKind } from '../serve-config.js';

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

function* walk(schema: z.core.$ZodType, path: readonly string[]): Generator<Setting> {
  const known = settingKinds.get(schema);
  if (known === undefined) {
    for (const [name, child] of Object.entries(shapeOf(schema) ?? {})) yield* walk(child, [...path, name]);
    return;
  }
  const fallback = schema instanceof z.ZodPrefault ? schema.def.defaultValue : undefined;
  const spelled =
    known.kind === 'structure'
      ? {}
      : { flag: `--${spell(path, '-')}`, variable: `OCILOT_${spell(path, '_').toUpperCase()}` };
  const type = bare(schema);
  const choices = type instanceof z.ZodEnum ? { choices: type.options.map(String) } : {};
  yield {
    key: path.join('.'),
    ...spelled,
    kind: known.kind,
    ...choices,
    meaning: (schema instanceof z.ZodType ? schema.description : undefined) ?? '',
    ...(fallback === undefined ? {} : { fallback }),
  };
}

/** Words of a path in lower case: `['log', 'maxSize']` becomes `log-max-size`. */
function spell(path: readonly string[], joint: string): string {
  return path.join(joint).replaceAll(/[A-Z]/g, (letter) => `${joint}${letter.toLowerCase()}`);
}

/** The type below defaults, options and transforms. */
function bare(schema: z.core.$ZodType): z.core.$ZodType {
  if (schema instanceof z.ZodPrefault || schema instanceof z.ZodOptional) return bare(schema.unwrap());
  return schema instanceof z.ZodPipe ? bare(schema.in) : schema;
}

function shapeOf(schema: z.core.$ZodType): Readonly<Record<string, z.core.$ZodType>> | undefined {
  const type = bare(schema);
  return type instanceof z.ZodObject ? type.shape : undefined;
}

/** The names that a mapping of the file may have, by where it stands; none when anything goes. */
export function namesAt(path: readonly PropertyKey[]): readonly string[] {
  let schema: z.core.$ZodType = serveSchema;
  for (const step of path) {
    const type = bare(schema);
    const next = type instanceof z.ZodArray ? type.element : shapeOf(type)?.[String(step)];
    if (next === undefined) return [];
    schema = next;
  }
  return Object.keys(shapeOf(schema) ?? {});
}
