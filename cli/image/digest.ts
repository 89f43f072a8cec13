import { Command } from 'commander';
import { formatReference } from '../../oci/index.js';
import type { Context } from '../context.js';
import { UsageError } from '../exit.js';
import { withExamples } from '../help.js';
import { withMedia, type Media } from './media.js';
import { withImageOptions, type ImageFlags } from './options.js';

interface Flags extends ImageFlags {
  readonly tarball?: string;
  readonly fullRef?: boolean;
}

/** `image digest`: what a name stands for. */
export function digestCommand(context: Context): Command {
  const command = withImageOptions(new Command('digest'))
    .description('print the digest of an image or an index')
    .argument('[image]', 'with --tarball: the name of the image in it')
    .option('--tarball <file>', 'look into an archive')
    .option('--full-ref', 'print repository@digest');
  withExamples(command, [
    ['ocilot image digest alpine:3', 'what the tag stands for now'],
    ['ocilot image digest --full-ref --platform linux/arm64 alpine:3', 'for a Dockerfile of one platform'],
    ['ocilot image digest --tarball app.tar', 'of the image in an archive'],
  ]);
  return command.action(async (text: string | undefined, flags: Flags) => {
    const { tarball, fullRef } = flags;
    if (tarball !== undefined && fullRef === true)
      throw new UsageError('--full-ref has no meaning for --tarball: an archive is in no registry');
    if (tarball === undefined && text === undefined)
      throw new UsageError('name an image, or an archive with --tarball');
    await withMedia(context, flags, tarball === undefined ? [text] : [], async (media) => {
      context.out.write(
        tarball === undefined
          ? await ofPlace(media, text ?? '', fullRef === true)
          : `${await inArchive(media, tarball, text ?? '')}\n`,
      );
    });
  });
}

async function ofPlace(media: Media, text: string, full: boolean): Promise<string> {
  const { chosen } = await media.chosen(text);
  if (!full) return `${chosen.digest}\n`;
  const { registry, repository } = media.reference(text);
  return `${formatReference({ registry, repository, digest: chosen.digest })}\n`;
}

async function inArchive(media: Media, path: string, name: string): Promise<string> {
  const found = await media.findIn(await media.path(path), name, path);
  if (media.onePlatform() === undefined) return found.descriptor.digest;
  const { openView } = await import('../../image/views/index.js');
  const image = await media.imageOf(await openView(found.source, found.descriptor), path);
  return image.descriptor.digest;
}
