import { Command, Option } from 'commander';
import {
  flag,
  bundleOption,
  imageOption,
  list,
  lockOutputOption,
  withVerbOptions,
  type VerbFlags,
} from '../bundle/options.js';
import { writeLock } from '../bundle/lock-files.js';
import { withWork, type Work } from '../bundle/work.js';
import type { Context } from '../context.js';
import { UsageError } from '../exit.js';
import { withExamples } from '../help.js';
import { pairs } from '../image/options.js';

interface PushFlags extends VerbFlags {
  readonly bundle?: string;
  readonly image?: string;
  readonly file?: readonly string[];
  readonly fileExclusion?: readonly string[];
  readonly fileExcludeDefaults?: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
  readonly lockOutput?: string;
  readonly preservePermissions?: boolean;
  readonly oci?: boolean;
}

/** `ocilot push`: imgpkg's. */
export function pushCommand(context: Context): Command {
  const command = withVerbOptions(
    new Command('push')
      .addOption(bundleOption('push a bundle: a folder with .imgpkg/images.yml in it'))
      .addOption(imageOption('push a plain image'))
      .addOption(
        list('-f, --file <path>', 'a folder, for what is in it, or a file (repeatable, or with commas)'),
      )
      .addOption(list('--file-exclusion <path>', 'leave out what is there below a folder (default: .git)'))
      .addOption(list('--file-exclude-defaults <path>', 'as --file-exclusion').hideHelp())
      .addOption(
        new Option('-l, --labels <k=v>', 'labels of the image (repeatable, or with commas)').argParser(pairs),
      )
      .addOption(lockOutputOption())
      .addOption(flag('--preserve-permissions', 'keep all rights, not only those of owners'))
      .addOption(flag('--oci', "media types of OCI in place of Docker's")),
  );
  withExamples(command, [
    ['ocilot push -b registry.example/app:v1 -f config', 'push a bundle, and print its digest'],
    ['ocilot push -i registry.example/files:v1 -f a -f b/notes.txt', 'push files as an image'],
    ['ocilot push -b registry.example/app:v1 -f config --lock-output app.lock.yml', 'and pin it in a file'],
  ]);
  return command.action(async (flags: PushFlags) => {
    const { bundle, image, lockOutput } = flags;
    const name = bundle ?? image;
    if (name === undefined || name === '')
      throw new UsageError('Expected either image or bundle: name one with -b or -i');
    if (bundle !== undefined && image !== undefined)
      throw new UsageError('Expected only one of image or bundle');
    if (image !== undefined && lockOutput !== undefined)
      throw new UsageError('Lock output is not compatible with image, use bundle for lock output');
    await withWork(context, flags, (work) => push(work, name, flags), { close: true });
  });
}

async function push({ ui, sink, signal, progress }: Work, name: string, flags: PushFlags): Promise<void> {
  const { formatPinned, parseTarget, pushBundle, pushImage } = await import('../../bundle/index.js');
  const { registry, repository, tag } = parseTarget(name);
  const place = { registry, repository };
  const excluded = [...(flags.fileExclusion ?? []), ...(flags.fileExcludeDefaults ?? [])];
  const isExcluding = flags.fileExclusion !== undefined || flags.fileExcludeDefaults !== undefined;
  const make = flags.bundle === undefined ? pushImage : pushBundle;
  const { digest } = await make((await sink(place)).sink, tag, {
    files: flags.file ?? [],
    ...(isExcluding && { exclude: excluded }),
    ...(flags.labels && { labels: flags.labels }),
    preservePermissions: flags.preservePermissions === true,
    oci: flags.oci === true,
    signal,
    onProgress: progress.tell,
    onEntry: (entry) => ui.line(`${entry.type === 'file' ? 'file' : 'dir'}: ${entry.name}`),
  });
  const reference = formatPinned({ ...place, digest });
  if (flags.lockOutput !== undefined) await writeLock(flags.lockOutput, { image: reference, tag });
  progress.end();
  ui.result(reference, `Pushed '${reference}'`);
}
