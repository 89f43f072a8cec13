import { quote } from '../../oci/index.js';
import { corrupt } from '../corrupt.js';

/** As long as a path can be on Linux, and as many parts as it can have. */
export const PATH_LIMIT = 4096;
export const DEPTH_LIMIT = PATH_LIMIT / 2;

/** What the name of a whiteout begins with (image-spec, layer.md). */
export const WHITEOUT = '.wh.';

/**
 * The parts of a path in a layer, without `.`, empty parts, and a slash in front. None for the root.
 * @throws OciError `CONTENT_INVALID` for a path that leads out of the root, or that Windows would read as one
 */
export function partsOf(path: string, what: string): readonly string[] {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  const outside = parts.includes('..')
    ? 'it has a part ".."'
    : /^(?:\\|[A-Za-z]:)/.test(parts[0] ?? '')
      ? 'it begins as a path of Windows does'
      : parts.some((part) => part.includes('\0'))
        ? 'it holds a NUL'
        : parts.length > DEPTH_LIMIT
          ? 'it has too many parts'
          : undefined;
  if (outside !== undefined)
    throw corrupt(`${what} holds the path ${quote(path)}, which is refused: ${outside}`);
  return parts;
}
