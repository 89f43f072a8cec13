import { MEDIA_TYPES } from '../../oci/index.js';
import { EMPTY, blobOf, imageOf, indexOf, patterned } from './helpers.js';

/** A request as it goes over the wire; nothing in it need be valid. */
export interface WireRequest {
  readonly method: string;
  readonly target: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer;
}

/** Numbers that look random and are the same for the same seed (mulberry32). */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** At least 0, less than `limit`. */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let value = this.#state;
    value = Math.imul(value ^ (value >>> 15), value | 1);
    value ^= value + Math.imul(value ^ (value >>> 7), value | 61);
    return ((value ^ (value >>> 14)) >>> 0) % limit;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }

  bytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.below(256)));
  }
}

const image = imageOf();
const attached = imageOf({ subject: image.descriptor, artifactType: 'application/x' });
const index = indexOf([image.descriptor]);
const large = blobOf(patterned(600_000));
const { digest } = image;
const OCTETS = [['content-type', 'application/octet-stream']] as const;

const request = (
  method: string,
  target: string,
  headers: WireRequest['headers'] = [],
  body: string | Uint8Array = '',
): WireRequest => ({ method, target, headers, body: Buffer.from(body) });

/** Valid requests of every kind. `SESSION` stands for an upload that is open. */
const VALID: readonly WireRequest[] = [
  request('GET', '/v2/'),
  request('GET', '/', [['accept', 'text/html']]),
  request('GET', '/?repository=fuzz/app&last=a', [['accept', 'text/html']]),
  request('GET', '/v2/_catalog?n=10&last=a'),
  request('GET', '/v2/_oci/ext/discover'),
  request('GET', '/v2/fuzz/app/tags/list?n=2&last=v'),
  request('HEAD', '/v2/fuzz/app/manifests/v1', [['accept', MEDIA_TYPES.ociManifest]]),
  request('GET', `/v2/fuzz/app/manifests/${digest}`, [['if-none-match', `"${digest}"`]]),
  request('PUT', '/v2/fuzz/app/manifests/v1', [['content-type', image.mediaType]], image.bytes),
  request('PUT', `/v2/fuzz/app/manifests/${digest}?tag=a&tag=b`, [['if-match', '*']], image.bytes),
  request('PUT', '/v2/fuzz/app/manifests/multi', [['content-type', index.mediaType]], index.bytes),
  request('PUT', '/v2/fuzz/app/manifests/signed', [['content-type', attached.mediaType]], attached.bytes),
  request('DELETE', '/v2/fuzz/app/manifests/v1'),
  request('DELETE', `/v2/fuzz/app/manifests/${attached.digest}`),
  request('GET', `/v2/fuzz/app/referrers/${digest}?artifactType=application/x&n=1`),
  request('GET', `/v2/fuzz/app/blobs/${large.digest}`, [['range', 'bytes=10-20']]),
  request('HEAD', `/v2/fuzz/app/blobs/${EMPTY.digest}?ns=docker.io`),
  request('DELETE', `/v2/fuzz/app/blobs/${large.digest}`),
  request('POST', '/v2/fuzz/app/blobs/uploads/'),
  request('POST', '/v2/fuzz/app/blobs/uploads/?digest-algorithm=sha512'),
  request('POST', `/v2/fuzz/app/blobs/uploads/?digest=${EMPTY.digest}`, OCTETS, '{}'),
  request('POST', `/v2/fuzz/app/blobs/uploads/?digest=${large.digest}`, OCTETS, large.bytes),
  request('POST', `/v2/fuzz/other/blobs/uploads/?mount=${EMPTY.digest}&from=fuzz/app`),
  request('GET', 'SESSION'),
  request('PATCH', 'SESSION', [...OCTETS, ['content-range', '0-9']], '0123456789'),
  request('PATCH', 'SESSION', OCTETS, 'streamed'),
  request('PUT', `SESSION?digest=${EMPTY.digest}`, OCTETS, '{}'),
  request('DELETE', 'SESSION'),
];

const METHODS = ['GET', 'HEAD', 'PUT', 'POST', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND', 'get', 'X'];
/** Pieces of paths that somebody may read otherwise than they were meant. */
const SEGMENTS = [
  '..',
  '.',
  '%2e%2e',
  '%2E.',
  '%2f',
  '%2F..%2F',
  '%5c',
  '\\',
  '%00',
  '%0d%0aX:y',
  '%',
  '%zz',
  '%ff',
  '%c3%a9',
  'ü',
  '',
  ' ',
  '%20',
  '+',
  '*',
  '~',
  '!',
  'a!b',
  ':',
  '@',
  ';x=y',
  '_catalog',
  '_oci',
  'blobs',
  'uploads',
  'manifests',
  'tags',
  'list',
  'referrers',
  'v2',
  'etc',
  'passwd',
  'CON',
  'a'.repeat(128),
  'a'.repeat(129),
  'a'.repeat(300),
  'a/'.repeat(200),
  `sha256:${'0'.repeat(64)}`,
  `sha512:${'f'.repeat(128)}`,
  'sha256:../../x',
  'sha256:',
  'md5:x',
  digest,
  EMPTY.digest,
  'fuzz',
  'app',
  'v1',
  '__proto__',
  'constructor',
  '0',
  '-1',
  'undefined',
  'null',
];
const KEYS = [
  'digest',
  'mount',
  'from',
  'n',
  'last',
  'artifactType',
  'ns',
  'tag',
  'digest-algorithm',
  'repository',
];
const HEADERS: readonly (readonly [string, readonly string[]])[] = [
  [
    'range',
    ['bytes=0-0', 'bytes=-1', 'bytes=5-2', 'bytes=a-', `bytes=${'9'.repeat(99)}-`, 'bytes=0-1,2-3', 'x'],
  ],
  ['content-range', ['0-1', '0-0', '5-9', '9-5', 'bytes 0-1/2', '0-9999999', '-', 'x']],
  ['content-type', [image.mediaType, index.mediaType, MEDIA_TYPES.dockerSchema1, 'text/html', ';', 'x/y;z']],
  [
    'accept',
    ['*/*', 'text/html', MEDIA_TYPES.dockerManifest, ',,;q=0', 'application/*;q=0', 'a'.repeat(2000)],
  ],
  ['if-match', ['*', '""', `"${digest}"`, 'W/"x", "', ',']],
  ['if-none-match', ['*', '""', `"${digest}"`, 'W/"x", "', ',']],
  ['if-range', ['*', `"${digest}"`, 'yesterday']],
  ['authorization', ['Basic', 'Basic eDp5', 'Bearer x', 'Bearer', 'x'.repeat(3000), 'Basic !!!!']],
  ['x-forwarded-for', ['1.2.3.4', '<script>', 'x'.repeat(500)]],
  ['x-forwarded-host', ['a"b', 'evil.example', '']],
  ['forwarded', ['for=x;host="y', ';;;,,,', 'host=a;host=b']],
  ['x-unknown', ['', ' ', '\t', '\u00ff']],
];

/** A request from near to nowhere: a valid one with up to four things changed. */
export function mutated(random: Random, session: string): WireRequest {
  const valid = random.pick(VALID);
  let made: WireRequest = { ...valid, target: valid.target.replace('SESSION', session) };
  for (let count = random.below(5); count > 0; count--) made = random.pick(MUTATIONS)(made, random);
  return made;
}

type Mutation = (made: WireRequest, random: Random) => WireRequest;

const MUTATIONS: readonly Mutation[] = [
  (made, random) => ({ ...made, method: random.pick(METHODS) }),
  (made, random) =>
    withPath(made, (parts) => parts.splice(random.below(parts.length), 1, random.pick(SEGMENTS))),
  (made, random) =>
    withPath(made, (parts) => parts.splice(random.below(parts.length), 0, random.pick(SEGMENTS))),
  (made, random) => withPath(made, (parts) => parts.splice(random.below(parts.length), 1)),
  (made, random) => withQuery(made, `${random.pick(KEYS)}=${random.pick(SEGMENTS)}`),
  (made, random) => withQuery(made, `${random.pick(KEYS)}=${encodeURIComponent(random.pick(SEGMENTS))}`),
  (made, random) => {
    const [name, values] = random.pick(HEADERS);
    return { ...made, headers: [...made.headers, [name, random.pick(values)]] };
  },
  (made) => ({ ...made, headers: [] }),
  (made, random) => ({ ...made, body: made.body.subarray(0, random.below(made.body.byteLength + 1)) }),
  (made, random) => ({ ...made, body: random.bytes(random.below(3000)) }),
  (made, random) => ({ ...made, body: edited(made.body, random) }),
  (made, random) => ({ ...made, body: Buffer.from('[{"":'.repeat(random.below(2000))) }),
];

function withPath(made: WireRequest, edit: (parts: string[]) => void): WireRequest {
  const [path = '', ...query] = made.target.split('?');
  const parts = path.split('/');
  edit(parts);
  const joined = parts.join('/');
  return { ...made, target: [joined.startsWith('/') ? joined : `/${joined}`, ...query].join('?') };
}

function withQuery(made: WireRequest, pair: string): WireRequest {
  return { ...made, target: `${made.target}${made.target.includes('?') ? '&' : '?'}${pair}` };
}

/** A few bytes changed; most of the rest still makes sense. */
function edited(body: Buffer, random: Random): Buffer {
  const copy = Buffer.from(body);
  for (let count = random.below(4); count >= 0 && copy.byteLength > 0; count--)
    copy[random.below(copy.byteLength)] = random.pick([0, 0x22, 0x2d, 0x30, 0x5b, 0x7b, 0x7d, 0xff]);
  return copy;
}
