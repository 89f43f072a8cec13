import { isImageType, isIndexType } from '../oci/index.js';

/** Media types a client takes; `undefined` means any. Parameters and weights are left out, `q=0` types too. */
export function parseAccept(header: string | undefined): ReadonlySet<string> | undefined {
  if (header === undefined || header.trim() === '') return undefined;
  const types = header
    .split(',')
    .map((entry) => entry.split(';').map((part) => part.trim().toLowerCase()))
    .filter(
      ([type, ...parameters]) =>
        type !== '' && !parameters.some((parameter) => /^q=0(?:\.0*)?$/.test(parameter)),
    )
    .map(([type]) => type ?? '');
  return types.some((type) => type === '*/*' || type === 'application/*') ? undefined : new Set(types);
}

/** True for a client that knows images but not the index it asked for: old ones get the linux/amd64 image. */
export function wantsImageOnly(accept: ReadonlySet<string> | undefined, stored: string): boolean {
  if (accept === undefined || !isIndexType(stored) || accept.has(stored)) return false;
  return ![...accept].some(isIndexType) && [...accept].some(isImageType);
}
