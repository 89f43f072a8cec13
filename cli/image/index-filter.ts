import { Command, InvalidArgumentError, Option } from 'commander';
import { filterIndex } from '../../image/mutate/index.js';
import { parsePlatformFilter, type PlatformFilter } from '../../image/views/index.js';
import { isOciError, OciError, printable } from '../../oci/index.js';
import { withClientOptions, type ClientFlags } from '../client-options.js';
import type { Context } from '../context.js';
import { withExamples } from '../help.js';
import { withMedia } from './media.js';
import { deliver, destinationOf, placesOf } from './result.js';

interface Flags extends ClientFlags {
  readonly platform?: readonly PlatformFilter[];
  readonly tag?: string;
  readonly output?: string;
}

/** `image index filter`: an index of some of its entries. */
export function indexFilterCommand(context: Context): Command {
  const command = withClientOptions(new Command('filter'))
    .description('keep what is for some platforms in an index, and nothing else')
    .argument('<index>')
    .addOption(
      new Option(
        '--platform <platform>',
        'what to keep, as linux/arm64 or linux (repeatable, or with commas)',
      ).argParser(filters),
    )
    .option('-t, --tag <image>', 'where the result goes (default: in place of the index)')
    .option('-o, --output <file>', '- for an archive on the standard output, or any place');
  withExamples(command, [
    [
      'ocilot image index filter alpine:3 --platform linux/amd64,linux/arm64 -t localhost:5000/alpine:3',
      'two of them',
    ],
    ['ocilot image index filter localhost:5000/app:1 --platform linux', 'no Windows; moves the tag'],
  ]);
  return command.action(async (text: string, flags: Flags) => {
    const destination = destinationOf({ input: text, tag: flags.tag, output: flags.output });
    // What is filtered by, here is more than one platform; elsewhere it chooses one.
    const { platform = [], ...rest } = flags;
    await withMedia(context, rest, [text, ...placesOf(destination)], async (media) => {
      const view = await media.view(text);
      if (view.kind === 'image')
        throw new OciError('INVALID_OPTION', `${printable(text)} is an image, and no index`);
      const call = { signal: media.signal };
      const left = await filterIndex(view, platform, call);
      if ((await left.manifest(call)).manifests.length === 0)
        throw new OciError('MANIFEST_UNKNOWN', `nothing in ${printable(text)} is for what --platform says`);
      await deliver(context, media, left, destination);
    });
  });
}

function filters(text: string, before: readonly PlatformFilter[] | undefined): readonly PlatformFilter[] {
  try {
    return [...(before ?? []), ...text.split(',').map(parsePlatformFilter)];
  } catch (error) {
    if (isOciError(error)) throw new InvalidArgumentError(error.message);
    throw error;
  }
}
