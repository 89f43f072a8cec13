import { Command, Option } from 'commander';
import { annotatedAs, pulledNames } from './pull-names.js';
import type { Context } from '../context.js';
import { UsageError } from '../exit.js';
import { withExamples } from '../help.js';
import { withProgressOption, type ProgressFlags } from '../progress.js';
import { cached } from './layer-cache.js';
import { withMedia, type Media } from './media.js';
import { withImageOptions, type ImageFlags } from './options.js';

interface Flags extends ImageFlags, ProgressFlags {
  readonly format: 'legacy' | 'oci' | 'oci-archive' | 'tarball';
  readonly cache_path?: string;
  readonly annotateRef?: boolean;
}

/** `image pull`: images into a file or a layout. */
export function pullCommand(context: Context): Command {
  const command = withProgressOption(withImageOptions(new Command('pull')))
    .description('write images into an archive or an OCI layout')
    .argument('<image...>', 'the images, and last the file or folder; - is the standard output')
    .addOption(
      new Option('--format <format>', 'what to write')
        .choices(['tarball', 'legacy', 'oci', 'oci-archive'])
        .default('tarball'),
    )
    .option('-c, --cache_path <folder>', 'keep layers there, and take them from there')
    .option('--annotate-ref', 'with oci: name images by their full reference');
  withExamples(command, [
    ['ocilot image pull alpine:3 alpine.tar', 'for docker load; one platform'],
    ['ocilot image pull --format=oci alpine:3 busybox ./layout', 'every platform, into an OCI layout'],
    ['ocilot image pull alpine:3 - | docker load', 'through a pipe'],
  ]);
  return command.action(async (args: readonly string[], flags: Flags) => {
    const path = args.at(-1) ?? '';
    const images = args.slice(0, -1);
    if (images.length === 0) throw new UsageError('name an image, and last the file or folder to write');
    await withMedia(context, flags, images, async (media) => {
      if (flags.format === 'oci' || flags.format === 'oci-archive')
        await pullLayout(media, { images, path, flags });
      else await pullArchive(media, { images, path, flags });
      await media.finish();
    });
  });
}

interface Pull {
  readonly images: readonly string[];
  readonly path: string;
  readonly flags: Flags;
}

async function pullLayout(media: Media, { images, path, flags }: Pull): Promise<void> {
  const call = { signal: media.signal };
  const sink = await media.own(
    flags.format === 'oci'
      ? await (await import('../../image/layout/index.js')).createLayout(path, call)
      : await media.places.layoutArchive(path),
  );
  for (const text of images) {
    const { source, chosen } = await media.chosen(text);
    const tags = flags.annotateRef === true ? [annotatedAs(text)] : [];
    await media.copy(cached(source, flags.cache_path), sink, [{ descriptor: chosen, tags }], {
      referrers: false,
    });
  }
}

async function pullArchive(media: Media, { images, path, flags }: Pull): Promise<void> {
  const { createDockerArchive } = await import('../../image/archive/index.js');
  const sink = await media.own(
    await createDockerArchive(media.places.output(path), {
      format: flags.format === 'legacy' ? 'legacy' : 'docker',
    }),
  );
  for (const text of images) {
    const { source } = await media.find(text);
    const { descriptor } = await media.image(text);
    const tags = pulledNames(text);
    await media.copy(cached(source, flags.cache_path), sink, [{ descriptor, tags }], { referrers: false });
  }
}
