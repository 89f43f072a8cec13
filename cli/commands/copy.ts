import { Command, Option } from 'commander';
import type { CopySet } from '../../bundle/index.js';
import type { Platform } from '../../oci/index.js';
import { isCalledImgpkg } from '../compat.js';
import {
  bundleOption,
  concurrencyOption,
  flag,
  imageOption,
  lockOption,
  lockOutputOption,
  withVerbOptions,
  type VerbFlags,
} from '../bundle/options.js';
import { copyInto, copyToTar } from '../bundle/copy-to.js';
import { withPlatforms } from '../bundle/platforms.js';
import { checkTarTarget } from '../bundle/target.js';
import { platformOption } from '../image/options.js';
import { openTar } from '../bundle/differential.js';
import { readLock } from '../bundle/lock-files.js';
import { namedPlaces } from '../bundle/named.js';
import { withWork, type Work } from '../bundle/work.js';
import type { Context } from '../context.js';
import { checked } from '../client-options.js';
import { UsageError } from '../exit.js';
import { withExamples } from '../help.js';
import { parseSize } from '../values/size.js';

/** What the options of `copy` leave behind. */
export interface CopyFlags extends VerbFlags {
  readonly bundle?: string;
  readonly image?: string;
  readonly lock?: string;
  readonly tar?: string;
  readonly toRepo?: string;
  readonly toTar?: string;
  readonly concurrency: number;
  readonly cosignSignatures?: boolean;
  readonly includeNonDistributableLayers?: boolean;
  readonly lockOutput?: string;
  readonly repoBasedTags?: boolean;
  readonly resume?: boolean;
  readonly tarFormat?: 'imgpkg' | 'oci';
  readonly have?: string;
  readonly split?: number;
  readonly platform?: readonly Platform[];
  readonly referrers?: boolean;
  readonly dryRun?: boolean;
}

/** `ocilot copy`: imgpkg's. */
export function copyCommand(context: Context): Command {
  const command = withVerbOptions(
    new Command('copy')
      .addOption(bundleOption('copy a bundle and all that it lists'))
      .addOption(imageOption('copy an image'))
      .addOption(lockOption('copy what a lock file names'))
      .addOption(new Option('--tar <path>', 'copy what is in an archive'))
      .addOption(new Option('--to-repo <repository>', 'to this repository'))
      .addOption(new Option('--to-tar <path>', 'to this archive'))
      .addOption(
        new Option(
          '--tar-format <format>',
          'an OCI layout with a seal, or what imgpkg reads (default: oci)',
        ).choices(['oci', 'imgpkg']),
      )
      .addOption(concurrencyOption())
      .addOption(flag('--cosign-signatures', "copy cosign's signatures too"))
      .addOption(flag('--include-non-distributable-layers', 'copy layers too that may not be distributed'))
      .addOption(lockOutputOption())
      .addOption(flag('--repo-based-tags', 'tags of images tell which repository they are from'))
      .addOption(platformOption())
      .addOption(new Option('--have <inventory>', 'into an archive: only what the inventory does not have'))
      .addOption(
        new Option('--split <size>', 'into an archive: in parts of at most so many bytes, as 4GiB').argParser(
          checked(parseSize),
        ),
      )
      .addOption(flag('--resume', 'take from an archive what is there of it'))
      .addOption(
        flag(
          '--referrers',
          'signatures, attestations, SBOMs come along (default: out of a registry, not within it)',
        ),
      )
      .addOption(flag('--dry-run', 'tell what would be moved, and move nothing')),
  );
  withExamples(command, [
    ['ocilot copy -b registry.example/app:v1 --to-repo other.example/app', 'a bundle and its images'],
    ['ocilot copy -b registry.example/app:v1 --to-tar app.tar', 'into a file, to be carried'],
    [
      'ocilot copy -b registry.example/app:v2 --to-tar app.tar --have far.inventory --split 4GiB',
      'only what is missing there, in parts; `ocilot inventory` writes down what is there',
    ],
    ['ocilot copy --tar app.tar --to-repo other.example/app', 'and out of it'],
    [
      'ocilot copy -b registry.example/app:v1 --to-tar app.tar --platform linux/amd64 --dry-run',
      'what one platform would take',
    ],
  ]);
  return command.action(async (flags: CopyFlags) => {
    checkFlags(flags);
    const format = flags.tarFormat ?? (isCalledImgpkg(context.env) ? 'imgpkg' : 'oci');
    if (format === 'imgpkg' && (flags.have ?? flags.split) !== undefined)
      throw new UsageError('--have and --split are for archives that are OCI layouts: add --tar-format oci');
    if (flags.toTar !== undefined) await checkTarTarget(flags.toTar);
    const withDefaults = { ...(isCalledImgpkg(context.env) && { referrers: false }), ...flags };
    await withWork(context, flags, (work) => copyAll(work, withDefaults, format), {
      named: await namedPlaces(flags),
    });
  });
}

function checkFlags(flags: CopyFlags): void {
  const { bundle, image, lock, tar, toRepo, toTar, lockOutput, resume } = flags;
  const sources = [lock, bundle, image, tar].filter((source) => source !== undefined && source !== '');
  if (sources.length !== 1)
    throw new UsageError('Expected either --lock, --bundle (-b), --image (-i), or --tar as a source');
  if ((toRepo === undefined || toRepo === '') === (toTar === undefined || toTar === ''))
    throw new UsageError('Expected either --to-tar or --to-repo');
  if (tar !== undefined && toTar !== undefined)
    throw new UsageError('Cannot use tar source (--tar) with tar destination (--to-tar)');
  if (lockOutput !== undefined && toTar !== undefined)
    throw new UsageError('Cannot output lock file with tar destination');
  if (toTar === '-' && (resume === true || flags.json === true || flags.tty === true))
    throw new UsageError('--resume, --json and --tty do not go with an archive on the standard output');
  if ((flags.have ?? flags.split) !== undefined && toTar === undefined)
    throw new UsageError('--have and --split can only be used when copying to tar');
  if (flags.split !== undefined && (toTar === '-' || resume === true))
    throw new UsageError('--split goes neither with an archive on the standard output nor with --resume');
  if (resume === true && toTar === undefined)
    throw new UsageError('Flag --resume can only be used when copying to tar');
}

async function copyAll(work: Work, flags: CopyFlags, format: 'imgpkg' | 'oci'): Promise<void> {
  if (flags.tar !== undefined) {
    const { gatherArchive } = await import('../../bundle/index.js');
    const { archive, source } = await openTar(work, flags.tar, flags.toRepo ?? '');
    try {
      const whole = await gatherArchive(source, { signal: work.signal });
      await withPlatforms(work, whole, flags, (set) => copyInto(work, set, flags));
    } finally {
      await archive.close();
    }
    return;
  }
  const gathered = await gather(work, flags);
  await withPlatforms(work, gathered, flags, (set) => copySet(work, set, flags, format));
}

async function copySet(work: Work, set: CopySet, flags: CopyFlags, format: 'imgpkg' | 'oci'): Promise<void> {
  const { ui } = work;
  ui.line(`copy | exporting ${set.items.length} images...`);
  for (const { reference } of set.items) ui.line(`copy | will export ${reference}`);
  ui.line(`copy | exported ${set.items.length} images`);
  const { leavesRegistry } = await import('../bundle/plan.js');
  const holds = flags.toTar === undefined || format === 'oci';
  const carrying = { ...flags, referrers: flags.referrers ?? (holds && leavesRegistry(set, flags)) };
  if (!holds && carrying.referrers)
    throw new UsageError("imgpkg's tar holds no referrers: leave out --referrers, or add --tar-format oci");
  if (flags.toTar === undefined) await copyInto(work, set, carrying);
  else await copyToTar(work, set, flags.toTar, { ...carrying, format });
}

async function gather({ places, repository, signal }: Work, flags: CopyFlags): Promise<CopySet> {
  const library = await import('../../bundle/index.js');
  const { concurrency, cosignSignatures: signatures = false, bundle, image, lock } = flags;
  const options = { signal, concurrency, signatures };
  const named = bundle ?? image;
  if (named !== undefined) {
    const wanted = await library.parseWantedRange(repository, named, { signal });
    const gatherOne = bundle === undefined ? library.gatherImage : library.gatherBundle;
    return await gatherOne(places, wanted, options);
  }
  const locked = await readLock(lock ?? '');
  return 'images' in locked
    ? await library.gatherImagesLock(places, locked, options)
    : await library.gatherBundleLock(places, locked, options);
}
