import { Command } from 'commander';
import { flatten } from '../../image/mutate/index.js';
import { sourceDateEpoch } from '../../image/time.js';
import type { Context } from '../context.js';
import { withExamples } from '../help.js';
import { withProgressOption, type ProgressFlags } from '../progress.js';
import { changeEach, viewToEdit } from './edit-views.js';
import { withMedia } from './media.js';
import { withImageOptions, type ImageFlags } from './options.js';
import { deliver, destinationOf, placesOf } from './result.js';

interface Flags extends ImageFlags, ProgressFlags {
  readonly tag?: string;
  readonly output?: string;
}

/** `image flatten`: all layers as one. */
export function flattenCommand(context: Context): Command {
  const command = withProgressOption(withImageOptions(new Command('flatten')))
    .description('make all layers of an image one')
    .argument('<image>', '- is an archive on the standard input')
    .option('-t, --tag <image>', 'where the result goes (default: in place of the image)')
    .option('-o, --output <file>', 'write a docker archive, - for the standard output, or to any place');
  withExamples(command, [
    ['ocilot image flatten localhost:5000/app:1 -t localhost:5000/app:flat', 'every platform'],
    [
      'SOURCE_DATE_EPOCH=0 ocilot image flatten localhost:5000/app:1',
      'the same digest each time; moves the tag',
    ],
  ]);
  return command.action(async (text: string, { tag, output, ...flags }: Flags) => {
    const destination = destinationOf({ input: text, tag, output });
    await withMedia(context, flags, [text, ...placesOf(destination)], async (media) => {
      // One time for all images of an index.
      const options = { signal: media.signal, created: sourceDateEpoch(context.env) ?? new Date() };
      const view = await viewToEdit(context, media, text, flags);
      const flat = await changeEach(
        view,
        async (image) => {
          const changed = await flatten(image, options);
          for (const layer of await changed.layers(options)) media.after(async () => layer.close?.());
          return changed;
        },
        media,
      );
      await deliver(context, media, flat, destination);
    });
  });
}
