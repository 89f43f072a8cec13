import { stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { OciError, quote } from '../../oci/index.js';
import { ifThere } from '../../image/layout/files.js';

/**
 * Checks that an archive can be written to a path, before anybody waits for registries.
 * @throws OciError `INVALID_OPTION` for a folder, and for a file in a folder that is not there
 */
export async function checkTarTarget(path: string): Promise<void> {
  if (path === '-') return;
  const refused = (why: string): OciError =>
    new OciError('INVALID_OPTION', `--to-tar ${quote(path)} cannot be written: ${why}`);
  if ((await ifThere(stat(path)))?.isDirectory() === true) throw refused('it is a folder; name a file in it');
  const folder = dirname(resolve(path));
  const found = await ifThere(stat(folder));
  if (found === undefined) throw refused(`there is no folder ${quote(folder)}; make it first`);
  if (!found.isDirectory()) throw refused(`${quote(folder)} is no folder`);
}
