import { Command } from 'commander';
import type { Context } from '../context.js';
import { withExamples } from '../help.js';
import { withMedia } from './media.js';
import { withImageOptions, type ImageFlags } from './options.js';

/** `image config`: the exact bytes of an image's config. */
export function configCommand(context: Context): Command {
  const command = withImageOptions(new Command('config'))
    .description('print the config of an image')
    .argument('<image>');
  withExamples(command, [
    ["ocilot image config alpine | jq -r '.config.Env[]'", 'its environment'],
    ['ocilot image config --platform linux/arm64 oci:./layout:3', 'of one platform, in a layout'],
  ]);
  return command.action(async (text: string, flags: ImageFlags) => {
    await withMedia(context, flags, [text], async (media) => {
      const image = await media.image(text);
      await context.out.writeBytes(await image.config({ signal: media.signal }));
    });
  });
}
