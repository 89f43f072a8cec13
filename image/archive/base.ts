import {
  OciError,
  encodeJson,
  isObject,
  isStringList,
  parseDescriptor,
  parseJson,
  type CallOptions,
  type Descriptor,
} from '../../oci/index.js';
import { corrupt } from '../corrupt.js';
import type { TarFile } from './tar-file.js';

/** The entry of a differential archive that tells what is not in it. */
export const BASE_NAME = 'ocilot-base.json';

/** What a differential archive relies on: content that must be where it is loaded. */
export interface ArchiveBase {
  /** For messages: what the inventory, by which it was left out, is of. */
  readonly of: readonly string[];
  /** With all that is below them. */
  readonly manifests: readonly Descriptor[];
  readonly blobs: readonly Descriptor[];
}

/** Most bytes of a base: a hundred thousand descriptors or so. */
const BASE_LIMIT = 32 << 20;
const VERSION = 1;

/** The bytes of a base, in the order of its digests. */
export function encodeBase({ of, manifests, blobs }: ArchiveBase): Uint8Array {
  return encodeJson({
    version: VERSION,
    of,
    manifests: manifests.map(bare).toSorted(byDigest),
    blobs: blobs.map(bare).toSorted(byDigest),
  });
}

const bare = ({ mediaType, digest, size }: Descriptor): Descriptor => ({ mediaType, digest, size });
const byDigest = (a: Descriptor, b: Descriptor): number => (a.digest < b.digest ? -1 : 1);

/**
 * What an archive relies on; undefined for one that has everything itself.
 * @throws OciError `CONTENT_INVALID`, `SIZE_LIMIT`, `UNSUPPORTED` for a newer version
 */
export async function readBase(tar: TarFile, options?: CallOptions): Promise<ArchiveBase | undefined> {
  const file = tar.file(BASE_NAME);
  if (file === undefined) return undefined;
  const what = `${BASE_NAME} of ${tar.name}`;
  const document = parseJson(await tar.whole(file, BASE_LIMIT, options), what, 'CONTENT_INVALID');
  if (!isObject(document)) throw corrupt(`${what} is not a JSON object`);
  const { version, of } = document;
  if (version !== VERSION)
    throw new OciError('UNSUPPORTED', `${what} has version ${String(version)}: only ${VERSION} is known`);
  if (!isStringList(of)) throw corrupt(`${what} does not say what it is of`);
  return {
    of,
    manifests: listOf(document.manifests, `${what}: manifests`),
    blobs: listOf(document.blobs, `${what}: blobs`),
  };
}

function listOf(value: unknown, what: string): readonly Descriptor[] {
  if (!Array.isArray(value)) throw corrupt(`${what} is not a list`);
  return value.map((entry, at) => {
    try {
      return parseDescriptor(entry, `${what}[${at}]`);
    } catch (cause) {
      throw corrupt((cause as Error).message, cause);
    }
  });
}
