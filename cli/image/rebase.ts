import { Command, Option } from 'commander';
import { BASE_DIGEST, BASE_NAME, platformOf, rebase, type RebaseOptions } from '../../image/mutate/index.js';
import { formatPlace, parsePlace } from '../../image/place.js';
import { DEFAULT_PLATFORM, selectPlatform, type ImageView, type View } from '../../image/views/index.js';
import { OciError, formatReference, isDigest, printable, type Digest } from '../../oci/index.js';
import type { Context } from '../context.js';
import { UsageError } from '../exit.js';
import { withExamples } from '../help.js';
import { withProgressOption, type ProgressFlags } from '../progress.js';
import { changeEach, viewToEdit } from './edit-views.js';
import { withMedia, type Media } from './media.js';
import { withImageOptions, type ImageFlags } from './options.js';
import { deliver, destinationOf, placesOf } from './result.js';

interface Flags extends ImageFlags, ProgressFlags {
  readonly old_base?: string;
  readonly new_base?: string;
  readonly tag?: string;
  readonly rebased?: string;
  readonly original?: string;
  readonly output?: string;
}

/** `image rebase`: the same image on another base. */
export function rebaseCommand(context: Context): Command {
  const command = withProgressOption(withImageOptions(new Command('rebase')))
    .description('exchange the base of an image, without its own layers')
    .argument('[image]', '- is an archive on the standard input')
    .option('--old_base <image>', 'what it stands on (default: what its annotations say)')
    .option('--new_base <image>', 'what it is to stand on (default: the name in its annotations)')
    .option('-t, --tag <image>', 'where the result goes (default: in place of the image)')
    .option('-o, --output <file>', 'write a docker archive, - for the standard output, or to any place')
    .addOption(new Option('--original <image>', 'the image, as older versions of crane want it').hideHelp())
    .addOption(new Option('--rebased <image>', 'as --tag').hideHelp());
  withExamples(command, [
    [
      'ocilot image rebase localhost:5000/app:1 --old_base alpine:3.20 --new_base alpine:3.21',
      'moves the tag',
    ],
    ['ocilot image rebase localhost:5000/app:1 -t localhost:5000/app:2', 'as annotations of the base say'],
  ]);
  return command.action(async (named: string | undefined, flags: Flags) => {
    const text = named ?? flags.original;
    if (text === undefined) throw new UsageError('name the image to rebase');
    const destination = destinationOf({ input: text, tag: flags.tag ?? flags.rebased, output: flags.output });
    const registry = [text, flags.old_base, flags.new_base, ...placesOf(destination)];
    const work = async (media: Media): Promise<void> => {
      const original = await viewToEdit(context, media, text, flags);
      const bases = new Bases(media, flags, text);
      const rebased = await changeEach(original, (image) => bases.rebase(image), media);
      if (rebased.descriptor.digest === original.descriptor.digest)
        context.err.write(`${printable(text)} stands on that base already: nothing changes\n`);
      await deliver(context, media, rebased, destination);
    };
    // Annotations name bases in a registry.
    await withMedia(context, flags, registry, work, { remote: flags.new_base === undefined });
  });
}

/** The bases of an image or of the images of an index, for each image's own platform. */
class Bases {
  readonly #media: Media;
  readonly #flags: Flags;
  readonly #original: string;

  constructor(media: Media, flags: Flags, original: string) {
    this.#media = media;
    this.#flags = flags;
    this.#original = original;
  }

  async rebase(image: ImageView): Promise<ImageView> {
    const call = { signal: this.#media.signal };
    const { annotations = {} } = await image.manifest(call);
    const newName = this.#flags.new_base ?? this.#said(annotations, BASE_NAME, '--new_base');
    const oldName = this.#flags.old_base ?? this.#oldBase(annotations, newName);
    const [above, below] = [await this.#media.view(newName), await this.#media.view(oldName)];
    const options: RebaseOptions = {
      ...call,
      baseName: fullName(newName),
      baseDigest: above.descriptor.digest,
    };
    return await rebase(
      image,
      await this.#select(below, oldName, image),
      await this.#select(above, newName, image),
      options,
    );
  }

  /** The image of a base that is for what the image is for. */
  async #select(base: View, name: string, image: ImageView): Promise<ImageView> {
    const call = { signal: this.#media.signal };
    const platform = (await platformOf(image, call)) ?? DEFAULT_PLATFORM;
    return await selectPlatform(base, platform, { ...call, what: printable(name) });
  }

  /** The digest that the annotations name, in the repository of the new base. */
  #oldBase(annotations: Readonly<Record<string, string>>, newBase: string): string {
    const digest = this.#said(annotations, BASE_DIGEST, '--old_base');
    const place = parsePlace(newBase);
    if (!isDigest(digest))
      throw new OciError(
        'CONTENT_INVALID',
        `${printable(this.#original)}: annotation ${BASE_DIGEST} is no digest; say --old_base`,
      );
    return place.medium === 'registry'
      ? formatReference({
          registry: place.reference.registry,
          repository: place.reference.repository,
          digest,
        })
      : inSamePlace(newBase, digest);
  }

  #said(annotations: Readonly<Record<string, string>>, key: string, flag: string): string {
    const value = annotations[key];
    if (value !== undefined && value !== '') return value;
    throw new OciError(
      'INVALID_OPTION',
      `${printable(this.#original)} does not say what it stands on: it has no annotation ${key}; say ${flag}`,
    );
  }
}

/** As `append --set-base-image-annotations` would write it. */
function fullName(text: string): string {
  return formatPlace(parsePlace(text));
}

function inSamePlace(text: string, digest: Digest): string {
  const place = parsePlace(text);
  return formatPlace(place.medium === 'docker-daemon' ? place : ({ ...place, name: digest } as typeof place));
}
