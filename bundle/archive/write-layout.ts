import type { Descriptor } from '../../oci/index.js';
import { createLayoutArchive, type ArchiveTarget } from '../../image/archive/index.js';
import { copy, type CopyReport } from '../../image/copy/index.js';
import { GatheredSource } from '../copy/gathered.js';
import { leftOut } from '../copy/non-distributable.js';
import type { CopyItem, CopySet } from '../copy/set.js';
import { copyOptions, noticeUnrestricted, type CopySetOptions } from '../copy/to-repository.js';
import { digestTag } from '../names.js';
import { withInventory, type Inventory } from '../inventory/index.js';
import { overlaid } from './overlay.js';
import { MARKS, ROOT_MARK } from './marks.js';
import type { Reusable } from './reuse.js';

/** How a set is written to an archive. */
export interface ToArchiveOptions extends CopySetOptions {
  /** What blobs are taken from where it has them, before they are fetched: an older archive. */
  readonly reuse?: Reusable;
}

/** How a set is written to an OCI layout. */
export interface ToLayoutOptions extends ToArchiveOptions {
  /** What is there already where it will be loaded: only the rest is written. */
  readonly have?: Inventory;
}

/** What was written. */
export interface WrittenArchive {
  readonly reports: readonly CopyReport[];
  readonly left: ReadonlyMap<string, readonly Descriptor[]>;
}

/**
 * Writes a set as an OCI layout in a tar, in one pass, ended by a seal: any OCI tool reads it, and `docker load` its
 * images. Everything is named as lists of images spell it; the bundle and what has a tag, by that. The file gets its name when
 * it is whole.
 * @throws OciError of the places, `STORE_FULL`, `DIGEST_MISMATCH`
 */
export async function writeLayoutTar(
  set: CopySet,
  target: ArchiveTarget,
  options: ToLayoutOptions = {},
): Promise<WrittenArchive> {
  const { signal, reuse, have } = options;
  const call = signal === undefined ? {} : { signal };
  const gathered = new GatheredSource(set.items);
  const source = reuse === undefined ? gathered : overlaid(gathered, reuse);
  const archive = await createLayoutArchive(target, { seal: true, dockerManifest: true });
  const sink = have === undefined ? archive : withInventory(archive, have);
  try {
    const roots = set.items.map((item) => ({
      descriptor: markedDescriptor(item, item === set.root),
      tags: namesOf(item),
    }));
    const report = await copy(source, sink, roots, copyOptions(options));
    await sink.finish?.(call);
    await noticeUnrestricted(set, gathered, options);
    return { reports: [report], left: await leftOut(set, gathered, [report], call) };
  } catch (error) {
    await sink.abandon?.();
    throw error;
  }
}

/** A chosen tag; else what lists call it, and a tag for tools whose names have no digests: `docker load`. */
function namesOf({ descriptor, reference, origin = reference, tag }: CopyItem): readonly string[] {
  if (tag !== undefined) return [`${reference.split('@', 1)[0]}:${tag}`];
  return [origin, `${origin.split('@', 1)[0]}:${digestTag(descriptor.digest)}`];
}

function markedDescriptor({ descriptor, reference, origin, tag }: CopyItem, isRoot: boolean): Descriptor {
  const { annotations: _dropped, ...plain } = descriptor;
  return {
    ...plain,
    annotations: {
      ...(isRoot && { [ROOT_MARK]: '' }),
      [MARKS.reference]: reference,
      ...(origin !== undefined && { [MARKS.origin]: origin }),
      ...(tag !== undefined && { [MARKS.tag]: tag }),
    },
  };
}
