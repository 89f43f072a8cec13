import { randomBytes } from 'node:crypto';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { OciError, quote } from '../../oci/index.js';
import { ifThere, systemCode, withRoom } from '../layout/files.js';
import type { ImageView } from '../views/image.js';
import { flattenedEntries, type FlattenedOptions } from './flattened.js';
import { EntryWriter } from './entry-writer.js';

/** Options of `extract`. */
export interface ExtractOptions extends Omit<FlattenedOptions, 'restart'> {
  /** Gives files the owners that the image names, and their set-user bits: only root can. Default false. */
  readonly owners?: boolean;
  /** Hears of what could not be made: devices, pipes. */
  readonly onNotice?: (message: string) => void;
}

/** What was written. */
export interface ExtractReport {
  /** Files, folders and links. */
  readonly entries: number;
  /** Of the contents of files. */
  readonly bytes: number;
  /** Paths that could not be made. */
  readonly skipped: readonly string[];
}

/**
 * Writes the files of an image into a folder, which must be empty or not be there. It gets its name when it is whole. Nothing
 * is written outside of it, whatever the layers say: paths with `..` are refused, links are made and never followed, and
 * nothing that was written is written again.
 * @throws OciError `PRECONDITION_FAILED` when the folder has something in it, `CONTENT_INVALID` for two names that are one on
 * this file system, `DENIED`, `STORE_FULL`, and what `flattenedEntries` throws
 */
export async function extract(
  image: ImageView,
  folder: string,
  options: ExtractOptions = {},
): Promise<ExtractReport> {
  const target = resolve(folder);
  await refuseUsed(target);
  const temporary = `${target}.${randomBytes(6).toString('hex')}.part`;
  try {
    await withRoom(mkdir(dirname(target), { recursive: true }));
    await withRoom(mkdir(temporary, { mode: 0o700 }));
    const writer = new EntryWriter(temporary, options);
    const entries = flattenedEntries(image, { ...options, restart: () => writer.restart() });
    const report = await writer.writeAll(entries);
    await rename(temporary, target);
    return report;
  } catch (cause) {
    // What cannot be taken away must not hide what went wrong.
    await rm(temporary, { recursive: true, force: true }).catch(() => undefined);
    throw told(cause, target);
  }
}

async function refuseUsed(target: string): Promise<void> {
  let names: string[] | undefined;
  try {
    names = await ifThere(readdir(target));
  } catch (cause) {
    throw told(cause, target);
  }
  if (names === undefined || names.length === 0) return;
  throw new OciError(
    'PRECONDITION_FAILED',
    `cannot extract to ${quote(target)}: there is something in it; name a folder that is empty or not there`,
  );
}

/** An error of the operating system as one of ours. */
function told(cause: unknown, target: string): unknown {
  const code = systemCode(cause);
  if (cause instanceof OciError || code === undefined || !(cause instanceof Error)) return cause;
  const denied = code === 'EACCES' || code === 'EPERM' || code === 'EROFS';
  return new OciError(
    denied ? 'DENIED' : 'INVALID_OPTION',
    `cannot extract to ${quote(target)}: ${cause.message}`,
    { cause },
  );
}
