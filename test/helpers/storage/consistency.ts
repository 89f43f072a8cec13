import {
  Digester,
  algorithmOf,
  childrenOf,
  digestOf,
  isDigest,
  parseManifest,
  type Digest,
} from '../../../oci/index.js';
import type { BlobFacts, BlobRecord } from '../../../registry/storage/blobs.js';
import { decodeManifest } from '../../../registry/storage/manifest-record.js';
import { chunksOf, type Content } from '../../../registry/storage/record-chunks.js';
import type { Store } from '../../../registry/storage/store.js';
import type { TagRecord } from '../../../registry/storage/tags.js';
import { decode } from '../../../registry/storage/values.js';

/** Every record, by family and by the rest of its key. */
type Families = ReadonlyMap<string, ReadonlyMap<string, Uint8Array>>;

const NONE: ReadonlyMap<string, Uint8Array> = new Map();

/**
 * Reads a store whole and tells what contradicts itself: it knows the layout of the records, and nothing of the code
 * that keeps it. A store at rest has no problems, whatever it went through.
 * @param options.orphans bytes that no record names are a problem too, as they are after a collection
 * @param options.sparse indexes may lack children, as they may when these were deleted
 */
export async function problemsOf(
  store: Store,
  options: { readonly orphans?: boolean; readonly sparse?: boolean } = {},
): Promise<string[]> {
  const families = await familiesOf(store);
  return [
    ...linkProblems(families),
    ...(await blobProblems(store, families)),
    ...manifestProblems(families, options.sparse === true),
    ...tagProblems(families),
    ...sessionProblems(families),
    ...quotaProblems(store, families),
    ...(await bytesProblems(store, families, options.orphans === true)),
  ];
}

async function familiesOf(store: Store): Promise<Families> {
  const families = new Map<string, Map<string, Uint8Array>>();
  for await (const [key, value] of store.core.records.entries()) {
    // What is no family's is a fence between two.
    if (key[1] !== '!') continue;
    const family = key.slice(0, 1);
    if (!families.has(family)) families.set(family, new Map());
    families.get(family)?.set(key.slice(2), value);
  }
  return families;
}

const parts = (key: string): [string, string, string] => {
  const [first = '', second = '', third = ''] = key.split('!');
  return [first, second, third];
};

const all = (families: Families, family: string): ReadonlyMap<string, Uint8Array> =>
  families.get(family) ?? NONE;
const has = (families: Families, family: string, ...names: string[]): boolean =>
  all(families, family).has(names.join('!'));

function* linkProblems(families: Families): Generator<string> {
  for (const [key, value] of all(families, 'l')) {
    const [repo, digest] = parts(key);
    if (!has(families, 'o', digest, repo)) yield `link ${key} has no owner record`;
    if (!has(families, 'r', repo)) yield `link ${key} is in no repository`;
    const stored = all(families, 'b').get(digest);
    if (stored === undefined) {
      yield `link ${key} leads to no blob`;
      continue;
    }
    const facts = decode<BlobFacts>(value);
    const record = decode<BlobRecord>(stored);
    if (facts.size !== record.size || facts.inline !== (record.location === undefined))
      yield `link ${key} and its blob differ`;
  }
  for (const key of all(families, 'o').keys()) {
    const [digest, repo] = parts(key);
    if (!has(families, 'l', repo, digest)) yield `owner record ${key} has no link`;
  }
}

async function blobProblems(store: Store, families: Families): Promise<string[]> {
  const problems: string[] = [];
  for (const [digest, value] of all(families, 'b')) {
    const record = decode<BlobRecord>(value);
    const links = [...all(families, 'o').keys()].filter((key) => parts(key)[0] === digest).length;
    if (links !== record.links)
      problems.push(`blob ${digest} counts ${record.links} links, there are ${links}`);
    const problem = await contentProblem(store, digest as Digest, record, families);
    if (problem !== undefined) problems.push(`blob ${digest}: ${problem}`);
  }
  for (const digest of all(families, 'v').keys())
    if (!has(families, 'b', digest)) problems.push(`inline bytes ${digest} belong to no blob`);
  return problems;
}

async function contentProblem(
  store: Store,
  digest: Digest,
  { location, size }: BlobRecord,
  families: Families,
): Promise<string | undefined> {
  const digester = new Digester(algorithmOf(digest));
  try {
    if (location === undefined) digester.update(all(families, 'v').get(digest) ?? new Uint8Array(0));
    else {
      for await (const chunk of await store.core.bytes.open(location, { start: 0, end: size - 1 }))
        digester.update(chunk);
    }
  } catch (error) {
    return `its bytes cannot be read: ${(error as Error).message}`;
  }
  if (digester.size !== size) return `it has ${digester.size} bytes, not ${size}`;
  return digester.digest() === digest ? undefined : `its bytes have digest ${digester.digest()}`;
}

function* manifestProblems(families: Families, sparse: boolean): Generator<string> {
  const edges = new Set<string>();
  const referrers = new Set<string>();
  for (const [key, value] of all(families, 'm')) {
    const [repo, digest] = parts(key);
    const { bytes, mediaType, subject } = decodeManifest(value);
    if (!isDigest(digest) || digestOf(bytes, algorithmOf(digest)) !== digest) {
      yield `manifest ${key} has other bytes`;
      continue;
    }
    if (!has(families, 'r', repo)) yield `manifest ${key} is in no repository`;
    if (subject !== undefined) referrers.add(`${repo}!${subject}!${digest}`);
    const manifest = parseManifest(bytes, mediaType);
    for (const child of childrenOf(manifest)) {
      edges.add(`${repo}!${child.digest}!${digest}`);
      const isIndex = manifest.kind === 'index';
      if (isIndex && sparse) continue;
      if (!has(families, isIndex ? 'm' : 'l', repo, child.digest))
        yield `manifest ${key} needs ${child.digest}, which is not there`;
    }
  }
  yield* differences('edge', edges, all(families, 'u'));
  yield* differences('referrer', referrers, all(families, 'f'));
}

function* differences(
  what: string,
  wanted: ReadonlySet<string>,
  found: ReadonlyMap<string, unknown>,
): Generator<string> {
  for (const key of wanted) if (!found.has(key)) yield `${what} ${key} is missing`;
  for (const key of found.keys()) if (!wanted.has(key)) yield `${what} ${key} is left over`;
}

function* tagProblems(families: Families): Generator<string> {
  for (const [key, value] of all(families, 't')) {
    const [repo, tag] = parts(key);
    const { digest } = decode<TagRecord>(value);
    if (!has(families, 'm', repo, digest)) yield `tag ${key} leads to ${digest}, which is not there`;
    if (!has(families, 'g', repo, digest, tag)) yield `tag ${key} is not known to its manifest`;
  }
  for (const key of all(families, 'g').keys()) {
    const [repo, digest, tag] = parts(key);
    const value = all(families, 't').get(`${repo}!${tag}`);
    if (value === undefined || decode<TagRecord>(value).digest !== digest)
      yield `tag of manifest ${key} is no tag`;
  }
}

function* sessionProblems(families: Families): Generator<string> {
  for (const id of all(families, 'p').keys())
    if (!has(families, 's', id)) yield `bytes of upload ${id} have no session`;
}

function* quotaProblems(store: Store, families: Families): Generator<string> {
  for (const { prefix } of store.core.rules.quotas) {
    const covered = [...all(families, 'l')].filter(([key]) => {
      const [repo] = parts(key);
      return prefix === '' || repo === prefix || repo.startsWith(`${prefix}/`);
    });
    const sizes = new Map(covered.map(([key, value]) => [parts(key)[1], decode<BlobFacts>(value).size]));
    const sum = [...sizes.values()].reduce((total, size) => total + size, 0);
    const value = all(families, 'q').get(prefix);
    const counted = value === undefined ? 0 : decode<number>(value);
    if (counted !== sum) yield `quota of "${prefix}" counts ${counted} bytes, there are ${sum}`;
  }
}

async function bytesProblems(store: Store, families: Families, orphans: boolean): Promise<string[]> {
  const problems: string[] = [];
  const chunks = new Set(
    [...all(families, 'x').values()].flatMap((value) => chunksOf(decode<Content>(value).runs)),
  );
  for (const key of all(families, 'c').keys())
    if (!chunks.has(`c!${key}`)) problems.push(`chunk ${key} belongs to nothing`);
  if (!orphans) return problems;
  const used = new Set([...all(families, 'b').values()].map((value) => decode<BlobRecord>(value).location));
  for await (const { location } of store.core.bytes.list())
    if (!used.has(location)) problems.push(`bytes at ${location} belong to no blob`);
  const spools = new Set(
    [...all(families, 's').values()].map((value) => decode<{ spool?: string }>(value).spool),
  );
  for await (const spool of store.core.bytes.uploads())
    if (!spools.has(spool)) problems.push(`upload ${spool} belongs to no session`);
  return problems;
}
