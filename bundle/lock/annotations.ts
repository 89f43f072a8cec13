/** What an image was called where it was found, as kbld notes it, and looks for it when it fills in digests. */
export const ID_ANNOTATION = 'kbld.carvel.dev/id';
/** The tag that the digest was taken from. */
export const TAG_ANNOTATION = 'dev.ocilot.lock.tag';
/** The range of versions that the tag was chosen by. */
export const RANGE_ANNOTATION = 'dev.ocilot.lock.range';
