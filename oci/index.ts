export {
  OciError,
  isOciError,
  type ErrorCode,
  type LocalCode,
  type OciErrorOptions,
  type WireCode,
} from './errors.js';
export {
  DIGEST_ALGORITHMS,
  Digester,
  algorithmOf,
  digestOf,
  hexOf,
  isDigest,
  isDigestAlgorithm,
  parseDigest,
  type Digest,
  type DigestAlgorithm,
} from './digest.js';
export { isHost } from './host.js';
export { describe, parseDescriptor, type Descriptor } from './descriptor.js';
export {
  MEDIA_TYPES,
  baseMediaType,
  isImageType,
  isIndexType,
  isManifestType,
  isMediaType,
  isNonDistributable,
  isSchema1Type,
} from './media-types.js';
export {
  DESCRIPTOR_LIMIT,
  MANIFEST_LIMIT,
  artifactTypeOf,
  childrenOf,
  parseManifest,
  type ImageManifest,
  type IndexManifest,
  type Manifest,
} from './manifest.js';
export { formatPlatform, parsePlatform, platformMatches, type Platform } from './platform.js';
export {
  DEFAULT_REGISTRY,
  NAME_LIMIT,
  formatReference,
  isRepository,
  isTag,
  parseReference,
  parseRepository,
  parseTag,
  referrersTag,
  type Reference,
} from './reference.js';
export { Slots } from './slots.js';
export { collect, streamOf, type ByteStream } from './stream.js';
export { isVerified, verified } from './verified.js';
export { encodeJson, isObject, isStringList, isStringMap, parseJson } from './json.js';
export { printable, quote } from './quote.js';
export type { OnProgress, Progress } from './progress.js';
export type { Blob, ByteRange, CallOptions, Image, Index, Layer, ReadBlobOptions } from './views.js';
