import { posix } from 'node:path';
import { quote } from '../../oci/index.js';
import { corrupt } from '../corrupt.js';

/**
 * A name in an archive without `./` and doubled slashes; `''` for the folder that holds everything.
 * @throws OciError `CONTENT_INVALID` for a name that leads out of the archive
 */
export function cleanName(name: string, what: string): string {
  const parts = name.split('/').filter((part) => part !== '' && part !== '.');
  if (name.startsWith('/') || parts.includes('..') || name.includes('\0'))
    throw corrupt(`${what}: the entry ${quote(name)} leads out of the archive`);
  return parts.join('/');
}

/**
 * Where a link in an archive leads: a hard link's target counts from the top, a symbolic link's from where it lies.
 * @throws OciError `CONTENT_INVALID` for one that leads out of the archive
 */
export function linkTarget(
  name: string,
  link: { readonly type: 'link' | 'symlink'; readonly to: string },
  what: string,
): string {
  if (link.type === 'link') return cleanName(link.to, what);
  if (link.to.startsWith('/')) throw corrupt(`${what}: the link ${quote(name)} leads out of the archive`);
  return cleanName(posix.normalize(posix.join(posix.dirname(name), link.to)), what);
}
