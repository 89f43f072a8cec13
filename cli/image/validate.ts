import { Command } from 'commander';
import type { Source } from '../../image/media.js';
import { validate, type Problem } from '../../image/validate/index.js';
import { openView, type View } from '../../image/views/index.js';
import { isOciError, OciError, printable } from '../../oci/index.js';
import type { Context } from '../context.js';
import { EXIT, UsageError } from '../exit.js';
import { withExamples } from '../help.js';
import { withMedia, type Media } from './media.js';
import { repeated, withImageOptions, type ImageFlags } from './options.js';

interface Flags extends ImageFlags {
  readonly tarball?: readonly string[];
  readonly remote?: readonly string[];
  readonly fast?: boolean;
}

/** `image validate`: whether everything is there and is what it says. */
export function validateCommand(context: Context): Command {
  const command = withImageOptions(new Command('validate'))
    .description('read an image or an index, and check that all of it is there and is what it says')
    .argument('[image...]', 'in any place')
    .option('--tarball <file>', 'what is in an archive of any kind (repeatable)', repeated)
    .option('--remote <image>', 'an image or an index in a registry (repeatable)', repeated)
    .option('--fast', 'check that layers are there, and do not read them');
  withExamples(command, [
    [
      'ocilot image validate localhost:5000/app:1 oci:./layout:1',
      'PASS: or FAIL: with what is wrong, a line each',
    ],
    ['ocilot image validate --tarball app.tar', 'every image in an archive'],
  ]);
  return command.action(async (named: readonly string[], flags: Flags) => {
    const { tarball: files = [], remote = [] } = flags;
    const images = [...remote, ...named];
    if (files.length + images.length === 0)
      throw new UsageError('name an image, or an archive with --tarball');
    await withMedia(context, flags, images, async (media) => {
      for (const file of files) await report(context, media, file, () => viewsIn(media, file), flags);
      for (const image of images)
        await report(context, media, image, async () => [await chosen(media, image)], flags);
    });
  });
}

/** One `PASS:` line, or a `FAIL:` line for each thing that is wrong. */
async function report(
  context: Context,
  media: Media,
  name: string,
  views: () => Promise<readonly View[]>,
  { fast = false }: Flags,
): Promise<void> {
  const problems: (Pick<Problem, 'message'> & Partial<Problem>)[] = [];
  try {
    for (const view of await views())
      problems.push(...(await validate(view, { signal: media.signal, fast })));
  } catch (error) {
    if (!isOciError(error) || error.code === 'ABORTED') throw error;
    problems.push(error);
  }
  if (problems.length === 0) context.out.write(`PASS: ${printable(name)}\n`);
  else context.exitCode = EXIT.failure;
  for (const { at, message } of problems)
    context.out.write(`${printable(`FAIL: ${name}: ${at === undefined ? '' : `${at}: `}${message}`)}\n`);
}

async function chosen(media: Media, text: string): Promise<View> {
  const { source, chosen: descriptor } = await media.chosen(text);
  return await openView(source, descriptor, { signal: media.signal });
}

async function viewsIn(media: Media, file: string): Promise<readonly View[]> {
  const source: Source = await media.path(file);
  const views: View[] = [];
  for await (const { descriptor } of source.roots?.({ signal: media.signal }) ?? [])
    views.push(await openView(source, descriptor, { signal: media.signal }));
  if (views.length > 0) return views;
  throw new OciError('CONTENT_INVALID', 'there is no image in it');
}
