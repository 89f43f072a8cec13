import { Command } from 'commander';
import { printable } from '../../oci/index.js';
import type { Context } from '../context.js';
import { withExamples } from '../help.js';
import { listings } from './list-extended.js';
import { withMedia } from './media.js';
import { withImageOptions, type ImageFlags } from './options.js';

/** `image gc`: names what no tag leads to, and deletes nothing. */
export function gcCommand(context: Context): Command {
  const command = withImageOptions(new Command('gc'))
    .description(
      'print the manifests of a repository that have no tag, where its registry tells; delete nothing',
    )
    .argument('<repository>')
    .option('-r, --recursive', 'of the repositories below it too');
  withExamples(command, [
    ['ocilot image gc gcr.io/project/app | xargs -n1 ocilot image delete', 'delete what has no tag'],
  ]);
  return command.action(async (text: string, flags: ImageFlags & { readonly recursive?: boolean }) => {
    await withMedia(context, flags, [text], async (media) => {
      for await (const { name, manifest } of listings(media, text, flags.recursive === true))
        for (const [digest, { tag }] of Object.entries(manifest))
          if (tag.length === 0) context.out.write(`${printable(`${name}@${digest}`)}\n`);
    });
  });
}
