import { Command, Option } from 'commander';
import { appendLayers } from '../../image/mutate/index.js';
import type { Context } from '../context.js';
import { withExamples } from '../help.js';
import { withProgressOption, type ProgressFlags } from '../progress.js';
import { applyEdits, editsOf, withEditOptions, type EditFlags } from './edit-options.js';
import { changeEach, viewToEdit } from './edit-views.js';
import { withMedia } from './media.js';
import { NewLayers, parseLayerInput, refuseTwice } from './new-layers.js';
import { listed, withImageOptions, type ImageFlags } from './options.js';
import { deliver, destinationOf, placesOf } from './result.js';

interface Flags extends ImageFlags, ProgressFlags, EditFlags {
  readonly append?: readonly string[];
  readonly tag?: string;
  readonly repo?: string;
  readonly output?: string;
}

/** `image mutate`: another config, other annotations, more layers. */
export function mutateCommand(context: Context): Command {
  const command = withProgressOption(withImageOptions(new Command('mutate')))
    .description('change labels, environment, command and more of an image, without its layers')
    .argument('<image>', '- is an archive on the standard input')
    .addOption(
      new Option('--append <path>', 'put a layer on top, as -f of `image append` (repeatable)').argParser(
        listed,
      ),
    )
    .option('-t, --tag <image>', 'where the result goes (default: in place of the image)')
    .option('--repo <repository>', 'push the result there by its digest')
    .option('-o, --output <file>', 'write a docker archive, - for the standard output, or to any place');
  withEditOptions(command);
  withExamples(command, [
    ['ocilot image mutate localhost:5000/app:1 -l team=blue --remove-label old', 'moves the tag'],
    [
      'ocilot image mutate localhost:5000/app:1 --clear-entrypoint --cmd /bin/sh -t localhost:5000/app:shell',
      'a new one',
    ],
    [
      'ocilot image mutate --platform linux/arm64 localhost:5000/app:1 -e A=b -o app.tar',
      'one platform, to a file',
    ],
    ['docker save app | ocilot image mutate - -l a=b -o - | docker load', 'in a pipe'],
  ]);
  return command.action(async (text: string, flags: Flags) => {
    const { append = [], tag, repo, output } = flags;
    const edits = editsOf(flags);
    const destination = destinationOf({ input: text, tag, repo, output });
    const inputs = await Promise.all(append.map(parseLayerInput));
    refuseTwice(text, inputs);
    await withMedia(context, flags, [text, ...placesOf(destination)], async (media) => {
      const call = { signal: media.signal };
      const layers = new NewLayers(context, media, inputs);
      const view = await viewToEdit(context, media, text, flags);
      const changed = await changeEach(
        view,
        async (image) =>
          await applyEdits(await appendLayers(image, await layers.for(image), call), edits, call),
        media,
      );
      await deliver(context, media, changed, destination);
    });
  });
}
