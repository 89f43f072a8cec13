import { Command } from 'commander';
import { flattenedEntries, layerFromStream, type FlattenedEntry } from '../../image/files/index.js';
import { appendLayers } from '../../image/mutate/index.js';
import { writeTar, type TarEntry } from '../../image/tar/index.js';
import type { ImageView, View } from '../../image/views/index.js';
import { collect, OciError, printable } from '../../oci/index.js';
import type { Context } from '../context.js';
import { UsageError } from '../exit.js';
import { withExamples } from '../help.js';
import { editedBytes } from './editor.js';
import { imageToEdit, withEditedConfig, withEditedManifest } from './edit-document.js';
import { withMedia, type Media } from './media.js';
import { withImageOptions, type ImageFlags } from './options.js';
import { deliver, destinationOf, placesOf } from './result.js';

interface Flags extends ImageFlags {
  readonly tag?: string;
  readonly mediaType?: string;
  readonly filename?: string;
}

/** `image edit`: a config, a manifest or a file, in an editor or from the standard input. */
export function editCommand(context: Context): Command {
  return new Command('edit')
    .description('edit a config, a manifest or a file of an image: in $EDITOR, or from the standard input')
    .addCommand(configCommand(context))
    .addCommand(manifestCommand(context))
    .addCommand(fsCommand(context));
}

function configCommand(context: Context): Command {
  const command = editing('config', 'edit the config of an image, byte for byte');
  withExamples(command, [
    ['ocilot image edit config localhost:5000/app:1', 'opens an editor; moves the tag'],
    [
      'jq .… config.json | ocilot image edit config localhost:5000/app:1 -t localhost:5000/app:2',
      'from a pipe',
    ],
  ]);
  return command.action(async (text: string, flags: Flags) => {
    await change(context, text, flags, async (media) =>
      withEditedConfig(context, await imageToEdit(media, text), media),
    );
  });
}

function manifestCommand(context: Context): Command {
  const command = editing('manifest', 'edit the manifest of an image, or an index, byte for byte').option(
    '-m, --media-type <type>',
    'what it is sent as (default: what it says of itself)',
  );
  withExamples(command, [
    ['ocilot image edit manifest localhost:5000/app:1', 'opens an editor; moves the tag'],
  ]);
  return command.action(async (text: string, flags: Flags) => {
    await change(context, text, flags, (media) => withEditedManifest(context, media, text, flags.mediaType));
  });
}

function fsCommand(context: Context): Command {
  const command = editing('fs', 'edit a file of an image: a layer on top holds the new one').option(
    '-f, --filename <path>',
    'the file, as /etc/app.conf',
  );
  withExamples(command, [
    ['ocilot image edit fs localhost:5000/app:1 -f /etc/app.conf < app.conf', 'moves the tag'],
  ]);
  return command.action(async (text: string, flags: Flags) => {
    const { filename } = flags;
    if (filename === undefined) throw new UsageError('say with -f which file');
    await change(context, text, flags, async (media) =>
      withEditedFile(context, media, await imageToEdit(media, text), filename),
    );
  });
}

const editing = (name: string, description: string): Command =>
  withImageOptions(new Command(name))
    .description(description)
    .argument('<image>')
    .option('-t, --tag <image>', 'where the result goes (default: in place of the image)');

async function change(
  context: Context,
  text: string,
  flags: Flags,
  edit: (media: Media) => Promise<View>,
): Promise<void> {
  if (text === '-') throw new UsageError('the standard input is what to write: name an image in a place');
  const destination = destinationOf({ input: text, tag: flags.tag });
  await withMedia(context, flags, [text, ...placesOf(destination)], async (media) => {
    await deliver(context, media, await edit(media), destination);
  });
}

/** The most bytes of a file that is edited. */
const LIMIT = 64 << 20;

/** Read-only, and for everybody to run: as crane makes a file of which nothing is known. */
const MODE = 0o555;

async function withEditedFile(
  context: Context,
  media: Media,
  image: ImageView,
  filename: string,
): Promise<ImageView> {
  const call = { signal: media.signal };
  const name = filename
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .join('/');
  if (name === '' || name.split('/').includes('..'))
    throw new UsageError(`-f ${filename} is no file of an image: expected a path as /etc/app.conf`);
  let header: Partial<FlattenedEntry> = {};
  const bytes = await editedBytes(context, {
    name: name.slice(name.lastIndexOf('/') + 1),
    before: async () => {
      const found = await fileOf(image, name, media);
      header = found?.header ?? {};
      return found?.bytes ?? new Uint8Array();
    },
  });
  const { mode = MODE, uid = 0, gid = 0 } = header;
  const entry: TarEntry = { name, type: 'file', mode, uid, gid, mtime: 0, size: bytes.length, body: [bytes] };
  const layer = await layerFromStream(writeTar([entry]), call);
  media.after(() => layer.close());
  return await appendLayers(image, [layer], call);
}

async function fileOf(
  image: ImageView,
  name: string,
  { signal }: Media,
): Promise<{ readonly header: FlattenedEntry; readonly bytes: Uint8Array } | undefined> {
  for await (const entry of flattenedEntries(image, { signal })) {
    if (entry.name !== name) continue;
    if (entry.type !== 'file')
      throw new OciError(
        'INVALID_OPTION',
        `${printable(name)} is a ${entry.type}, and no file that can be edited`,
      );
    const bytes = await collect((entry.body ?? []) as AsyncIterable<Uint8Array>, LIMIT, printable(name));
    return { header: entry, bytes };
  }
  return undefined;
}
