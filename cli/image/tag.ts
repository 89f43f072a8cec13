import { Command } from 'commander';
import { readManifest } from '../../image/read.js';
import { parseTag } from '../../oci/index.js';
import type { Context } from '../context.js';
import { withExamples } from '../help.js';
import { withMedia } from './media.js';
import { withImageOptions, type ImageFlags } from './options.js';

/** `image tag`: another name in the same repository, without moving a blob. */
export function tagCommand(context: Context): Command {
  const command = withImageOptions(new Command('tag'))
    .description('give an image another tag in its repository')
    .argument('<image>')
    .argument('<tag>');
  withExamples(command, [['ocilot image tag localhost:5000/app:1.4.2 latest', 'move latest to 1.4.2']]);
  return command.action(async (text: string, tag: string, flags: ImageFlags) => {
    parseTag(tag);
    await withMedia(context, flags, [text], async (media) => {
      const { source, chosen } = await media.chosen(text);
      const bytes = await readManifest(source, chosen, { signal: media.signal });
      const { sink } = await media.target(text);
      await sink.putManifest(chosen, bytes, { signal: media.signal, top: true, tags: [tag] });
      await media.finish();
    });
  });
}
