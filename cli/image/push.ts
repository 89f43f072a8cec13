import { writeFile } from 'node:fs/promises';
import { Command } from 'commander';
import type { Source, Root } from '../../image/media.js';
import { OciError, isImageType, isIndexType, printable, type Descriptor } from '../../oci/index.js';
import type { Context } from '../context.js';
import { withExamples } from '../help.js';
import { withProgressOption, type ProgressFlags } from '../progress.js';
import { withMedia, type Media } from './media.js';
import { pushedLine } from './place-names.js';
import { withImageOptions, type ImageFlags } from './options.js';

interface Flags extends ImageFlags, ProgressFlags {
  readonly index?: boolean;
  readonly imageRefs?: string;
  readonly tag?: string;
}

/** `image push`: what is in an archive or a layout, to a registry. */
export function pushCommand(context: Context): Command {
  const command = withProgressOption(withImageOptions(new Command('push')))
    .description('push an image from an archive or an OCI layout')
    .argument('<path>', 'a folder, an archive of any kind, or - for the standard input')
    .argument('<image>')
    .option('--index', 'push all that a layout holds as one index')
    .option('--tag <name>', 'which image of several in the archive')
    .option('--image-refs <file>', 'write the reference by digest there, too');
  withExamples(command, [
    ['ocilot image push app.tar localhost:5000/app:1', 'prints localhost:5000/app@sha256:…'],
    ['docker save app | ocilot image push - localhost:5000/app:1', 'from a pipe'],
  ]);
  return command.action(async (path: string, text: string, flags: Flags) => {
    await withMedia(context, flags, [text], async (media) => {
      const source = await media.path(path);
      const root = await rootOf(media, source, path, flags);
      const target = await media.target(text);
      const { tags, place } = target;
      const report = await media.copy(
        root.source,
        target.sink,
        [{ descriptor: root.descriptor, tags }],
        flags.platform === undefined ? {} : { platforms: flags.platform },
      );
      await media.finish();
      const line = pushedLine(place, report.roots[0]?.descriptor.digest ?? root.descriptor.digest);
      if (flags.imageRefs !== undefined) await writeFile(flags.imageRefs, line.trimEnd(), { mode: 0o600 });
      context.out.write(line);
    });
  });
}

/** What is pushed: the only image there is, the one that is named, or all as one index. */
async function rootOf(
  media: Media,
  source: Source,
  path: string,
  { index, tag }: Flags,
): Promise<{ readonly source: Source; readonly descriptor: Descriptor }> {
  const call = { signal: media.signal };
  if (tag !== undefined) return await media.findIn(source, tag, path);
  const roots: Root[] = [];
  for await (const root of source.roots?.(call) ?? []) roots.push(root);
  const distinct = [...new Map(roots.map((root) => [root.descriptor.digest, root.descriptor])).values()];
  const [only] = distinct;
  const single = distinct.length === 1 && only !== undefined;
  if (index !== true) {
    if (single && (isImageType(only.mediaType) || isIndexType(only.mediaType)))
      return { source, descriptor: only };
    throw new OciError(
      'INVALID_OPTION',
      `${printable(path)} holds ${distinct.length} images: --tag chooses one, --index pushes all as one index`,
    );
  }
  if (single && isIndexType(only.mediaType)) return { source, descriptor: only };
  const { appendToIndex } = await import('../../image/mutate/index.js');
  const { emptyIndex } = await import('../../image/empty.js');
  const { openView, sourceOf } = await import('../../image/views/index.js');
  const views = await Promise.all(distinct.map((descriptor) => openView(source, descriptor)));
  const made = await appendToIndex(
    emptyIndex('oci'),
    views.map((view) => ({ view })),
    { flatten: false, ...call },
  );
  return { source: sourceOf(made), descriptor: made.descriptor };
}
