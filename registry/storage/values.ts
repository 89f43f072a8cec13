import { encodeJson } from '../../oci/index.js';

const decoder = new TextDecoder();

/** Records are small JSON values, but for manifests and bytes. */
export const encode = encodeJson;

/** Reads a record that this package wrote. */
export function decode<T>(value: Uint8Array): T {
  return JSON.parse(decoder.decode(value)) as T;
}
