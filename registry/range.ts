import { OciError, quote, type ByteRange } from '../oci/index.js';

/**
 * Reads a `Range` header for content of `size` bytes (RFC 9110, section 14.2). Several ranges, other units and what
 * is no range at all are ignored, as the RFC wants. A range that ends before it starts is answered with 416 all the
 * same: the distribution spec's own suite asks for that.
 * @returns undefined: send everything
 * @throws OciError `RANGE_INVALID` with `detail.size` when the range has no byte of the content
 */
export function parseRange(header: string | undefined, size: number): ByteRange | undefined {
  const [first, last, more] = (/^bytes=(.*)$/i.exec(header ?? '')?.[1] ?? '')
    .split('-')
    .map((part) => part.trim());
  if (first === undefined || last === undefined || more !== undefined) return undefined;
  if (!/^\d*$/.test(first) || !/^\d*$/.test(last) || first + last === '') return undefined;
  const start = first === '' ? Math.max(0, size - Number(last)) : Number(first);
  const end = first === '' || last === '' ? size - 1 : Math.min(Number(last), size - 1);
  if (
    start >= size ||
    (last !== '' && first !== '' && Number(last) < start) ||
    (first === '' && Number(last) === 0)
  ) {
    throw new OciError('RANGE_INVALID', `range ${quote(header ?? '', 100)} is not within ${size} bytes`, {
      detail: { size },
    });
  }
  return { start, end };
}

/**
 * Reads the `Content-Range` of a chunk: `<first>-<last>`, both inclusive (distribution-spec, "Pushing a blob in
 * chunks"). The `bytes ` of RFC 9110 and a trailing size are tolerated.
 * @throws OciError `RANGE_INVALID`
 */
export function parseContentRange(header: string): ByteRange {
  const match = /^(?:bytes\s+)?(\d{1,15})-(\d{1,15})(?:\/(?:\d{1,15}|\*))?$/i.exec(header.trim());
  const start = Number(match?.[1]);
  const end = Number(match?.[2]);
  if (match === null || end < start)
    throw new OciError('RANGE_INVALID', `Content-Range ${quote(header, 100)} is not first-last`);
  return { start, end };
}
