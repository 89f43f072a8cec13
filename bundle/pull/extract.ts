import { mkdir } from 'node:fs/promises';
import type { CallOptions } from '../../oci/index.js';
import { EntryWriter } from '../../image/files/entry-writer.js';
import { flattenedEntries, type FlattenedEntry } from '../../image/files/index.js';
import { withRoom } from '../../image/layout/files.js';
import type { ImageView } from '../../image/views/image.js';

/** How files are written. */
export interface ExtractFilesOptions extends CallOptions {
  /** Bits that nobody gets. Default: those of this process. */
  readonly umask?: number;
  /** Gives files the owners that the image names. Default: as root. */
  readonly owners?: boolean;
  /** Where large layers are kept that were fetched in part, for a later try. Default: nothing is kept. */
  readonly downloads?: string;
  /** Hears of what could not be made: devices, pipes. */
  readonly onNotice?: (notice: string) => void;
}

/**
 * Writes the files of an image into a folder that is not there yet: layers laid over each other from the base up, with
 * their whiteouts, folders that are empty too. Nothing is written outside of the folder, whatever the layers say.
 * @throws OciError `CONTENT_INVALID` for paths that lead outside and for layers that are no files, `STORE_FULL`, and what
 * reading the layers throws
 */
export async function extractFiles(
  image: ImageView,
  folder: string,
  options: ExtractFilesOptions = {},
): Promise<void> {
  const { umask = process.umask(), owners = process.getuid?.() === 0, onNotice, downloads, signal } = options;
  const call: CallOptions = signal === undefined ? {} : { signal };
  // Not even an empty folder may be there, nor a link to one.
  await withRoom(mkdir(folder));
  const writer = new EntryWriter(folder, { ...call, owners, ...(onNotice && { onNotice }) });
  const entries = flattenedEntries(image, {
    ...call,
    ...(downloads !== undefined && { downloads }),
    restart: () => writer.restart(),
  });
  await writer.writeAll(withRights(entries, umask));
}

async function* withRights(
  entries: AsyncIterable<FlattenedEntry>,
  umask: number,
): AsyncGenerator<FlattenedEntry> {
  for await (const entry of entries)
    yield entry.type === 'symlink' ? entry : { ...entry, mode: rightsOf(entry.mode ?? 0) & ~umask };
}

/** Rights that only owners have, as bundles are packed, everybody gets; any others are meant as they are. */
function rightsOf(mode: number): number {
  if ((mode & 0o077) !== 0) return mode;
  const owner = (mode & 0o700) >> 6;
  return mode | (owner << 3) | owner;
}
