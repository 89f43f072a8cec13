import { Option, type Command } from 'commander';
import type { Digest } from '../../oci/index.js';
import type { Inventory } from '../../bundle/inventory/index.js';
import type { Sink, Source } from '../../image/media.js';
import type { Place } from '../../image/place.js';
import { checked } from '../client-options.js';
import type { Context } from '../context.js';
import { UsageError } from '../exit.js';
import { parseSize } from '../values/size.js';
import type { Media } from './media.js';

/** What is said of archives that are written. */
export interface ArchiveFlags {
  /** An inventory. */
  readonly have?: string;
  /** Most bytes of a part. */
  readonly split?: number;
}

/** `--have` and `--split`. */
export function withArchiveOptions(command: Command): Command {
  return command
    .option(
      '--have <inventory>',
      'into an archive: only what the inventory does not have (`ocilot inventory`)',
    )
    .addOption(
      new Option('--split <size>', 'into an archive: in parts of at most so many bytes, as 4GiB').argParser(
        checked(parseSize),
      ),
    );
}

/**
 * The archive that is copied into, as flags ask for it.
 * @throws UsageError for a place that is no archive
 */
export async function archiveSink(
  context: Context,
  media: Media,
  source: Source,
  { place, have, split }: ArchiveFlags & { readonly place: Place },
): Promise<Sink> {
  if (place.medium !== 'oci-archive')
    throw new UsageError('--have and --split are for archives: copy to oci-archive:FILE');
  const { createLayoutArchive } = await import('../../image/archive/index.js');
  const output = media.places.output(place.path);
  if (split !== undefined && typeof output !== 'string')
    throw new UsageError('--split writes files: the standard output cannot be split');
  const target = split === undefined || typeof output !== 'string' ? output : { path: output, split };
  const inventory = have === undefined ? undefined : await inventoryFor(context, media, source, have);
  const archive = await createLayoutArchive(target, { dockerManifest: true, seal: true });
  await media.own(archive);
  if (inventory === undefined) return archive;
  const { withInventory } = await import('../../bundle/inventory/index.js');
  return withInventory(archive, inventory);
}

async function inventoryFor(
  context: Context,
  media: Media,
  source: Source,
  path: string,
): Promise<Inventory> {
  const { expandInventory, readInventory } = await import('../../bundle/inventory/index.js');
  const call = { signal: media.signal };
  const { inventory, unknown } = await expandInventory(await readInventory(path, call), source, call);
  warnOfUnknown(context, source, unknown);
  return inventory;
}

function warnOfUnknown({ err }: Context, { name }: Source, unknown: readonly Digest[]): void {
  for (const digest of unknown)
    err.write(`${digest} of the inventory is not in ${name}: what is in it is packed again\n`);
}

/**
 * Looks at an archive before anything of it is sent: all of one with a seal is read and must be right, and what a
 * differential one relies on must be where it goes.
 * @throws OciError `CONTENT_INVALID`, `PRECONDITION_FAILED`
 */
export async function requireLoadable(media: Media, from: Place, sink: Sink): Promise<void> {
  if (from.medium !== 'oci-archive') return;
  const call = { signal: media.signal };
  const { archiveFacts, openVerifiedArchive } = await import('../../image/archive/index.js');
  const { sealed, base } = await archiveFacts(from.path, call);
  if (sealed || base !== undefined) await (await openVerifiedArchive(from.path, call)).source.close();
  if (base === undefined) return;
  const { requireBase } = await import('../../bundle/loading/index.js');
  await requireBase(base, sink, call);
}
