import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect } from 'vitest';
import { scrub } from '../../registry/storage/scrub.js';
import { mutated, Random, type WireRequest } from './fuzz.js';
import { imageOf, patterned, pushBlob, pushManifest, startUpload, type Site } from './helpers.js';
import { connectRaw, head } from './raw.js';

/** Longer than any answer takes, however busy the machine. */
const PATIENCE = 20_000;

/** What a run found besides what it asserts. */
export interface FuzzReport {
  /** Answers by status. */
  readonly statuses: Readonly<Record<number, number>>;
  /** How much more memory the second half of the run held than the first, in bytes. */
  readonly grown: number;
}

const collectGarbage = ((): (() => void) => {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
})();

function heap(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed + process.memoryUsage().external;
}

/** Fails when an answer takes as long as if there were none. */
async function within<T>(work: Promise<T>, what: () => string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer to ${what()}`)), PATIENCE);
  });
  return await Promise.race([work, late]).finally(() => clearTimeout(timer));
}

const shown = (made: WireRequest): string =>
  JSON.stringify({ ...made, body: made.body.subarray(0, 200).toString('latin1') });

/** How a run goes. */
export interface FuzzOptions {
  readonly count: number;
  readonly seed: number;
  /** Requests under way at once; more than one makes a run less like the next. Default 1. */
  readonly lanes?: number;
}

/** Sends mutated requests in a number of lanes, which share the uploads that are open. */
async function fuzz(
  site: Site,
  { count, seed, lanes = 1 }: FuzzOptions,
  one: (random: Random, session: string) => Promise<readonly number[]>,
): Promise<FuzzReport> {
  const statuses: Record<number, number> = {};
  let session = '';
  let done = 0;
  let half = 0;
  const lane = async (random: Random): Promise<void> => {
    while (done < count) {
      if (done === Math.floor(count / 2)) half = heap();
      if (done++ % 20 === 0) session = await startUpload(site, 'fuzz/app');
      for (const status of await one(random, session)) statuses[status] = (statuses[status] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: lanes }, (_, index) => lane(new Random(seed + index))));
  return { statuses, grown: heap() - half };
}

/** Sends mutated requests to the registry's function. */
export async function fuzzFetch(site: Site, options: FuzzOptions): Promise<FuzzReport> {
  return await fuzz(site, options, async (random, session) => {
    const made = mutated(random, session);
    const request = requestOf(made);
    if (request === undefined) return [];
    const response = await within(site.registry.fetch(request), () => shown(made));
    const bytes = Buffer.from(await within(response.arrayBuffer(), () => shown(made)));
    checkAnswer(made, response.status, response.headers, bytes, options.seed);
    return [response.status];
  });
}

/** Undefined for what no `Request` can carry. */
function requestOf({ method, target, headers, body }: WireRequest): Request | undefined {
  try {
    const hasBody = body.byteLength > 0 && method !== 'GET' && method !== 'HEAD';
    return new Request(`http://registry.test${target}`, {
      method,
      headers: headers as [string, string][],
      ...(hasBody ? { body: new Uint8Array(body) } : {}),
    });
  } catch (error) {
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}

function checkAnswer(made: WireRequest, status: number, headers: Headers, bytes: Buffer, seed: number): void {
  const about = `seed ${seed}: ${shown(made)}`;
  expect(status, about).toBeLessThan(500);
  const length = headers.get('content-length');
  if (length !== null && made.method !== 'HEAD') expect(Number(length), about).toBe(bytes.byteLength);
  if (status < 400 || bytes.byteLength === 0) return;
  const { errors } = JSON.parse(bytes.toString()) as { errors: { code: string; message: string }[] };
  expect(errors.length, about).toBeGreaterThan(0);
  for (const { code, message } of errors) {
    expect(code, about).toMatch(/^[A-Z_]+$/);
    expect(message, about).not.toBe('');
  }
}

/** Sends mutated requests over sockets, some of them no HTTP any more. */
export async function fuzzSocket(site: Site, options: FuzzOptions): Promise<FuzzReport> {
  return await fuzz(site, options, async (random, session) => {
    const wire = wireOf(mutated(random, session), random);
    const about = `seed ${options.seed}: ${JSON.stringify(wire.bytes.subarray(0, 2000).toString('latin1'))}`;
    const text = await within(converse(site.url, wire), () => about);
    if (wire.whole) expect(text, about).toMatch(/^HTTP\/1\.1 \d{3} /);
    const statuses = [...text.matchAll(/^HTTP\/1\.1 (\d{3}) /gm)].map(([, status]) => Number(status));
    for (const status of statuses) expect(status, about).toBeLessThan(500);
    return statuses;
  });
}

interface Wire {
  readonly bytes: Buffer;
  /** The server has all it needs for an answer; otherwise the client gives up when it has sent this. */
  readonly whole: boolean;
}

function wireOf({ method, target, headers, body }: WireRequest, random: Random): Wire {
  const kind = random.below(6);
  const chunked = Buffer.concat([
    Buffer.from(`${body.byteLength.toString(16)}\r\n`),
    body,
    Buffer.from(body.byteLength === 0 ? '\r\n' : '\r\n0\r\n\r\n'),
  ]);
  const lines = [
    `${method} ${target} HTTP/1.${random.below(8) === 0 ? 0 : 1}`,
    'Host: registry.test',
    'Connection: close',
    ...headers.map(([name, value]) => `${name}: ${value}`),
  ];
  const framed = (framing: string, content: Buffer): Buffer =>
    Buffer.concat([Buffer.from(head(...lines, framing), 'latin1'), content]);
  if (kind === 0) return { bytes: framed('Transfer-Encoding: chunked', chunked), whole: true };
  if (kind === 1)
    return { bytes: framed(`Content-Length: ${body.byteLength + 1 + random.below(99)}`, body), whole: false };
  const bytes = framed(`Content-Length: ${body.byteLength}`, body);
  if (kind > 2) return { bytes, whole: true };
  const cut = bytes.subarray(0, random.below(bytes.byteLength));
  return { bytes: random.below(2) === 0 ? cut : broken(bytes, random), whole: false };
}

/** A few bytes of the head are others. */
function broken(bytes: Buffer, random: Random): Buffer {
  const copy = Buffer.from(bytes);
  for (let count = random.below(5); count >= 0; count--)
    copy[random.below(Math.min(copy.byteLength, 300))] = random.below(256);
  return copy;
}

/** Sends all there is and takes what comes until the connection ends. */
async function converse(url: string, { bytes, whole }: Wire): Promise<string> {
  using raw = await connectRaw(url, bytes);
  if (!whole) raw.socket.end();
  return await raw.ended();
}

/** Puts content in place that no mutated request names. */
export async function plant(site: Site): Promise<() => Promise<void>> {
  const blob = await pushBlob(site, 'keep/safe', patterned(700_000));
  const image = imageOf({ annotations: { keep: 'safe' } });
  await pushManifest(site, 'keep/safe', 'v1', image);
  await pushManifest(site, 'fuzz/app', 'v1');
  return async () => {
    const manifest = await site.ask('GET', '/v2/keep/safe/manifests/v1');
    expect(manifest.bytes.equals(image.bytes)).toBe(true);
    const kept = await site.ask('GET', `/v2/keep/safe/blobs/${blob.digest}`);
    expect(kept.bytes.equals(blob.bytes)).toBe(true);
    expect((await site.ask('GET', '/v2/keep/safe/tags/list')).json()).toEqual({
      name: 'keep/safe',
      tags: ['v1'],
    });
    expect((await scrub(site.registry.store)).damaged).toEqual([]);
  };
}

/** Fails when anything lies in a data folder, or beside it, that the store did not mean to put there. */
export async function checkFolder(parent: string, name: string): Promise<void> {
  expect(await readdir(parent)).toEqual([name]);
  const files = await readdir(join(parent, name), { recursive: true, withFileTypes: true });
  const stray = files
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(join(parent, name).length + 1))
    .filter((path) => !ALLOWED.test(path));
  expect(stray).toEqual([]);
}

/** Names made of hexadecimal digits and of the store's own words, never of what a request says. */
const ALLOWED =
  /^(?:db\/[\w.-]+|owner\/[\w.-]+|(?:blobs\/(?:sha256|sha512)\/[0-9a-f]{2}|uploads)\/[0-9a-f]+(?:-~?[0-9a-f]{32})?)$/;
