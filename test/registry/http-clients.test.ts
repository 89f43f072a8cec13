import { describe, expect, it } from 'vitest';
import { MEDIA_TYPES } from '../../oci/index.js';
import { WAYS, blobOf, documentOf, open, patterned, type Blob, type Site } from './helpers.js';

/** One request of a client. `{session}` stands for the last upload URL, its query and all. */
interface Step {
  readonly send: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  /** Sent in pieces, without a length. */
  readonly streamed?: boolean;
  readonly status: number;
  /** Headers that the client looks at. */
  readonly answer?: Readonly<Record<string, string | RegExp>>;
  /** The body that it must get. */
  readonly gets?: Uint8Array;
}

const OCTETS = { 'content-type': 'application/octet-stream' };
const config = blobOf('{"architecture":"amd64","os":"linux"}');
const layer = blobOf(patterned(700_000));
const shared = blobOf('a layer that another repository has');
const descriptorOf = (mediaType: string, { bytes, digest }: Blob): object => ({
  mediaType,
  digest,
  size: bytes.byteLength,
});
const image = documentOf({
  mediaType: MEDIA_TYPES.dockerManifest,
  config: descriptorOf(MEDIA_TYPES.dockerConfig, config),
  layers: [descriptorOf(MEDIA_TYPES.dockerLayer, layer), descriptorOf(MEDIA_TYPES.dockerLayer, shared)],
});
const chart = documentOf({
  mediaType: MEDIA_TYPES.ociManifest,
  config: descriptorOf('application/vnd.cncf.helm.config.v1+json', config),
  layers: [descriptorOf('application/vnd.cncf.helm.chart.content.v1.tar+gzip', layer)],
});

const BLOB = /^\/v2\/app\/blobs\/sha256:[0-9a-f]{64}$/;
const UPLOAD = /^\/v2\/app\/blobs\/uploads\/[^/?]+/;
const API = { 'docker-distribution-api-version': 'registry/2.0' };

const ping: Step = { send: 'GET /v2/', status: 200, answer: API };
const absent = ({ digest }: Blob): Step => ({ send: `HEAD /v2/app/blobs/${digest}`, status: 404 });
const started: Pick<Step, 'status' | 'answer'> = {
  status: 202,
  answer: { location: UPLOAD, 'docker-upload-uuid': /^\S+$/, range: '0-0' },
};
const begin: Step = { send: 'POST /v2/app/blobs/uploads/', ...started };
const streamed = ({ bytes, digest }: Blob): Step[] => [
  {
    send: 'PATCH {session}',
    headers: OCTETS,
    body: bytes,
    streamed: true,
    status: 202,
    answer: { location: UPLOAD, range: `0-${bytes.byteLength - 1}` },
  },
  {
    send: `PUT {session}?digest=${encodeURIComponent(digest)}`,
    headers: OCTETS,
    status: 201,
    answer: { location: BLOB, 'docker-content-digest': digest },
  },
];
const whole = ({ bytes, digest }: Blob): Step => ({
  send: `PUT {session}?digest=${encodeURIComponent(digest)}`,
  headers: OCTETS,
  body: bytes,
  status: 201,
  answer: { location: BLOB, 'docker-content-digest': digest },
});
const mounted = (from: string): Step => ({
  send: `POST /v2/app/blobs/uploads/?mount=${encodeURIComponent(shared.digest)}&from=${encodeURIComponent(from)}`,
  status: 201,
  answer: { location: BLOB, 'docker-content-digest': shared.digest },
});
const put = (reference: string, { bytes, mediaType, digest }: typeof image): Step => ({
  send: `PUT /v2/app/manifests/${reference}`,
  headers: { 'content-type': mediaType },
  body: bytes,
  status: 201,
  answer: { 'docker-content-digest': digest, location: /^\/v2\/app\/manifests\// },
});
const read = (
  method: 'GET' | 'HEAD',
  reference: string,
  { bytes, mediaType, digest }: typeof image,
  accept: string,
): Step => ({
  send: `${method} /v2/app/manifests/${reference}`,
  headers: { accept },
  status: 200,
  answer: {
    'content-type': mediaType,
    'docker-content-digest': digest,
    'content-length': String(bytes.byteLength),
  },
  ...(method === 'GET' ? { gets: bytes } : {}),
});
const pull = ({ bytes, digest }: Blob, query = ''): Step => ({
  send: `GET /v2/app/blobs/${digest}${query}`,
  status: 200,
  answer: { 'content-length': String(bytes.byteLength), 'docker-content-digest': digest },
  gets: bytes,
});

const DOCKER_ACCEPT = [
  MEDIA_TYPES.dockerSchema1Signed,
  'application/json',
  MEDIA_TYPES.dockerManifest,
  MEDIA_TYPES.dockerManifestList,
  MEDIA_TYPES.ociIndex,
  MEDIA_TYPES.ociManifest,
].join(', ');
const CONTAINERD_ACCEPT = `${MEDIA_TYPES.dockerManifest}, ${MEDIA_TYPES.dockerManifestList}, ${MEDIA_TYPES.ociManifest}, ${MEDIA_TYPES.ociIndex}, */*`;

/** What clients send, in their order (reference: "What real clients do"). */
const CLIENTS: Readonly<Record<string, readonly Step[]>> = {
  'docker engine': [
    ping,
    absent(layer),
    begin,
    ...streamed(layer),
    absent(shared),
    mounted('other'),
    absent(config),
    begin,
    ...streamed(config),
    { send: `HEAD /v2/app/blobs/${layer.digest}`, status: 200, answer: { 'content-length': '700000' } },
    put('v1', image),
    read('HEAD', 'v1', image, DOCKER_ACCEPT),
    read('GET', image.digest, image, DOCKER_ACCEPT),
    pull(config),
    pull(layer),
  ],
  'containerd, nerdctl, buildkit': [
    absent(layer),
    begin,
    whole(layer),
    absent(shared),
    mounted('other'),
    absent(config),
    begin,
    whole(config),
    { send: 'HEAD /v2/app/manifests/v1?ns=app.example', status: 404 },
    put('v1', image),
    {
      ...read('HEAD', 'v1', image, CONTAINERD_ACCEPT),
      send: 'HEAD /v2/app/manifests/v1?ns=docker.io',
      answer: { 'oci-namespace': 'docker.io', 'docker-content-digest': image.digest },
    },
    read('GET', `${image.digest}?ns=docker.io`, image, CONTAINERD_ACCEPT),
    pull(layer, '?ns=docker.io'),
    {
      send: `GET /v2/app/blobs/${layer.digest}?ns=docker.io`,
      headers: { range: 'bytes=699990-' },
      status: 206,
      answer: { 'content-range': 'bytes 699990-699999/700000', 'content-length': '10' },
      gets: layer.bytes.subarray(699_990),
    },
  ],
  'podman, buildah, skopeo': [
    { ...ping, answer: { ...API, 'content-type': 'application/json' } },
    absent(layer),
    begin,
    ...streamed(layer),
    absent(shared),
    begin,
    ...streamed(shared),
    absent(config),
    begin,
    ...streamed(config),
    put('v1', image),
    read('GET', 'v1', image, DOCKER_ACCEPT),
    pull(config),
    pull(layer),
    { send: 'GET /v2/app/tags/list', status: 200 },
    { send: `DELETE /v2/app/manifests/${image.digest}`, status: 202 },
    { send: 'GET /v2/app/manifests/v1', status: 404 },
  ],
  'crane, ko, kaniko, cosign': [
    ping,
    { send: `HEAD /v2/app/blobs/${shared.digest}`, status: 404 },
    { ...mounted('other'), send: `${mounted('other').send}&origin=registry.example` },
    absent(layer),
    {
      send: `POST /v2/app/blobs/uploads/?from=nowhere&mount=${encodeURIComponent(layer.digest)}&origin=x`,
      ...started,
    },
    ...streamed(layer),
    begin,
    ...streamed(config),
    { send: 'HEAD /v2/app/manifests/v1', status: 404 },
    put('v1', image),
    read('HEAD', 'v1', image, CONTAINERD_ACCEPT),
    read('GET', 'v1', image, MEDIA_TYPES.dockerManifest),
    { send: 'GET /v2/app/tags/list?n=1000', status: 200 },
    { send: 'GET /v2/_catalog?n=1000&last=', status: 200 },
  ],
  'helm, oras, notation': [
    absent(layer),
    begin,
    whole(layer),
    absent(config),
    begin,
    whole(config),
    { send: `HEAD /v2/app/manifests/${chart.digest}`, status: 404 },
    put(chart.digest, chart),
    put('1.0.0_build', chart),
    {
      send: 'GET /v2/app/tags/list',
      status: 200,
      gets: Buffer.from('{"name":"app","tags":["1.0.0_build"]}'),
    },
    read('HEAD', '1.0.0_build', chart, MEDIA_TYPES.ociManifest),
    read('GET', chart.digest, chart, MEDIA_TYPES.ociManifest),
    {
      send: `GET /v2/app/referrers/${chart.digest}?artifactType=application%2Fvnd.cncf.notary.signature`,
      status: 200,
      answer: { 'content-type': MEDIA_TYPES.ociIndex, 'oci-filters-applied': 'artifactType' },
    },
    pull(layer),
  ],
  'a load tool that drops the query': [
    begin,
    { ...whole(layer), headers: { ...OCTETS, 'content-length': String(layer.bytes.byteLength) } },
    begin,
    whole(config),
    begin,
    whole(shared),
    put('v1', image),
    { send: 'GET /v2/app/manifests/v1', status: 200, gets: image.bytes },
    { send: `HEAD /v2/app/blobs/${layer.digest}`, status: 200 },
    { send: `DELETE /v2/app/manifests/${image.digest}`, status: 202 },
    { send: `DELETE /v2/app/blobs/${layer.digest}`, status: 202 },
    { send: `DELETE /v2/app/blobs/${config.digest}`, status: 202 },
  ],
};

function inPieces(bytes: Uint8Array): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.byteLength) controller.close();
      else controller.enqueue(bytes.subarray(at, (at += 32_768)));
    },
  });
}

async function replay(site: Site, steps: readonly Step[]): Promise<void> {
  let session = '';
  for (const step of steps) {
    const [method = '', target = ''] = step.send.split(' ');
    const { body } = step;
    const answer = await site.ask(method, target.replace('{session}', session), {
      ...(step.headers === undefined ? {} : { headers: step.headers }),
      ...(body === undefined ? {} : { body: step.streamed === true ? inPieces(body) : body }),
    });
    expect(`${step.send}: ${answer.status}`).toBe(`${step.send}: ${step.status}`);
    for (const [name, expected] of Object.entries(step.answer ?? {})) {
      const value = answer.headers.get(name) ?? '';
      expect(
        typeof expected === 'string' ? value === expected : expected.test(value),
        `${name}: ${value}`,
      ).toBe(true);
    }
    if (step.gets !== undefined) expect(answer.bytes.equals(step.gets)).toBe(true);
    if (answer.status === 202 && method !== 'DELETE') session = answer.headers.get('location') ?? '';
  }
}

describe.each(WAYS)('requests as clients send them, by %s', (way) => {
  it.each(Object.entries(CLIENTS))('%s', async (_, steps) => {
    await using site = await open({}, way);
    await site.ask('POST', `/v2/other/blobs/uploads/?digest=${shared.digest}`, { body: shared.bytes });
    await replay(site, steps);
  });
});

describe.each(['basic', 'bearer'] as const)('requests as clients send them, with %s', (mode) => {
  const basic = `Basic ${Buffer.from('ann:secret').toString('base64')}`;

  /** What a client does with the challenge it gets for a ping without credentials. */
  async function authorization(site: Site): Promise<string> {
    const refused = await site.ask('GET', '/v2/');
    expect([refused.status, refused.codes()]).toEqual([401, ['UNAUTHORIZED']]);
    const challenge = refused.headers.get('www-authenticate') ?? '';
    if (mode === 'basic') {
      expect(challenge).toMatch(/^Basic realm="[^"]+"$/);
      return basic;
    }
    const fields = new Map(
      [...challenge.matchAll(/(\w+)="([^"]*)"/g)].map(([, name, value]) => [name, value]),
    );
    const realm = new URL(fields.get('realm') ?? '');
    const query = new URLSearchParams({ service: fields.get('service') ?? '' });
    for (const scope of [
      'repository:app:pull,push,delete',
      'repository:other:pull,push',
      'registry:catalog:*',
    ])
      query.append('scope', scope);
    const granted = await site.ask('GET', `${realm.pathname}?${query.toString()}`, {
      headers: { authorization: basic },
    });
    return `Bearer ${granted.json<{ token: string }>().token}`;
  }

  it.each(Object.entries(CLIENTS))('%s', async (_, steps) => {
    await using site = await open({ access: { mode, users: { ann: 'secret' } } }, 'socket');
    const credentials = { authorization: await authorization(site) };
    const known: Site = {
      ...site,
      ask: async (method, path, init = {}) =>
        await site.ask(method, path, { ...init, headers: { ...init.headers, ...credentials } }),
    };
    await known.ask('POST', `/v2/other/blobs/uploads/?digest=${shared.digest}`, { body: shared.bytes });
    await replay(known, steps);
    for (const path of ['/v2/app/tags/list', '/v2/_catalog', `/v2/app/blobs/${layer.digest}`])
      expect((await site.ask('GET', path)).status).toBe(401);
  });
});
