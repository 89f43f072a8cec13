import { hexOf, parseReference, quote, OciError, type Digest, type Reference } from '../oci/index.js';

/** The label in an image's config that makes it a bundle, whatever its value. */
export const BUNDLE_LABEL = 'dev.carvel.imgpkg.bundle';
/** Where a bundle keeps what is about it, and the list of its images in there. */
export const BUNDLE_FOLDER = '.imgpkg';
export const IMAGES_FILE = 'images.yml';
/** Ends the names of the tags that nobody chose. */
const SUFFIX = '.imgpkg';

/** The tag that keeps a digest alive when all others move on. */
export const digestTag = (digest: Digest): string => `sha256-${hexOf(digest)}${SUFFIX}`;

/** The tag of a bundle's locations image. */
export const locationsTag = (digest: Digest): string => `sha256-${hexOf(digest)}.image-locations${SUFFIX}`;

/** The tag under which cosign keeps a signature. */
export const signatureTag = (digest: Digest): string => `sha256-${hexOf(digest)}.sig`;

/** True for a tag that was made up, and not chosen by somebody. */
export const isGeneratedTag = (tag: string): boolean => tag.endsWith(SUFFIX);

/** How many characters of a repository's name stand in a tag. */
const NAME_CHARACTERS = 49;

/** The tag for a digest that tells where it came from: `team-app-sha256-….imgpkg` for `registry/team/app`. */
export function repositoryTag(repository: string, digest: Digest): string {
  const name = repository
    .replaceAll('/', '-')
    .replaceAll(/[^\w.-]/g, '')
    .slice(-NAME_CHARACTERS)
    .replace(/^-+/, '');
  return `${name}-${digestTag(digest)}`;
}

/** A place that a tag is put on. */
export interface TaggedReference {
  readonly registry: string;
  readonly repository: string;
  readonly tag: string;
}

/**
 * A reference to push to: `latest` where it has no tag, and no digest, which is only known afterwards.
 * @throws OciError `REFERENCE_INVALID`
 */
export function parseTarget(text: string): TaggedReference {
  const { registry, repository, tag = 'latest', digest } = parsed(text);
  if (digest === undefined) return { registry, repository, tag };
  throw new OciError(
    'REFERENCE_INVALID',
    `Parsing ${quote(text)}: a digest cannot be pushed to; name a tag, as ${registry}/${repository}:${tag}`,
  );
}

/**
 * A reference to read from: `latest` where it has neither tag nor digest; a tag beside a digest is dropped.
 * @throws OciError `REFERENCE_INVALID`
 */
export function parseWanted(text: string): Reference {
  const { registry, repository, tag = 'latest', digest } = parsed(text);
  return digest === undefined ? { registry, repository, tag } : { registry, repository, digest };
}

/**
 * A repository, without tag and digest.
 * @throws OciError `REFERENCE_INVALID`
 */
export function parseRepositoryReference(text: string): Pick<Reference, 'registry' | 'repository'> {
  const { registry, repository, tag, digest } = parsed(text);
  if (tag === undefined && digest === undefined) return { registry, repository };
  throw new OciError(
    'REFERENCE_INVALID',
    `Parsing ${quote(text)}: expected a repository without tag and digest, as ${registry}/${repository}`,
  );
}

function parsed(text: string): Reference {
  const reference = parseReference(text);
  // Everything in imgpkg's files is named by sha256.
  if (reference.digest === undefined || reference.digest.startsWith('sha256:')) return reference;
  throw new OciError('REFERENCE_INVALID', `Parsing ${quote(text)}: expected a digest of sha256`);
}
