/** Media types of the image spec (media-types.md) and of Docker's schema 2. */
export const MEDIA_TYPES = {
  ociManifest: 'application/vnd.oci.image.manifest.v1+json',
  ociIndex: 'application/vnd.oci.image.index.v1+json',
  ociConfig: 'application/vnd.oci.image.config.v1+json',
  ociLayer: 'application/vnd.oci.image.layer.v1.tar',
  ociLayerGzip: 'application/vnd.oci.image.layer.v1.tar+gzip',
  ociLayerZstd: 'application/vnd.oci.image.layer.v1.tar+zstd',
  ociLayerNonDistributable: 'application/vnd.oci.image.layer.nondistributable.v1.tar',
  ociLayerNonDistributableGzip: 'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip',
  ociLayerNonDistributableZstd: 'application/vnd.oci.image.layer.nondistributable.v1.tar+zstd',
  ociEmpty: 'application/vnd.oci.empty.v1+json',
  ociLayoutHeader: 'application/vnd.oci.layout.header.v1+json',
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
  dockerManifestList: 'application/vnd.docker.distribution.manifest.list.v2+json',
  dockerConfig: 'application/vnd.docker.container.image.v1+json',
  dockerLayer: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
  dockerLayerPlain: 'application/vnd.docker.image.rootfs.diff.tar',
  dockerForeignLayer: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
  dockerSchema1: 'application/vnd.docker.distribution.manifest.v1+json',
  dockerSchema1Signed: 'application/vnd.docker.distribution.manifest.v1+prettyjws',
} as const;

const IMAGE = new Set<string>([MEDIA_TYPES.ociManifest, MEDIA_TYPES.dockerManifest]);
const INDEX = new Set<string>([MEDIA_TYPES.ociIndex, MEDIA_TYPES.dockerManifestList]);
const SCHEMA1 = new Set<string>([MEDIA_TYPES.dockerSchema1, MEDIA_TYPES.dockerSchema1Signed]);

/** An image manifest, of OCI or Docker. */
export const isImageType = (mediaType: string): boolean => IMAGE.has(mediaType);
/** An index, or Docker's manifest list. */
export const isIndexType = (mediaType: string): boolean => INDEX.has(mediaType);
/** Whatever `parseManifest` reads. */
export const isManifestType = (mediaType: string): boolean => IMAGE.has(mediaType) || INDEX.has(mediaType);
/** Docker's retired schema 1, which no part of this package stores. */
export const isSchema1Type = (mediaType: string): boolean => SCHEMA1.has(mediaType);

/** Layers whose bytes may not be in a registry: OCI non-distributable and Docker foreign ones, and no look-alikes. */
export function isNonDistributable(mediaType: string): boolean {
  return (
    mediaType.startsWith(MEDIA_TYPES.ociLayerNonDistributable) ||
    mediaType.startsWith('application/vnd.docker.image.rootfs.foreign.diff.tar')
  );
}

/** The type without its parameters, in lower case: `Application/JSON; charset=utf-8` → `application/json`. */
export function baseMediaType(value: string): string {
  const end = value.indexOf(';');
  return (end < 0 ? value : value.slice(0, end)).trim().toLowerCase();
}

/** True for a type without parameters (RFC 6838, section 4.2). */
export function isMediaType(text: string): boolean {
  return /^[a-zA-Z0-9][\w!#$&^.+-]{0,126}\/[a-zA-Z0-9][\w!#$&^.+-]{0,126}$/.test(text);
}
