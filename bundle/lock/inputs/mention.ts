/** An image that a file speaks of. */
export interface Mention {
  /** As it stands there: `nginx:~1.25`, `registry.example/app@sha256:…`. */
  readonly text: string;
  /** For messages: the file, and where in it. */
  readonly where: string;
  /** It is an image for certain. What only may be one is left out, with a notice, when it is no reference. */
  readonly certain: boolean;
}

/** What reading a file found. */
export interface Mentions {
  readonly images: readonly Mention[];
  /** What the file leaves open. */
  readonly notices: readonly string[];
}

/** Nothing. */
export const NO_MENTIONS: Mentions = { images: [], notices: [] };

/** All of several files. */
export const together = (parts: readonly Mentions[]): Mentions => ({
  images: parts.flatMap(({ images }) => images),
  notices: parts.flatMap(({ notices }) => notices),
});
