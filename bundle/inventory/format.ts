import { readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import {
  OciError,
  digestOf,
  hexOf,
  isDigest,
  isObject,
  isStringList,
  parseJson,
  quote,
  type CallOptions,
  type Digest,
} from '../../oci/index.js';

/** What a place has, so that it need not be brought there again. */
export interface Inventory {
  /** For messages: `registry.example/app`, `oci:./layout`. */
  readonly of: readonly string[];
  /** Bundles and images that were loaded, by their digests: whoever packs has them too, and knows what is in them. */
  readonly bundles: ReadonlySet<Digest>;
  /** Manifests that are there with all that is below them. */
  readonly manifests: ReadonlySet<Digest>;
  readonly blobs: ReadonlySet<Digest>;
}

/** An inventory of nothing. */
export const EMPTY_INVENTORY: Inventory = {
  of: [],
  bundles: new Set(),
  manifests: new Set(),
  blobs: new Set(),
};

const VERSION = 1;
/** Most bytes of an inventory: four million digests. */
const LIMIT = 256 << 20;

/**
 * The bytes of an inventory: a line of JSON that counts what follows, a line for each digest (manifests, then blobs, both
 * sorted), and the sha256 of all before in the last line. The same content gives the same bytes.
 */
export function encodeInventory({ of, bundles, manifests, blobs }: Inventory): Uint8Array {
  const header = {
    ocilotInventory: VERSION,
    of,
    bundles: [...bundles].toSorted(),
    manifests: manifests.size,
    blobs: blobs.size,
  };
  const lines = [
    JSON.stringify(header),
    ...[...manifests].toSorted().map(short),
    ...[...blobs].toSorted().map(short),
  ];
  const body = Buffer.from(`${lines.join('\n')}\n`);
  return Buffer.concat([body, Buffer.from(`${digestOf(body)}\n`)]);
}

/** A sha256 stands without its algorithm. */
const short = (digest: Digest): string => (digest.startsWith('sha256:') ? hexOf(digest) : digest);

/**
 * Reads the bytes of an inventory.
 * @param what for messages: where they are from
 * @throws OciError `CONTENT_INVALID` for one that is damaged or cut, `UNSUPPORTED` for a newer version
 */
export function parseInventory(bytes: Uint8Array, what: string): Inventory {
  const damaged = (why: string): OciError =>
    new OciError('CONTENT_INVALID', `${what} is not a whole inventory: ${why}; have it written anew`);
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
  const first = Buffer.from(text.slice(0, Math.max(0, text.indexOf('\n'))), 'latin1');
  if (!text.startsWith('{"ocilotInventory":')) throw damaged('it does not begin as one does');
  // The last line is the sum of the others: 'sha256:', 64 digits and the line feed.
  const end = bytes.length - 72;
  if (end < 0 || text.slice(end) !== `${digestOf(bytes.subarray(0, end))}\n`)
    throw damaged('its bytes are not what its last line says');
  const header = parseJson(first, what, 'CONTENT_INVALID');
  if (!isObject(header)) throw damaged('its first line is no JSON object');
  const { ocilotInventory: version, of, bundles, manifests, blobs } = header;
  if (version !== VERSION)
    throw new OciError('UNSUPPORTED', `${what} has version ${String(version)}: only ${VERSION} is known`);
  if (!isStringList(of) || !isStringList(bundles)) throw damaged('its first line lacks what it is of');
  const digests = text
    .slice(first.length + 1, end)
    .split('\n')
    .slice(0, -1)
    .map((line) => (line.includes(':') ? line : `sha256:${line}`));
  if (typeof manifests !== 'number' || typeof blobs !== 'number' || digests.length !== manifests + blobs)
    throw damaged('it does not have as many digests as its first line says');
  const set = (list: readonly string[]): ReadonlySet<Digest> => {
    const wrong = list.find((digest) => !isDigest(digest));
    if (wrong !== undefined) throw damaged(`${quote(wrong, 100)} is no digest`);
    return new Set(list as Digest[]);
  };
  return {
    of,
    bundles: set(bundles),
    manifests: set(digests.slice(0, manifests)),
    blobs: set(digests.slice(manifests)),
  };
}

/**
 * Reads an inventory from a file.
 * @throws OciError as `parseInventory`, `INVALID_OPTION` for a file that cannot be read, `SIZE_LIMIT`
 */
export async function readInventory(path: string, { signal }: CallOptions = {}): Promise<Inventory> {
  const failed = (cause: unknown): OciError =>
    new OciError('INVALID_OPTION', `the inventory ${path} cannot be read: ${(cause as Error).message}`, {
      cause,
    });
  const { size } = await stat(path).catch((cause: unknown) => {
    throw failed(cause);
  });
  if (size > LIMIT)
    throw new OciError('SIZE_LIMIT', `the inventory ${path} is larger than ${LIMIT} bytes`, {
      detail: { limit: LIMIT },
    });
  const bytes = await readFile(path, { signal }).catch((cause: unknown) => {
    signal?.throwIfAborted();
    throw failed(cause);
  });
  return parseInventory(bytes, path);
}

/** Writes an inventory to a file, in place of what had its name, in one step. */
export async function writeInventory(
  path: string,
  inventory: Inventory,
  { signal }: CallOptions = {},
): Promise<void> {
  const temporary = `${path}.${randomBytes(4).toString('hex')}`;
  try {
    await writeFile(temporary, encodeInventory(inventory), { flag: 'wx', signal });
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** All that any of the inventories has. */
export function mergeInventories(inventories: readonly Inventory[]): Inventory {
  const union = (key: 'blobs' | 'bundles' | 'manifests'): ReadonlySet<Digest> =>
    new Set(inventories.flatMap((inventory) => [...inventory[key]]));
  return {
    of: [...new Set(inventories.flatMap(({ of }) => of))],
    bundles: union('bundles'),
    manifests: union('manifests'),
    blobs: union('blobs'),
  };
}
