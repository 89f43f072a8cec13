import { join } from 'node:path';
import { Command, Option } from 'commander';
import type { PullEvent, PulledBundle } from '../../bundle/index.js';
import {
  bundleOption,
  flag,
  imageOption,
  lockOption,
  tarOption,
  withVerbOptions,
  type VerbFlags,
} from '../bundle/options.js';
import { readLock } from '../bundle/lock-files.js';
import type { Ui } from '../bundle/ui.js';
import { inTar } from '../bundle/in-tar.js';
import { namedPlaces } from '../bundle/named.js';
import { withWork, type Work } from '../bundle/work.js';
import type { Context } from '../context.js';
import { UsageError } from '../exit.js';
import { withExamples } from '../help.js';

interface PullFlags extends VerbFlags {
  readonly bundle?: string;
  readonly image?: string;
  readonly lock?: string;
  readonly tar?: string;
  readonly output?: string;
  readonly recursive?: boolean;
  readonly imageIsBundleCheck?: boolean;
}

/** `ocilot pull`: imgpkg's. */
export function pullCommand(context: Context): Command {
  const command = withVerbOptions(
    new Command('pull')
      .addOption(bundleOption('pull a bundle'))
      .addOption(imageOption('pull the files of an image'))
      .addOption(lockOption('pull the bundle of a lock file'))
      .addOption(tarOption('the bundle, or the only image, in an archive'))
      .addOption(new Option('-o, --output <folder>', 'the folder for the files; what is in it is replaced'))
      .addOption(flag('-r, --recursive', 'pull bundles in the bundle too'))
      .addOption(flag('--image-is-bundle-check', 'refuse a bundle as an image (default: true)')),
  );
  withExamples(command, [
    ['ocilot pull -b registry.example/app:v1 -o app', "put a bundle's files into ./app"],
    ['ocilot pull -b registry.example/app:v1 -r -o app', 'and those of bundles in it'],
    ['ocilot pull -i registry.example/files:v1 -o files', 'the files of an image'],
    ['ocilot pull --tar app.tar -o app', 'those of the bundle in an archive: no registry is needed'],
  ]);
  return command.action(async (flags: PullFlags) => {
    checkFlags(flags);
    const named = await namedPlaces(flags);
    await withWork(context, flags, (work) => pull(work, context, flags), { named });
  });
}

function checkFlags({ bundle, image, lock, tar, output, recursive, imageIsBundleCheck }: PullFlags): void {
  const given = [bundle, image, lock, tar].filter((source) => source !== undefined && source !== '');
  if (given.length === 0)
    throw new UsageError('Expected either image, bundle, or lock: name one with -i, -b, --lock or --tar');
  if (given.length > 1) throw new UsageError('Expected only one of image, bundle, or lock');
  if (output === undefined) throw new UsageError('Expected --output to be none empty');
  if (image !== undefined && recursive === true)
    throw new UsageError('Cannot use --recursive (-r) flag when pulling an image');
  if (image === undefined && imageIsBundleCheck === false)
    throw new UsageError('Cannot set --image-is-bundle-check while using -b flag');
}

async function pull(work: Work, context: Context, flags: PullFlags): Promise<void> {
  const { ui, places, repository, signal } = work;
  const { parseWantedRange, pullBundle, pullImage } = await import('../../bundle/index.js');
  const { journalFolder } = await import('../../client/index.js');
  const { image, output = '' } = flags;
  const options = {
    signal,
    onEvent: events(ui),
    onNotice: (notice: string) => ui.notice(notice),
    downloads: join(journalFolder(context.env), 'downloads'),
    ...(context.env['HOME'] === undefined ? {} : { home: context.env['HOME'] }),
  };
  if (image !== undefined) {
    const evenBundle = flags.imageIsBundleCheck === false;
    const wanted = await parseWantedRange(repository, image, { signal });
    await pullImage(places, wanted, output, { ...options, evenBundle });
    return;
  }
  const recursive = flags.recursive === true;
  if (flags.tar !== undefined) {
    await inTar(work, flags.tar, async (archive) => {
      if (archive.isBundle) await pullBundle(archive.places, archive.root, output, { ...options, recursive });
      else await pullImage(archive.places, archive.root, output, options);
    });
    return;
  }
  const named = flags.bundle ?? (await lockedBundle(flags.lock ?? ''));
  const wanted = await parseWantedRange(repository, named, { signal });
  const pulled = await pullBundle(places, wanted, output, { ...options, recursive });
  tellOutcome(ui, pulled);
}

async function lockedBundle(path: string): Promise<string> {
  const lock = await readLock(path);
  if ('images' in lock)
    throw new UsageError(`${path} is an ImagesLock: only the bundle of a BundleLock can be pulled`);
  return lock.image;
}

function events(ui: Ui): (event: PullEvent) => void {
  let indent = '  ';
  let isNested = false;
  return (event) => {
    if (event.type === 'layer') {
      ui.line(`${indent}Extracting layer '${event.digest}' (${event.n}/${event.of})`);
      return;
    }
    if (event.type === 'image' || event.type === 'bundle') {
      ui.line(`Pulling ${event.type} '${event.reference}'`);
      return;
    }
    if (!isNested) {
      ui.line('');
      ui.line('Nested bundles');
    }
    isNested = true;
    indent = '    ';
    ui.line(`  Pulling nested bundle '${event.reference}'`);
    if (event.type === 'skipped') ui.line(`${indent}Skipped, already downloaded`);
  };
}

function tellOutcome(ui: Ui, { reference, relocated }: PulledBundle): void {
  ui.line('');
  ui.line('Locating image lock file images...');
  ui.notice(
    relocated
      ? `The bundle repo (${reference.split('@', 1)[0]}) is hosting every image specified in the bundle's Images Lock file (.imgpkg/images.yml)`
      : 'One or more images not found in bundle repo; skipping lock file update',
  );
}
