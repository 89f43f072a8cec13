import { Command, Option } from 'commander';
import { emptyImage } from '../../image/empty.js';
import {
  annotate,
  appendLayers,
  BASE_DIGEST,
  BASE_NAME,
  type HistoryEntry,
} from '../../image/mutate/index.js';
import type { Packing } from '../../image/packing.js';
import { formatPlace, parsePlace } from '../../image/place.js';
import { sourceDateEpoch, timeText } from '../../image/time.js';
import type { ImageView, View } from '../../image/views/index.js';
import { isDigest } from '../../oci/index.js';
import type { Context } from '../context.js';
import { UsageError } from '../exit.js';
import { withExamples } from '../help.js';
import { withProgressOption, type ProgressFlags } from '../progress.js';
import { applyEdits, editsOf, withEditOptions, type EditFlags } from './edit-options.js';
import { changeEach, viewToEdit } from './edit-views.js';
import { withMedia, type Media } from './media.js';
import { NewLayers, parseLayerInput, refuseTwice } from './new-layers.js';
import { listed, withImageOptions, type ImageFlags } from './options.js';
import { nameIn } from './place-names.js';
import { deliver, destinationOf, placesOf } from './result.js';

interface Flags extends ImageFlags, ProgressFlags, EditFlags {
  readonly base?: string;
  readonly new_tag?: string;
  readonly new_layer?: readonly string[];
  readonly output?: string;
  readonly setBaseImageAnnotations?: boolean;
  readonly ociEmptyBase?: boolean;
  readonly compression?: Packing;
}

/** `image append`: layers on a base or on nothing, and all that is to be said of the image, in one push. */
export function appendCommand(context: Context): Command {
  const command = withProgressOption(withImageOptions(new Command('append')))
    .description('make an image: put layers on a base or on nothing, set its config, and push it once')
    .option('-b, --base <image>', 'what to put them on (default: an empty image of Docker types)')
    .addOption(new Option('--oci-empty-base', 'put them on an empty image of OCI types').conflicts('base'))
    .addOption(
      new Option(
        '-f, --new_layer <path>',
        'a tar, FOLDER:/place/in/image, FILE:/place, or - for the standard input (repeatable)',
      ).argParser(listed),
    )
    .option('-t, --new_tag <image>', 'where the image goes')
    .option('-o, --output <file>', 'write a docker archive, - for the standard output, or to any place')
    .option('--set-base-image-annotations', 'note name and digest of the base in annotations')
    .addOption(
      new Option('--compression <how>', 'of tars that are not packed yet (default: gzip)').choices([
        'gzip',
        'estargz',
        'none',
      ]),
    );
  withEditOptions(command);
  withExamples(command, [
    [
      'ocilot image append --oci-empty-base -f app.tar -t localhost:5000/app:1',
      'prints localhost:5000/app@sha256:…',
    ],
    [
      'ocilot image append -b alpine:3 -f ./conf/:/etc/app -e PORT=8080 -t localhost:5000/app:1',
      'every platform of the base',
    ],
    [
      'ocilot image append -b alpine:3 --platform linux/arm64 -f ./app:/usr/bin/ -o app.tar',
      'one platform, into a docker archive',
    ],
    [
      'tar c etc | ocilot image append -b oci:./layout:3 -f - -t oci:./layout:4',
      'from a pipe, between layouts',
    ],
  ]);
  return command.action(async (flags: Flags) => {
    const { base, new_tag: tag, output, new_layer: files = [], compression } = flags;
    if (tag === undefined && output === undefined) throw new UsageError('say with -t where the image goes');
    const edits = editsOf(flags);
    const destination = destinationOf({ tag, output });
    const inputs = await Promise.all(files.map(parseLayerInput));
    refuseTwice(base, inputs);
    await withMedia(context, flags, [base, ...placesOf(destination)], async (media) => {
      const call = { signal: media.signal };
      const time = timeOf(edits.config.created, context);
      const config = { ...edits.config, ...(time === undefined ? {} : { created: time }) };
      const layers = new NewLayers(context, media, inputs, compression);
      const history: HistoryEntry = time === undefined ? {} : { created: time };
      const change = async (image: ImageView): Promise<ImageView> => {
        const added = (await layers.for(image)).map((layer) => ({ layer, history }));
        const appended = await appendLayers(image, added, call);
        const noted =
          flags.setBaseImageAnnotations === true && base !== undefined
            ? await annotate(appended, baseAnnotations(base, image), call)
            : appended;
        return await applyEdits(noted, { ...edits, config }, call);
      };
      const view = await baseOf(context, media, flags);
      await deliver(context, media, await changeEach(view, change, media), destination);
    });
  });
}

async function baseOf(context: Context, media: Media, flags: Flags): Promise<View> {
  if (flags.base !== undefined) return await viewToEdit(context, media, flags.base, flags);
  if (flags.ociEmptyBase === true) return emptyImage('oci');
  context.err.write(
    'base unspecified, using an empty image of Docker types; --oci-empty-base for one of OCI\n',
  );
  return emptyImage('docker');
}

/** What `--created` says, else `SOURCE_DATE_EPOCH`. */
function timeOf(created: Date | string | null | undefined, { env }: Context): string | undefined {
  if (typeof created === 'string') return created;
  const epoch = sourceDateEpoch(env);
  return epoch === undefined ? undefined : timeText(epoch);
}

/** What the new image stands on; the name only where it is one that can move. */
function baseAnnotations(base: string, { descriptor }: ImageView): Readonly<Record<string, string>> {
  const named = base !== '-' && !isDigest(nameIn(base));
  return {
    [BASE_DIGEST]: descriptor.digest,
    ...(named ? { [BASE_NAME]: formatPlace(parsePlace(base)) } : {}),
  };
}
