import { algorithmOf, digestOf, isDigest, type Digest } from './digest.js';
import { OciError } from './errors.js';
import { dropNulls, isObject, isStringList, isStringMap } from './json.js';
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

const OPTIONAL = ['artifactType', 'platform', 'annotations', 'urls', 'data'];
const OPTIONAL_OF_PLATFORM = ['variant', 'os.version', 'os.features'];

/** Types travel in headers, so they are printable ASCII; whether they are well formed is not asked here. */
const HEADER_SAFE = /^[!-~][ -~]*$/;

const invalid = (at: string, problem: string): OciError =>
  new OciError('MANIFEST_INVALID', `${at} ${problem}`, { detail: { at } });

function checkText(value: unknown, at: string): void {
  if (value !== undefined && typeof value !== 'string') throw invalid(at, 'is not a string');
}

function checkPlatform(value: unknown, at: string): Record<string, unknown> {
  if (!isObject(value) || typeof value.os !== 'string' || typeof value.architecture !== 'string') {
    throw invalid(at, 'is not an object with os and architecture');
  }
  const platform = dropNulls(value, OPTIONAL_OF_PLATFORM);
  checkText(platform.variant, `${at}.variant`);
  checkText(platform['os.version'], `${at}["os.version"]`);
  const features = platform['os.features'];
  if (features !== undefined && !isStringList(features))
    throw invalid(`${at}["os.features"]`, 'is not a list of strings');
  return platform;
}

/**
 * Checks one descriptor of a parsed document and returns it as it is, unknown fields included; optional fields that
 * are null are left out.
 * @param at where it stands, for the message: `layers[2]`
 * @throws OciError `MANIFEST_INVALID`
 */
export function parseDescriptor(value: unknown, at: string): Descriptor {
  if (!isObject(value)) throw invalid(at, 'is not an object');
  const entry = dropNulls(value, OPTIONAL);
  const { mediaType, digest, size, annotations, urls, data, platform } = entry;
  if (typeof mediaType !== 'string' || !HEADER_SAFE.test(mediaType))
    throw invalid(`${at}.mediaType`, 'is not a media type');
  if (typeof digest !== 'string' || !isDigest(digest))
    throw invalid(`${at}.digest`, 'is not a supported digest');
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0)
    throw invalid(`${at}.size`, 'is not a number of bytes');
  checkText(entry.artifactType, `${at}.artifactType`);
  if (annotations !== undefined && !isStringMap(annotations))
    throw invalid(`${at}.annotations`, 'is not a map of strings');
  if (urls !== undefined && !isStringList(urls)) throw invalid(`${at}.urls`, 'is not a list of strings');
  if (data !== undefined) checkData(data, digest, size, at);
  const checked = platform === undefined ? platform : checkPlatform(platform, `${at}.platform`);
  return (checked === platform ? entry : { ...entry, platform: checked }) as unknown as Descriptor;
}

/** Embedded content must be what the descriptor names (image-spec, descriptor.md, "Embedded content"). */
function checkData(data: unknown, digest: Digest, size: number, at: string): void {
  if (typeof data !== 'string') throw invalid(`${at}.data`, 'is not base64 text');
  const bytes = Buffer.from(data, 'base64');
  // Node skips what is not base64; other readers refuse it.
  if (bytes.toString('base64') !== data)
    throw invalid(`${at}.data`, 'is not base64 as RFC 4648 section 4 writes it');
  if (bytes.byteLength !== size || digestOf(bytes, algorithmOf(digest)) !== digest)
    throw invalid(`${at}.data`, 'does not match the digest and size beside it');
}
