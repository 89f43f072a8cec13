import { digestOf, isDigest, type Digest } from './digest.js';
import { OciError } from './errors.js';
import { isObject } from './json.js';
import type { Platform } from './platform.js';

/** Names content by type, digest and size (image-spec, descriptor.md). Sizes are bytes. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
  readonly artifactType?: string;
  readonly platform?: Platform;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly urls?: readonly string[];
  /** The content itself, base64. */
  readonly data?: string;
}

/** The descriptor of bytes that lie in memory. */
export function describe(mediaType: string, bytes: Uint8Array): Descriptor {
  return { mediaType, digest: digestOf(bytes), size: bytes.byteLength };
}

const invalid = (at: string, problem: string): OciError =>
  new OciError('MANIFEST_INVALID', `${at} ${problem}`, { detail: { at } });

function isStringMap(value: unknown): value is Record<string, string> {
  return isObject(value) && Object.values(value).every((entry) => typeof entry === 'string');
}

function checkPlatform(value: unknown, at: string): Platform {
  if (!isObject(value) || typeof value.os !== 'string' || typeof value.architecture !== 'string') {
    throw invalid(at, 'is not an object with os and architecture');
  }
  if (value.variant !== undefined && typeof value.variant !== 'string')
    throw invalid(`${at}.variant`, 'is not a string');
  return value as unknown as Platform;
}

/**
 * Checks one descriptor of a parsed document and returns it as it is, unknown fields included.
 * @param at where it stands, for the message: `layers[2]`
 * @throws OciError `MANIFEST_INVALID`
 */
export function parseDescriptor(value: unknown, at: string): Descriptor {
  if (!isObject(value)) throw invalid(at, 'is not an object');
  const { mediaType, digest, size, annotations, urls, data, artifactType } = value;
  if (typeof mediaType !== 'string' || mediaType === '')
    throw invalid(`${at}.mediaType`, 'is not a media type');
  if (typeof digest !== 'string' || !isDigest(digest))
    throw invalid(`${at}.digest`, 'is not a supported digest');
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) {
    throw invalid(`${at}.size`, 'is not a number of bytes');
  }
  if (artifactType !== undefined && typeof artifactType !== 'string')
    throw invalid(`${at}.artifactType`, 'is not a string');
  if (annotations !== undefined && annotations !== null && !isStringMap(annotations)) {
    throw invalid(`${at}.annotations`, 'is not a map of strings');
  }
  if (
    urls !== undefined &&
    urls !== null &&
    !(Array.isArray(urls) && urls.every((url) => typeof url === 'string'))
  ) {
    throw invalid(`${at}.urls`, 'is not a list of strings');
  }
  if (value.platform !== undefined && value.platform !== null)
    checkPlatform(value.platform, `${at}.platform`);
  if (data !== undefined) checkData(data, digest, size, at);
  return value as unknown as Descriptor;
}

/** Embedded content must be what the descriptor names (image-spec, descriptor.md, "Embedded content"). */
function checkData(data: unknown, digest: Digest, size: number, at: string): void {
  if (typeof data !== 'string') throw invalid(`${at}.data`, 'is not base64 text');
  const bytes = Buffer.from(data, 'base64');
  const algorithm = digest.startsWith('sha512') ? 'sha512' : 'sha256';
  if (bytes.byteLength !== size || digestOf(bytes, algorithm) !== digest) {
    throw invalid(`${at}.data`, 'does not match the digest and size beside it');
  }
}
