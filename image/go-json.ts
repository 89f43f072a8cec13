import { isObject } from '../oci/index.js';

/** How Go spells "never": its zero time, which its encoder does not leave out. */
export const ZERO_TIME = '0001-01-01T00:00:00Z';

/**
 * How a value is written: a record with fields in an order of its own, a map with sorted keys, a list, a time, or
 * anything else, which stays in the order it has.
 */
type Shape =
  | 'any'
  | 'time'
  | { readonly list: Shape }
  | { readonly map: Shape }
  | { readonly fields: readonly Field[] };

/** A field of a record. `omit` leaves it out when it is empty, as Go's `omitempty` does. */
interface Field {
  readonly name: string;
  readonly shape: Shape;
  readonly omit: boolean;
}

/** Fields in Go's order: a name with `!` is never left out. */
function record(...fields: readonly (string | readonly [name: string, shape: Shape])[]): Shape {
  return {
    fields: fields.map((field) => {
      const [name, shape] = typeof field === 'string' ? [field, 'any' as const] : field;
      const kept = name.endsWith('!');
      return { name: kept ? name.slice(0, -1) : name, shape, omit: !kept };
    }),
  };
}

const MAP: Shape = { map: 'any' };

const PLATFORM = record('architecture!', 'os!', 'os.version', 'os.features', 'variant', 'features');

const DESCRIPTOR = record(
  'mediaType!',
  'size!',
  'digest!',
  'data',
  'urls',
  ['annotations', MAP],
  ['platform', PLATFORM],
  'artifactType',
);

/** The documents that are written in the order of Go's encoder, as crane has them. */
const SHAPES = {
  manifest: record(
    'schemaVersion!',
    'mediaType',
    ['config!', DESCRIPTOR],
    ['layers!', { list: DESCRIPTOR }],
    ['annotations', MAP],
    ['subject', DESCRIPTOR],
    'artifactType',
  ),
  index: record(
    'schemaVersion!',
    'mediaType',
    ['manifests!', { list: DESCRIPTOR }],
    ['annotations', MAP],
    ['subject', DESCRIPTOR],
  ),
  config: record(
    'architecture!',
    'author',
    'container',
    ['created', 'time'],
    'docker_version',
    ['history', { list: record('author', ['created', 'time'], 'created_by', 'comment', 'empty_layer') }],
    'os!',
    ['rootfs!', record('type!', 'diff_ids!')],
    [
      'config!',
      record(
        'AttachStderr',
        'AttachStdin',
        'AttachStdout',
        'Cmd',
        ['Healthcheck', record('Test', 'Interval', 'Timeout', 'StartPeriod', 'Retries')],
        'Domainname',
        'Entrypoint',
        'Env',
        'Hostname',
        'Image',
        ['Labels', MAP],
        'OnBuild',
        'OpenStdin',
        'StdinOnce',
        'Tty',
        'User',
        ['Volumes', MAP],
        'WorkingDir',
        ['ExposedPorts', MAP],
        'ArgsEscaped',
        'NetworkDisabled',
        'MacAddress',
        'StopSignal',
        'Shell',
      ),
    ],
    'os.version',
    'variant',
    'os.features',
  ),
} as const satisfies Readonly<Record<string, Shape>>;

const encoder = new TextEncoder();

/**
 * Encodes a document as Go's encoder does, and so crane: known fields in their order and without the empty ones, maps
 * sorted, `<`, `>` and `&` escaped, no white space. Fields that crane does not know, and would drop, follow in the
 * order they have. So the bytes are crane's wherever it loses nothing.
 */
export function encodeGo(value: Readonly<Record<string, unknown>>, shape: keyof typeof SHAPES): Uint8Array {
  return encoder.encode(write(value, SHAPES[shape]));
}

function write(value: unknown, shape: Shape): string {
  if (shape === 'time' && typeof value === 'string') return text(goTime(value));
  if (typeof shape === 'string') return any(value);
  if ('list' in shape) {
    return Array.isArray(value) ? `[${value.map((item) => write(item, shape.list)).join(',')}]` : any(value);
  }
  if (!isObject(value)) return any(value);
  if ('map' in shape) return object(sorted(value).map(([key, item]) => [key, write(item, shape.map)]));
  const known = new Set(shape.fields.map(({ name }) => name));
  const members = shape.fields
    .filter(({ name, omit }) => Object.hasOwn(value, name) && !(omit && isEmpty(value[name])))
    .map((field) => [field.name, write(value[field.name], field.shape)] as const);
  const others = Object.entries(value)
    .filter(([key]) => !known.has(key))
    .map(([key, item]) => [key, any(item)] as const);
  return object([...members, ...others]);
}

/** Go's empty values. An empty record is none, which only matters for fields that are no records here. */
function isEmpty(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0;
  if (isObject(value)) return Object.keys(value).length === 0;
  return value === undefined || value === null || value === '' || value === 0 || value === false;
}

function any(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(any).join(',')}]`;
  if (isObject(value)) {
    const members = Object.entries(value).filter(([, item]) => item !== undefined);
    return object(members.map(([key, item]) => [key, any(item)]));
  }
  return text(value ?? null);
}

const object = (members: readonly (readonly [key: string, value: string])[]): string =>
  `{${members.map(([key, value]) => `${text(key)}:${value}`).join(',')}}`;

/** A scalar, escaped so that it can stand in HTML and in JavaScript. */
function text(scalar: unknown): string {
  return JSON.stringify(scalar).replaceAll(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** Go sorts by the bytes of the keys. */
function sorted(map: Record<string, unknown>): [string, unknown][] {
  return Object.entries(map).toSorted(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}

/** A time as Go writes it again: no zeros at the end of a fraction. */
function goTime(value: string): string {
  return value.replace(
    /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d*[1-9])?0*)(?=Z|[+-])/,
    (_, date: string, fraction?: string) => (fraction === undefined ? date : `${date}.${fraction}`),
  );
}
