/**
 * The first byte that an answer of 206 holds; undefined when it does not say (RFC 9110, section 14.4).
 * @param header `Content-Range`, as `bytes 5-9/10`
 */
export function firstOf(header: string | undefined): number | undefined {
  const first = /^\s*bytes\s+(\d{1,15})-\d{1,15}\/(?:\d+|\*)\s*$/i.exec(header ?? '')?.[1];
  return first === undefined ? undefined : Number(first);
}

/**
 * How many bytes of an upload a registry has, by the `Range` of its answer; undefined when it does not say. `0-0` is
 * what registries also say of none (distribution-spec, "Pushing a blob in chunks"), so that one byte counts for none.
 */
export function receivedOf(header: string | undefined): number | undefined {
  const last = /^\s*(?:bytes[\s=]\s*)?0-(-?\d{1,15})\s*$/i.exec(header ?? '')?.[1];
  return last === undefined ? undefined : Number(last) < 1 ? 0 : Number(last) + 1;
}

/** A range of a request: from `start` to `end`, inclusive, or to the end of the content. */
export function rangeOf(start: number, end: number | undefined): string {
  return `bytes=${start}-${end ?? ''}`;
}
