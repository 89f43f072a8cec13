/** A requirement is not met. The message says what was expected, what came, and in which exchange. */
export class Failure extends Error {
  override readonly name = 'Failure';
}

/** The registry does not offer what the test is about, in a way the spec allows. */
export class Skip extends Error {
  override readonly name = 'Skip';
}

/** Ends a test as skipped. */
export function skip(reason: string): never {
  throw new Skip(reason);
}
