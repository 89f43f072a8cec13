import { OciError, quote, type CallOptions, type Platform } from '../../oci/index.js';
import type { ImageView } from '../views/image.js';
import { editImage, nameOf, objectIn, withEntries, withFields, type Json } from './edit.js';
import { timeText } from '../time.js';

/** How a container's health is asked for (Docker's `HEALTHCHECK`). Durations are nanoseconds. */
export interface Healthcheck {
  readonly Test?: readonly string[];
  readonly Interval?: number;
  readonly Timeout?: number;
  readonly StartPeriod?: number;
  readonly Retries?: number;
}

/**
 * Changes to a config. What is left out stays, null takes away. In `labels` and `env` the same holds for each key, and
 * null for all of them takes all.
 */
export interface ConfigPatch {
  readonly labels?: Readonly<Record<string, string | null>> | null;
  /** A variable that is there keeps its place; new ones follow in their order, in capitals for Windows. */
  readonly env?: Readonly<Record<string, string | null>> | null;
  /** Does not touch `cmd`, as other tools do: say `cmd: null` besides. */
  readonly entrypoint?: readonly string[] | null;
  readonly cmd?: readonly string[] | null;
  readonly shell?: readonly string[] | null;
  readonly user?: string | null;
  readonly workingDir?: string | null;
  /** All of them, as `80/tcp`. */
  readonly exposedPorts?: readonly string[] | null;
  /** All of them, as `/data`. */
  readonly volumes?: readonly string[] | null;
  readonly stopSignal?: string | null;
  readonly healthcheck?: Healthcheck | null;
  readonly author?: string | null;
  /** A date, or RFC 3339. */
  readonly created?: Date | string | null;
  /** Operating system, architecture, variant, version and features, all of them. */
  readonly platform?: Platform;
}

/**
 * An image with another config. Fields of the config that nobody knows stay.
 * @throws OciError `UNSUPPORTED` for an artifact, whose config is none of an image; `INVALID_OPTION` for a name, port or
 * time that cannot be; what reading the image throws
 */
export async function editConfig(
  image: ImageView,
  patch: ConfigPatch,
  options: CallOptions = {},
): Promise<ImageView> {
  return await editImage(
    image,
    ({ config, manifest }) => {
      if (config === undefined) {
        const { mediaType } = objectIn(manifest, 'config');
        throw new OciError(
          'UNSUPPORTED',
          `${nameOf(image)} is an artifact: its config is ${quote(String(mediaType))}, which has no labels, environment or command`,
        );
      }
      return { config: patched(config, patch) };
    },
    options,
  );
}

function patched(config: Json, patch: ConfigPatch): Json {
  const { author, created, platform } = patch;
  const os = platform?.os ?? config.os;
  const inner = objectIn(config, 'config');
  return withFields(config, {
    ...given({
      author,
      created: typeof created === 'string' || created instanceof Date ? timeText(created) : created,
    }),
    ...(platform === undefined ? {} : platformFields(platform)),
    config: withFields(inner, innerFields(inner, patch, os === 'windows')),
  });
}

function innerFields(inner: Json, patch: ConfigPatch, windows: boolean): Json {
  const { labels, env, entrypoint, cmd, shell, user, workingDir, stopSignal, healthcheck } = patch;
  return {
    ...given({
      Entrypoint: entrypoint,
      Cmd: cmd,
      Shell: shell,
      User: user,
      WorkingDir: workingDir,
      StopSignal: stopSignal,
      Healthcheck: healthcheck,
      ExposedPorts: setOf(patch.exposedPorts, 'port', /^[^/\s]+(?:\/[a-z]+)?$/),
      Volumes: setOf(patch.volumes, 'volume', /./),
    }),
    ...(labels === undefined
      ? {}
      : { Labels: labels === null ? undefined : withEntries(objectIn(inner, 'Labels'), named(labels)) }),
    ...(env === undefined ? {} : { Env: env === null ? undefined : withEnv(inner.Env, named(env), windows) }),
  };
}

/** Fields that were said something of: null takes one away. */
function given(fields: Json): Json {
  const said = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(said.map(([key, value]) => [key, value ?? undefined]));
}

function platformFields(platform: Platform): Json {
  return {
    os: platform.os,
    architecture: platform.architecture,
    variant: platform.variant,
    'os.version': platform['os.version'],
    'os.features': platform['os.features'],
  };
}

/** Go's way to write a set. */
function setOf(
  items: readonly string[] | null | undefined,
  what: string,
  form: RegExp,
): Json | null | undefined {
  const wrong = items?.find((item) => !form.test(item));
  if (wrong !== undefined) throw new OciError('INVALID_OPTION', `${what} ${quote(wrong)} is not valid`);
  return items && (items.length === 0 ? null : Object.fromEntries(items.map((item) => [item, {}])));
}

function named<T>(map: Readonly<Record<string, T>>): Readonly<Record<string, T>> {
  if (Object.hasOwn(map, '')) throw new OciError('INVALID_OPTION', 'a label or variable needs a name');
  return map;
}

/** The list with variables changed in their place, taken out, or added. Windows does not tell capitals from others. */
function withEnv(
  list: unknown,
  changes: Readonly<Record<string, string | null>>,
  windows: boolean,
): readonly string[] | undefined {
  const folded = (name: string): string => (windows ? name.toUpperCase() : name);
  const left = new Map(Object.entries(changes).map(([name, value]) => [folded(name), value]));
  for (const name of left.keys()) {
    if (name.includes('='))
      throw new OciError('INVALID_OPTION', `variable ${quote(name)} is not valid: it has a =`);
  }
  const before = (Array.isArray(list) ? list : []).filter((item) => typeof item === 'string');
  const used = new Set<string>();
  const env = before.flatMap((item) => {
    const [name = ''] = item.split('=', 1);
    const key = folded(name);
    const value = left.get(key);
    if (value === undefined) return [item];
    // Of two entries of one name, the last is in force; one is enough.
    if (value === null || used.has(key)) return [];
    used.add(key);
    return [`${name}=${value}`];
  });
  for (const [name, value] of left) if (value !== null && !used.has(name)) env.push(`${name}=${value}`);
  return env.length === 0 ? undefined : env;
}
