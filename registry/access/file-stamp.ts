import { stat } from 'node:fs/promises';

/**
 * Differs when a file was written or replaced since, or may now be read by others.
 * @returns undefined when there is no such file, or it cannot be looked at
 */
export async function fileStamp(path: string): Promise<string | undefined> {
  try {
    const { ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
    return `${ino}:${size}:${mtimeNs}:${ctimeNs}`;
  } catch {
    return undefined;
  }
}
