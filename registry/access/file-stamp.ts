import { stat } from 'node:fs/promises';

/**
 * Differs when a file was written or replaced since.
 * @returns undefined when there is no such file, or it cannot be looked at
 */
export async function fileStamp(path: string): Promise<string | undefined> {
  try {
    const { ino, size, mtimeNs } = await stat(path, { bigint: true });
    return `${ino}:${size}:${mtimeNs}`;
  } catch {
    return undefined;
  }
}
