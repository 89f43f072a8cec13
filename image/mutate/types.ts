import { MEDIA_TYPES, OciError, baseMediaType, quote } from '../../oci/index.js';

/** Whose media types: OCI's, or those of Docker's schema 2. */
export type Family = 'docker' | 'oci';

/** What is the same in both families. Docker has no type for zstd. */
const PAIRS: readonly (readonly [oci: string, docker: string])[] = [
  [MEDIA_TYPES.ociManifest, MEDIA_TYPES.dockerManifest],
  [MEDIA_TYPES.ociIndex, MEDIA_TYPES.dockerManifestList],
  [MEDIA_TYPES.ociConfig, MEDIA_TYPES.dockerConfig],
  [MEDIA_TYPES.ociLayerGzip, MEDIA_TYPES.dockerLayer],
  [MEDIA_TYPES.ociLayer, MEDIA_TYPES.dockerLayerPlain],
  [MEDIA_TYPES.ociLayerNonDistributableGzip, MEDIA_TYPES.dockerForeignLayer],
  [MEDIA_TYPES.ociLayerNonDistributable, 'application/vnd.docker.image.rootfs.foreign.diff.tar'],
];

const TO: Readonly<Record<Family, ReadonlyMap<string, string>>> = {
  docker: new Map(PAIRS),
  oci: new Map([
    ...PAIRS.map(([oci, docker]) => [docker, oci] as const),
    // No specification has it, but some registries do.
    ['application/vnd.docker.image.rootfs.diff.tar.zstd', MEDIA_TYPES.ociLayerZstd],
  ]),
};

/** Whose type it is; OCI's unless it is one of Docker's. */
export function familyOf(mediaType: string): Family {
  return TO.oci.has(baseMediaType(mediaType)) ? 'docker' : 'oci';
}

/** The type in a family, or the same where that has none: zstd layers, and what belongs to no image. */
export function typeIn(family: Family, mediaType: string): string {
  return TO[family].get(baseMediaType(mediaType)) ?? mediaType;
}

/**
 * The type in a family that must have it.
 * @throws OciError `UNSUPPORTED`
 */
export function convertedType(family: Family, mediaType: string, what: string): string {
  const converted = typeIn(family, mediaType);
  if (family === 'oci' || TO.oci.has(baseMediaType(converted))) return converted;
  throw new OciError(
    'UNSUPPORTED',
    `${what} is ${quote(mediaType)}, for which Docker has no type: pack it with gzip, or keep the OCI types`,
  );
}
