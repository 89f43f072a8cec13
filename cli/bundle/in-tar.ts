import type { ArchivePlaces } from '../../bundle/index.js';
import { OciError } from '../../oci/index.js';
import type { Work } from './work.js';

/**
 * Does work with what is in an archive, when all of it is right.
 * @throws OciError `CONTENT_INVALID`; `INVALID_OPTION` for no archive, and for one of which nobody knows what is meant
 */
export async function inTar<T>(
  { signal }: Pick<Work, 'signal'>,
  path: string,
  work: (archive: ArchivePlaces) => Promise<T>,
): Promise<T> {
  const { openVerifiedArchive } = await import('../../image/archive/index.js');
  const { archivePlaces } = await import('../../bundle/index.js');
  const { source, report } = await openVerifiedArchive(path, { signal });
  try {
    if (report.base !== undefined)
      throw new OciError(
        'INVALID_OPTION',
        `${path} is a differential archive, which lacks what ${report.base.of.join(', ')} had: ` +
          'load it there with `ocilot copy --tar`, and look at it then with -b',
      );
    return await work(await archivePlaces(source, { signal }));
  } finally {
    await source.close();
  }
}
