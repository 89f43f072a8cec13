/** The label, and the annotation, of the bundle that somebody asked for among all in an archive. */
export const ROOT_MARK = 'dev.carvel.imgpkg.copy.root-bundle';

/** Annotations of the entries of our layouts: what imgpkg's tar says of its images. */
export const MARKS = {
  /** Where it was read from: `repository@digest`. */
  reference: 'dev.ocilot.bundle.reference',
  /** As lists of images spell it. */
  origin: 'dev.ocilot.bundle.origin',
  /** The tag that it had. */
  tag: 'dev.ocilot.bundle.tag',
} as const;
