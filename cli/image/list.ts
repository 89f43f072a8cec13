import { Command } from 'commander';
import { parsePlace } from '../../image/place.js';
import type { Context } from '../context.js';
import { withExamples } from '../help.js';
import { listPrinter, withOutput } from './catalog.js';
import { listExtended } from './list-extended.js';
import { keyOf } from './place-names.js';
import { withMedia } from './media.js';
import { withImageOptions, type ImageFlags } from './options.js';

/** What `image ls` takes. */
export interface ListFlags extends ImageFlags {
  readonly fullRef?: boolean;
  readonly omitDigestTags?: boolean;
  readonly recursive?: boolean;
  readonly json?: boolean;
  readonly output: string;
}

/** `image ls`: the tags of a repository. */
export function listCommand(context: Context): Command {
  const command = withImageOptions(new Command('ls'))
    .description('list the tags of a repository')
    .argument('<repository>')
    .option('--full-ref', 'print repository:tag')
    .option('-O, --omit-digest-tags', 'leave out tags that stand in for digests: sha256-…')
    .option('-r, --recursive', 'the repositories below it too, and manifests without a tag')
    .option('--json', 'one line of JSON for each repository: manifests, their tags, sizes and times');
  withOutput(command);
  withExamples(command, [
    ['ocilot image ls localhost:5000/app', 'one on each line, in the order of the registry'],
    ['ocilot image ls -r --json localhost:5000/team', 'everything below team, with sizes and times'],
    ['ocilot image ls oci:./layout', 'the names in a layout or an archive'],
  ]);
  return command.action(async (text: string, flags: ListFlags) => {
    await withMedia(context, flags, [text], async (media) => {
      if (flags.recursive === true || flags.json === true)
        return await listExtended(context, media, text, flags);
      const source = await media.source(text);
      // As it was named, wherever it was looked for.
      const name = text === '-' ? source.name : keyOf(parsePlace(text));
      const print = listPrinter(context, flags.output);
      for await (const tag of source.tags?.({ signal: media.signal }) ?? []) {
        if (flags.omitDigestTags === true && tag.startsWith('sha256-')) continue;
        print.item(flags.fullRef === true ? `${name}:${tag}` : tag);
      }
      print.end();
    });
  });
}
