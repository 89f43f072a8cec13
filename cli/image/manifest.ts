import { Command } from 'commander';
import { readManifest } from '../../image/read.js';
import type { Context } from '../context.js';
import { withExamples } from '../help.js';
import { withMedia } from './media.js';
import { withImageOptions, type ImageFlags } from './options.js';

/** `image manifest`: the exact bytes of a manifest or an index. */
export function manifestCommand(context: Context): Command {
  const command = withImageOptions(new Command('manifest'))
    .description('print the manifest of an image, or an index')
    .argument('<image>');
  withExamples(command, [
    ['ocilot image manifest alpine | jq', 'the index of all its platforms'],
    ['ocilot image manifest --platform linux/arm64 alpine', 'the manifest of one'],
  ]);
  return command.action(async (text: string, flags: ImageFlags) => {
    await withMedia(context, flags, [text], async (media) => {
      const { source, chosen } = await media.chosen(text);
      await context.out.writeBytes(await readManifest(source, chosen, { signal: media.signal }));
    });
  });
}
