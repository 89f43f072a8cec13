import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command } from 'commander';
import type { Source, Root } from '../../image/media.js';
import {
  MEDIA_TYPES,
  OciError,
  describe,
  isImageType,
  isIndexType,
  parseManifest,
  printable,
  type Descriptor,
} from '../../oci/index.js';
import type { Context } from '../context.js';
import { systemCode } from '../exit.js';
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

interface Pushed {
  readonly source: Source;
  readonly descriptor: Descriptor;
}

/** What is pushed: the only image there is, the one that is named, or all as one index. */
async function rootOf(media: Media, source: Source, path: string, { index, tag }: Flags): Promise<Pushed> {
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
  return await indexOfAll(path, source, roots);
}

/** What stands at the top of a place, as an index: of a layout in a folder, its very `index.json`, as crane does. */
async function indexOfAll(path: string, source: Source, roots: readonly Root[]): Promise<Pushed> {
  const { withManifests } = await import('../../image/copy/narrow.js');
  const bytes = (await indexFile(path)) ?? (await writtenIndex(roots));
  const { mediaType } = parseManifest(bytes);
  const descriptor = describe(mediaType, bytes);
  return { source: withManifests(source, new Map([[descriptor.digest, bytes]])), descriptor };
}

async function indexFile(path: string): Promise<Uint8Array | undefined> {
  try {
    return await readFile(join(path, 'index.json'));
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(systemCode(error) ?? '')) return undefined;
    throw error;
  }
}

async function writtenIndex(roots: readonly Root[]): Promise<Uint8Array> {
  const { encodeGo } = await import('../../image/go-json.js');
  const manifests = roots.map(({ descriptor }) => descriptor);
  return encodeGo({ schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests }, 'index');
}
