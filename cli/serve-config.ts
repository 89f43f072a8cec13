import { z } from 'zod';
import { isOciError } from '../oci/index.js';
import { DURATION_SHAPE, LONGEST_TIMER, parseDuration } from './values/duration.js';
import { SIZE_SHAPE, parseSize } from './values/size.js';
import { parseWhole, wholeShape } from './values/whole.js';

/*
 * The one schema of everything `serve` can be told, by file, environment or flag. Flags, names of variables, help,
 * `--print-config`, `--print-schema` and the check of docs/configuration.md are all derived from it.
 */

/** How a setting is written. A `structure` has no flag and no variable: it belongs in the file. */
export type SettingKind =
  | 'text'
  | 'path'
  | 'number'
  | 'size'
  | 'duration'
  | 'boolean'
  | 'choice'
  | 'list'
  | 'paths'
  | 'structure';

/** The kind of each setting: what its type does not tell. */
const settingKinds = z.registry<{ readonly kind: SettingKind }>();

function setting<T extends z.ZodType>(kind: SettingKind, type: T, meaning: string): T {
  const described = type.describe(meaning);
  settingKinds.add(described, { kind });
  return described;
}

/** A type that one of our own parsers reads. */
function read<T>(shape: string, parse: (value: string | number) => T) {
  const error = `expected ${shape}`;
  return z.union([z.number(), z.string()], { error: () => error }).transform((value, context): T => {
    try {
      return parse(value);
    } catch (cause) {
      if (!isOciError(cause)) throw cause;
      context.addIssue({ code: 'custom', message: error });
      return z.NEVER;
    }
  });
}

const wholeType = (least: number, most: number) =>
  read(wholeShape(least, most), (value) => parseWhole(value, least, most));
const sizeType = read(SIZE_SHAPE, parseSize);
const textType = z.string({ error: () => 'expected text' }).min(1, { error: () => 'expected text' });
const listType = z
  .union([z.array(textType), textType], { error: () => 'expected a list of texts' })
  .transform((value) => (typeof value === 'string' ? value.split(',').map((part) => part.trim()) : value));
const booleanType = z
  .union([z.boolean(), z.enum(['true', 'false'])], { error: () => 'expected true or false' })
  .transform((value) => value === true || value === 'true');

const text = (meaning: string) => setting('text', textType.optional(), meaning);
const path = (meaning: string) => setting('path', textType.optional(), meaning);
const size = (fallback: string, meaning: string) => setting('size', sizeType.prefault(fallback), meaning);
const flag = (fallback: boolean, meaning: string) =>
  setting('boolean', booleanType.prefault(fallback), meaning);

const durationType = read(DURATION_SHAPE, parseDuration).refine((value) => value <= LONGEST_TIMER, {
  error: () => 'expected no more than 24d',
});
const duration = (fallback: string, meaning: string) =>
  setting('duration', durationType.prefault(fallback), meaning);

function choice<const T extends readonly [string, ...string[]]>(
  values: T,
  fallback: T[number],
  meaning: string,
) {
  const type = z.enum(values, { error: () => `expected one of ${values.join(', ')}` });
  return setting('choice', type.prefault(fallback), meaning);
}

const mapping = <T extends z.core.$ZodLooseShape>(shape: T) =>
  z.strictObject(shape, { error: () => 'expected a mapping of settings' });
const section = <T extends z.core.$ZodLooseShape>(shape: T) =>
  mapping(shape).prefault({} as z.input<z.ZodObject<T, z.core.$strict>>);

const names = z.array(textType, { error: () => 'expected a list of names' });

const accessRules = z.array(
  mapping({
    repositories: textType,
    pull: names.optional(),
    push: names.optional(),
    delete: names.optional(),
    admin: names.optional(),
  }),
  { error: () => 'expected a list of rules' },
);

const immutableTags = z.array(mapping({ repository: textType, tag: textType.optional() }), {
  error: () => 'expected a list of mappings with repository and tag',
});

const quotas = z.record(z.string(), sizeType, { error: () => 'expected a mapping of prefixes to sizes' });

/** Everything `serve` can be told. */
export const serveSchema = mapping({
  host: setting('text', textType.prefault('127.0.0.1'), 'address to listen on'),
  port: setting('number', wholeType(0, 65_535).prefault(5000), 'port to listen on; 0 takes a free one'),
  data: path('folder that holds all content'),
  blobs: choice(
    ['auto', 'leveldb', 'memory'],
    'auto',
    'where bytes lie: auto keeps large blobs as files, memory keeps nothing',
  ),
  load: setting(
    'paths',
    listType.prefault([]),
    'archives, layouts and data folders of a docker registry to take in at the start',
  ),
  publicUrl: text('scheme and host that clients use, when a proxy stands before'),
  trustProxy: flag(false, 'take scheme, host and client from the headers of a proxy'),
  readOnly: flag(false, 'refuse every write'),
  grace: duration('30s', 'how long transfers may go on after SIGTERM'),
  idleTimeout: duration('60s', 'how long a client may send nothing of a request it has begun; 0 for ever'),
  log: section({
    level: choice(
      ['trace', 'debug', 'info', 'warn', 'error', 'silent'],
      'info',
      'least important lines to log',
    ),
    format: choice(['auto', 'json', 'text'], 'auto', 'auto is text on a terminal, else json'),
  }),
  tls: section({
    cert: path('certificate chain, PEM'),
    key: path('private key, PEM'),
    auto: flag(false, 'make a certificate on the spot, and an authority that clients can trust'),
    hosts: setting('list', listType.prefault([]), 'names and addresses that the certificate made is for'),
  }),
  access: section({
    mode: choice(
      ['none', 'basic', 'bearer'],
      'none',
      'who may come in: everybody, or users with a password, by Basic or by tokens',
    ),
    htpasswd: path('file of users, made by `ocilot user add`; without it `htpasswd` in the data folder'),
    admins: setting(
      'list',
      listType.optional(),
      'users who may do everything; without rules that is every known user',
    ),
    rules: setting(
      'structure',
      accessRules.optional(),
      'who may do what in which repositories; the first that matches decides',
    ),
    realm: text('what the registry is called when a client asks for a password; without it `ocilot`'),
    tokenTtl: setting('duration', durationType.optional(), 'how long a token is good for; without it 5m'),
  }),
  metrics: section({
    enabled: flag(true, 'answer /metrics'),
    public: flag(false, 'answer /metrics without credentials'),
  }),
  deletes: section({
    enabled: flag(true, 'allow DELETE of content'),
    protectChildren: flag(false, 'refuse to delete a manifest that an index points to'),
  }),
  manifests: section({
    missing: choice(
      ['strict', 'platforms', 'off'],
      'strict',
      'what a manifest may point to that is not there: nothing, some platforms of an index, anything',
    ),
  }),
  immutableTags: setting('structure', immutableTags.prefault([]), 'tags that may not move, as globs'),
  quotas: setting(
    'structure',
    quotas.prefault({}),
    'most bytes below a path prefix; "" is the whole registry',
  ),
  collection: section({
    every: duration('1h', 'how often to collect what nothing needs; 0 never'),
    untagged: flag(false, 'also collect manifests that no tag, index or subject keeps'),
  }),
  rateLimit: section({
    perSecond: setting(
      'number',
      wholeType(1, 1_000_000).optional(),
      'requests a client may send in a second',
    ),
    burst: setting('number', wholeType(0, 1_000_000).optional(), 'requests that may come at once'),
  }),
  inlineLimit: size('512KiB', 'blobs up to this size lie in the database itself'),
  manifestLimit: size('8MiB', 'largest manifest'),
  minFree: size('64MiB', 'writes are refused when less would be free on the disk'),
  lease: duration('1h', 'how long what a client was told to exist is kept without being used'),
  uploadExpiry: duration('24h', 'how long after its last write an upload is kept'),
  maxUploads: setting(
    'number',
    wholeType(1, 10_000_000).prefault(10_000),
    'uploads that may be open at once',
  ),
});

/** The settings as they take effect. */
export type ServeConfig = z.output<typeof serveSchema>;

/** A part of the schema. */
export type SchemaPart = z.core.$ZodType;

/** What a part of the schema says of itself. */
export interface PartFacts {
  /** Of a setting; undefined for a section. */
  readonly kind: SettingKind | undefined;
  readonly meaning: string;
  /** What holds when nobody says anything, as written in a file. */
  readonly fallback: unknown;
  /** The words that it may be. */
  readonly choices: readonly string[] | undefined;
  /** The members of a mapping. */
  readonly shape: Readonly<Record<string, SchemaPart>> | undefined;
  /** The elements of a list. */
  readonly element: SchemaPart | undefined;
}

/** Looks at a part of the schema. */
export function factsOf(part: SchemaPart): PartFacts {
  const type = bare(part);
  return {
    kind: settingKinds.get(part)?.kind,
    meaning: (part instanceof z.ZodType ? part.description : undefined) ?? '',
    fallback: part instanceof z.ZodPrefault ? part.def.defaultValue : undefined,
    choices: type instanceof z.ZodEnum ? type.options.map(String) : undefined,
    shape: type instanceof z.ZodObject ? type.shape : undefined,
    element: type instanceof z.ZodArray ? type.element : undefined,
  };
}

/** The type below defaults, options and transforms. */
function bare(part: SchemaPart): SchemaPart {
  if (part instanceof z.ZodPrefault || part instanceof z.ZodOptional) return bare(part.unwrap());
  return part instanceof z.ZodPipe ? bare(part.in) : part;
}

/** The JSON schema of the file, for editors. */
export function serveJsonSchema(): object {
  return z.toJSONSchema(serveSchema, { io: 'input' });
}
