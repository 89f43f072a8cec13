import { TAR_END_SIZE, encodeHeader, paddingOf } from '../tar/index.js';
import { encodeJson, hexOf, type Digester } from '../../oci/index.js';

/** The last entry of an archive that was made here: it tells what all before it must be. */
export const SEAL_NAME = 'ocilot-seal.json';

/** What a seal says. */
export interface Seal {
  /** Hexadecimal, over every byte of the tar before the seal's own header. */
  readonly sha256: string;
  /** How many bytes those are. */
  readonly size: number;
}

/** The bytes of a seal. */
export function encodeSeal(digester: Digester): Uint8Array {
  return encodeJson({ sha256: hexOf(digester.digest()), size: digester.size } satisfies Seal);
}

/**
 * All bytes that an archive ends with, from the seal's header on. There is one right form only, so not a byte of it can be
 * another.
 * @param mtime seconds, as in the entries before it
 */
export function sealedEnd(digester: Digester, mtime: number): Uint8Array {
  const body = encodeSeal(digester);
  const header = encodeHeader({ name: SEAL_NAME, type: 'file', mode: 0o644, mtime, size: body.length });
  return Buffer.concat([header, body, new Uint8Array(paddingOf(body.length) + TAR_END_SIZE)]);
}
