/** Bytes of the footer, always. */
export const FOOTER_SIZE = 51;

const MARK = 'STARGZ';
const DIGITS = 16;

/**
 * The last bytes of an eStargz layer: a gzip member of nothing, whose extra field says where the list of contents
 * begins (eStargz, "Footer").
 */
export function encodeFooter(offset: number): Uint8Array {
  const text = offset.toString(16).padStart(DIGITS, '0') + MARK;
  return Buffer.concat([
    // Header with an extra field of 26 bytes: the subfield SG, 22 bytes long.
    Buffer.from([0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 0xff, 26, 0, 0x53, 0x47, 22, 0]),
    Buffer.from(text),
    // A last, stored block of nothing; checksum and size of nothing.
    Buffer.from([1, 0, 0, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0]),
  ]);
}

/** Where the list of contents begins; undefined for bytes that are no such footer. */
export function parseFooter(footer: Uint8Array): number | undefined {
  const text = Buffer.from(footer.subarray(16, 16 + DIGITS)).toString('latin1');
  if (!/^[0-9a-f]{16}$/.test(text)) return undefined;
  const offset = Number.parseInt(text, 16);
  return Buffer.from(encodeFooter(offset)).equals(footer) ? offset : undefined;
}
