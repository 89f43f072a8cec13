import { Command, Option } from 'commander';
import { emptyIndex } from '../../image/empty.js';
import { appendToIndex } from '../../image/mutate/index.js';
import { openView, sourceOf, type IndexView, type View } from '../../image/views/index.js';
import { OciError, printable } from '../../oci/index.js';
import { truth } from '../client-options.js';
import type { Context } from '../context.js';
import { UsageError } from '../exit.js';
import { withExamples } from '../help.js';
import { withProgressOption, type ProgressFlags } from '../progress.js';
import { isFilePath, isLayoutPath } from './local-paths.js';
import { withMedia, type Media } from './media.js';
import { listed, withImageOptions, type ImageFlags } from './options.js';
import { deliver, destinationOf, placesOf } from './result.js';

interface Flags extends ImageFlags, ProgressFlags {
  readonly manifest?: readonly string[];
  readonly tag?: string;
  readonly output?: string;
  readonly dockerEmptyBase?: boolean;
  readonly flatten: boolean;
}

/** `image index append`: an index of images, or an index with more of them. */
export function indexAppendCommand(context: Context): Command {
  const command = withProgressOption(withImageOptions(new Command('append')))
    .description('put images into an index: a new one, one in a registry, or a layout')
    .argument('[base]', 'default: a new index, which -t names; the folder of a layout is changed in place')
    .argument('[manifest...]', 'as -m')
    .addOption(
      new Option(
        '-m, --manifest <image>',
        'what to put in: in any place, an archive or a folder by its path (repeatable, or with commas)',
      ).argParser(listed),
    )
    .option('-t, --tag <image>', 'where the result goes (default: in place of the base)')
    .option('-o, --output <file>', '- for an archive on the standard output, or any place')
    .option('--docker-empty-base', 'begin with a manifest list of Docker')
    .addOption(
      new Option('--flatten [bool]', 'of an index put in its entries').argParser(truth).default(true),
    )
    .option('--no-flatten', 'put in an index as it is');
  withExamples(command, [
    [
      'ocilot image index append -m localhost:5000/app:amd64 -m localhost:5000/app:arm64 -t localhost:5000/app:1',
      'a new index',
    ],
    ['ocilot image index append localhost:5000/app:1 -m app-riscv.tar', 'one more; moves the tag'],
    ['ocilot image index append ./layout -m alpine:3', 'every platform, into a folder'],
  ]);
  return command.action(async (base: string | undefined, more: readonly string[], flags: Flags) => {
    const named = [...(flags.manifest ?? []), ...more];
    if (base !== undefined && flags.dockerEmptyBase === true)
      throw new UsageError('--docker-empty-base is for a new index, and there is a base');
    if (base !== undefined && isLayoutPath(base)) {
      await appendToLayout(context, base, named, flags);
      return;
    }
    const destination = destinationOf({ input: base, tag: flags.tag, output: flags.output });
    const places = [base, ...named.filter((one) => !isFilePath(one)), ...placesOf(destination)];
    await withMedia(context, flags, places, async (media) => {
      const index = await baseOf(context, media, base, flags);
      const made = await withAll(media, index, named, flags);
      await deliver(context, media, made, destination);
    });
  });
}

async function baseOf(
  { err }: Context,
  media: Media,
  base: string | undefined,
  { dockerEmptyBase = false }: Flags,
): Promise<IndexView> {
  if (base === undefined) {
    err.write('base unspecified, using empty index\n');
    return emptyIndex(dockerEmptyBase ? 'docker' : 'oci');
  }
  const view = await media.view(base);
  if (view.kind === 'index') return view;
  throw new OciError(
    'INVALID_OPTION',
    `${printable(base)} is an image, and no index: name it with -m, and a new index with -t`,
  );
}

/** A layout's own index takes the entries, which keep what they say. */
async function appendToLayout(
  context: Context,
  folder: string,
  named: readonly string[],
  flags: Flags,
): Promise<void> {
  if (flags.tag !== undefined || flags.output !== undefined)
    throw new UsageError(`${folder} is a folder, which is changed in place: -t and -o do not go with it`);
  await withMedia(
    context,
    flags,
    named.filter((one) => !isFilePath(one)),
    async (media) => {
      const { createLayout } = await import('../../image/layout/index.js');
      const call = { signal: media.signal };
      const made = await withAll(media, emptyIndex(), named, flags);
      const sink = await media.own(await createLayout(folder, call));
      const { manifests } = await made.manifest(call);
      // One after another: they stand in the order they were named in.
      for (const descriptor of manifests)
        await media.copy(sourceOf(made), sink, [{ descriptor }], { referrers: false });
      await media.finish();
    },
  );
}

/** The index with all that was named at its end. */
async function withAll(
  media: Media,
  index: IndexView,
  named: readonly string[],
  { flatten }: Flags,
): Promise<IndexView> {
  const views: View[] = [];
  for (const name of named) views.push(...(await viewsOf(media, name)));
  return await appendToIndex(index, views, { signal: media.signal, flatten });
}

/** What a name leads to; by a path, everything that is there. */
async function viewsOf(media: Media, name: string): Promise<readonly View[]> {
  const call = { signal: media.signal };
  if (!isFilePath(name)) {
    const { source, chosen } = await media.chosen(name);
    return [await openView(source, chosen, call)];
  }
  const source = await media.path(name);
  const views: View[] = [];
  for await (const { descriptor } of source.roots?.(call) ?? [])
    views.push(await openView(source, descriptor, call));
  if (views.length > 0) return views;
  throw new OciError('CONTENT_INVALID', `there is no image in ${printable(name)}`);
}
