import type { Digest } from '../../oci/index.js';
import { decode, encode } from './values.js';

/** Facts about a stored manifest that a read needs without parsing it. */
export interface ManifestFacts {
  readonly mediaType: string;
  /** Milliseconds since the epoch. */
  readonly created: number;
  readonly subject?: Digest;
}

export interface StoredManifest extends ManifestFacts {
  readonly bytes: Uint8Array;
}

const NEWLINE = 0x0a;

/** One line of JSON, then the exact bytes that were pushed. */
export function encodeManifest(
  { mediaType, created, subject }: ManifestFacts,
  bytes: Uint8Array,
): Uint8Array {
  const facts: ManifestFacts = { mediaType, created, ...(subject === undefined ? {} : { subject }) };
  return Buffer.concat([encode(facts), Buffer.of(NEWLINE), bytes]);
}

export function decodeManifest(value: Uint8Array): StoredManifest {
  const end = value.indexOf(NEWLINE);
  return { ...decode<ManifestFacts>(value.subarray(0, end)), bytes: value.subarray(end + 1) };
}
