import { Command, Option } from 'commander';
import { OciError, Slots } from '../../oci/index.js';
import type { RemoteRepository } from '../../client/index.js';
import { flag, withVerbOptions, type VerbFlags } from '../bundle/options.js';
import { withWork } from '../bundle/work.js';
import type { Context } from '../context.js';
import { UsageError } from '../exit.js';
import { withExamples } from '../help.js';

interface ListFlags extends VerbFlags {
  readonly image?: string;
  readonly digests?: boolean;
  readonly imgpkgInternalTags?: boolean;
}

/** `ocilot tag`: imgpkg's. */
export function tagCommand(context: Context): Command {
  return new Command('tag')
    .description('list tags, and tell what they lead to')
    .addCommand(listCommand(context))
    .addCommand(resolveCommand(context));
}

const imageOption = (meaning: string): Option => new Option('-i, --image <reference>', meaning);

function listCommand(context: Context): Command {
  const command = withVerbOptions(
    new Command('list')
      .alias('ls')
      .description('list the tags of a repository')
      .addOption(imageOption('the repository'))
      .addOption(flag('--digests', 'show what each leads to'))
      .addOption(flag('--imgpkg-internal-tags', 'show those too that nobody chose')),
  );
  withExamples(command, [
    ['ocilot tag list -i registry.example/app', 'tags that somebody chose'],
    ['ocilot tag list -i registry.example/app --digests --json', 'with digests, for programs'],
  ]);
  return command.action(async (flags: ListFlags) => {
    const { image = '' } = flags;
    if (image === '') throw new UsageError('Expected a repository: name one with -i');
    await withWork(context, flags, async ({ ui, repository, signal }) => {
      const { isGeneratedTag, parseWanted } = await import('../../bundle/index.js');
      const opened = repository(parseWanted(image));
      const tags: string[] = [];
      for await (const tag of opened.tags({ pageSize: 1000, signal }))
        if (flags.imgpkgInternalTags === true || !isGeneratedTag(tag)) tags.push(tag);
      tags.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
      const digests = flags.digests === true ? await digestsOf(opened, tags, signal) : undefined;
      ui.table({
        title: 'Tags',
        content: 'tags',
        columns: digests === undefined ? ['name'] : ['name', 'digest'],
        rows: tags.map((name, at) => ({ ...(digests && { digest: digests[at] ?? '' }), name })),
      });
    });
  });
}

/** Questions at once. */
const ASKS = 8;

async function digestsOf(
  repository: RemoteRepository,
  tags: readonly string[],
  signal: AbortSignal,
): Promise<string[]> {
  const slots = new Slots(ASKS);
  return await Promise.all(
    tags.map(async (tag) => {
      const release = await slots.take(signal);
      try {
        return (await repository.resolve(tag, { signal }))?.digest ?? '';
      } finally {
        release();
      }
    }),
  );
}

function resolveCommand(context: Context): Command {
  const command = withVerbOptions(
    new Command('resolve').description('print a tag as repository@digest').addOption(imageOption('the tag')),
  );
  withExamples(command, [
    ['ocilot tag resolve -i registry.example/app:v1', 'print registry.example/app@sha256:…'],
    ["ocilot tag resolve -i 'registry.example/app:~1.4'", 'of the highest 1.4.x that is there'],
  ]);
  return command.action(async (flags: ListFlags) => {
    const { image = '' } = flags;
    if (image === '') throw new UsageError('Expected an image: name one with -i');
    await withWork(context, flags, async ({ ui, repository, signal }) => {
      const { formatPinned, parseWantedRange } = await import('../../bundle/index.js');
      const wanted = await parseWantedRange(repository, image, { signal });
      const reference = wanted.digest ?? wanted.tag ?? 'latest';
      const found = await repository(wanted).resolve(reference, { signal });
      if (found === undefined)
        throw new OciError('MANIFEST_UNKNOWN', `${image} is not there: \`ocilot tag list -i\` shows what is`);
      const { registry, repository: path } = wanted;
      ui.block(formatPinned({ registry, repository: path, digest: found.digest }));
    });
  });
}
