import { OciError, type CallOptions } from '../../oci/index.js';
import { nameOfInput, openBytes, type ArchiveInput } from './bytes.js';
import { openTarSource, type ArchiveSource } from './open.js';
import { verifyBytes, type ArchiveProblem, type ArchiveReport } from './verify.js';

/** An archive that was read whole, and found right. */
export interface VerifiedArchive {
  readonly source: ArchiveSource;
  readonly report: ArchiveReport;
}

/** Problems that a message lists. */
const SHOWN = 5;

/**
 * Opens an archive of any format when all of it has been read and is right: what `verifyArchive` finds is thrown. What
 * comes as a stream is kept in a temporary file, so that nothing is passed on before its end is known.
 * @throws OciError `CONTENT_INVALID` for a damaged one, with the problems as `detail`; as `openArchive`
 */
export async function openVerifiedArchive(
  input: ArchiveInput,
  options: CallOptions = {},
): Promise<VerifiedArchive> {
  const bytes = await openBytes(input, options);
  try {
    const name = nameOfInput(input);
    const { tar, report } = await verifyBytes(bytes, name, options);
    if (tar === undefined || report.problems.length > 0) throw refused(name, report.problems);
    return { source: await openTarSource(tar, options), report };
  } catch (error) {
    await bytes.close();
    throw error;
  }
}

function refused(name: string, problems: readonly ArchiveProblem[]): OciError {
  const shown = problems.slice(0, SHOWN).map(({ reason }) => reason);
  if (problems.length > SHOWN) shown.push(`and ${problems.length - SHOWN} problems more`);
  return new OciError('CONTENT_INVALID', `${name} is damaged, nothing of it is used: ${shown.join('; ')}`, {
    detail: problems,
  });
}
