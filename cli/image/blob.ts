import { Command } from 'commander';
import { openBlob } from '../../image/read.js';
import { isDigest, OciError, type Descriptor } from '../../oci/index.js';
import { pipeTo, type Context } from '../context.js';
import { withExamples } from '../help.js';
import { withMedia } from './media.js';
import { withImageOptions, type ImageFlags } from './options.js';

/** `image blob`: the bytes of a blob as they are stored. */
export function blobCommand(context: Context): Command {
  const command = withImageOptions(new Command('blob'))
    .description('print a blob, checked against its digest')
    .argument('<repository@digest>');
  withExamples(command, [['ocilot image blob localhost:5000/app@sha256:… | tar tz', 'the files of a layer']]);
  return command.action(async (text: string, flags: ImageFlags) => {
    await withMedia(context, flags, [text], async (media) => {
      const { digest } = media.reference(text);
      if (digest === undefined || !isDigest(digest))
        throw new OciError('REFERENCE_INVALID', `${text} names no blob: expected repository@digest`);
      const size = await media.repository(text).blobSize(digest, { signal: media.signal });
      if (size === undefined)
        throw new OciError('BLOB_UNKNOWN', `blob ${text} is not there`, { detail: { digest } });
      const blob: Descriptor = { mediaType: 'application/octet-stream', digest, size };
      const source = await media.source(text);
      await pipeTo(context.out, await openBlob(source, blob, { signal: media.signal }));
    });
  });
}
