import { Command } from 'commander';
import { readManifest } from '../../image/read.js';
import { OciError, formatPlatform, parseManifest, printable, type Descriptor } from '../../oci/index.js';
import type { Context } from '../context.js';
import { withExamples } from '../help.js';
import { withOutput } from './catalog.js';
import { isLayoutPath } from './local-paths.js';
import { withMedia } from './media.js';
import { withImageOptions, type ImageFlags } from './options.js';

interface Flags extends ImageFlags {
  readonly output: string;
}

/** `image index list`: the entries of an index. */
export function indexListCommand(context: Context): Command {
  const command = withImageOptions(new Command('list'))
    .description('list the entries of an index, or of an OCI layout')
    .argument('<index>');
  withOutput(command);
  withExamples(command, [['ocilot image index list alpine:3', 'digest, media type and platform of each']]);
  return command.action(async (text: string, flags: Flags) => {
    const entries = isLayoutPath(text)
      ? await inLayout(context, text, flags)
      : await inIndex(context, text, flags);
    if (flags.output === 'json') context.out.write(`${JSON.stringify(entries)}\n`);
    else for (const line of table(entries)) context.out.write(`${printable(line)}\n`);
  });
}

async function inLayout(context: Context, folder: string, flags: Flags): Promise<readonly Descriptor[]> {
  return await withMedia(context, flags, [], async (media) => {
    const entries: Descriptor[] = [];
    const source = await media.path(folder);
    for await (const { descriptor } of source.roots?.({ signal: media.signal }) ?? [])
      entries.push(descriptor);
    return entries;
  });
}

async function inIndex(context: Context, text: string, flags: Flags): Promise<readonly Descriptor[]> {
  return await withMedia(context, flags, [text], async (media) => {
    const { source, descriptor } = await media.find(text);
    const manifest = parseManifest(
      await readManifest(source, descriptor, { signal: media.signal }),
      descriptor.mediaType,
    );
    if (manifest.kind === 'index') return manifest.manifests;
    throw new OciError('INVALID_OPTION', `${text} is an image, and no index`);
  });
}

const WIDTHS = [70, 20];

function table(entries: readonly Descriptor[]): string[] {
  const rows = entries.map(({ digest, mediaType, platform }) => [
    digest,
    mediaType,
    platform === undefined ? '-' : formatPlatform(platform),
  ]);
  return [['Digest', 'MediaType', 'Platform'], ...rows].map((row) =>
    row
      .map((cell, at) => cell.padEnd(WIDTHS[at] ?? 0))
      .join(' ')
      .trimEnd(),
  );
}
