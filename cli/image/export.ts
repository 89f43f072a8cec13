import { Command } from 'commander';
import { openOutput } from '../../image/archive/output.js';
import { exportTar } from '../../image/files/index.js';
import type { ByteStream } from '../../oci/index.js';
import { pipeTo, type Context } from '../context.js';
import { withExamples } from '../help.js';
import { withMedia } from './media.js';
import { withImageOptions, type ImageFlags } from './options.js';
import { refuseTerminal } from './places.js';

/** `image export`: the files of an image as one tar. */
export function exportCommand(context: Context): Command {
  const command = withImageOptions(new Command('export'))
    .description('write the files of an image as one tar')
    .argument('<image>', '- is an archive on the standard input')
    .argument('[tarball]', 'default: the standard output');
  withExamples(command, [
    ['ocilot image export alpine:3 | tar t', 'its files, whiteouts applied'],
    ['ocilot image export --platform linux/arm64 oci:./layout:3 rootfs.tar', 'of one platform'],
    ['docker save app | ocilot image export - app.tar', 'of an archive'],
  ]);
  return command.action(async (text: string, path: string | undefined, flags: ImageFlags) => {
    const toOutput = path === undefined || path === '-';
    if (toOutput) refuseTerminal(context);
    await withMedia(context, flags, [text], async (media) => {
      const tar = exportTar(await media.image(text), { signal: media.signal });
      await (toOutput ? pipeTo(context.out, tar) : writeFile(path, tar));
    });
  });
}

/** The file is there when it is whole. */
async function writeFile(path: string, stream: ByteStream): Promise<void> {
  const output = await openOutput(path);
  try {
    for await (const chunk of stream) await output.write(chunk);
    await output.finish();
  } catch (error) {
    await output.abandon();
    throw error;
  }
}
