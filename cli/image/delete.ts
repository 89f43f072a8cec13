import { Command } from 'commander';
import type { Context } from '../context.js';
import { withExamples } from '../help.js';
import { withMedia } from './media.js';
import { withImageOptions, type ImageFlags } from './options.js';

/** `image delete`: one request, for the tag or the digest that is named. */
export function deleteCommand(context: Context): Command {
  const command = withImageOptions(new Command('delete'))
    .description('delete a tag, or a manifest by its digest')
    .argument('<image>')
    .option('--resolve', 'delete the manifest that a tag stands for, and with it all its tags');
  withExamples(command, [
    [
      'ocilot image delete localhost:5000/app:1',
      'the tag; its manifest stays where registries keep them apart',
    ],
    ['ocilot image delete --resolve localhost:5000/app:1', 'the manifest, where a registry deletes no tags'],
  ]);
  return command.action(async (text: string, flags: ImageFlags & { readonly resolve?: boolean }) => {
    await withMedia(context, flags, [text], async (media) => {
      const { digest, tag = 'latest' } = media.reference(text);
      const name = flags.resolve === true ? (await media.find(text)).descriptor.digest : (digest ?? tag);
      await media.repository(text).deleteManifest(name, { signal: media.signal });
    });
  });
}
