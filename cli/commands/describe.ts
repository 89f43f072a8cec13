import { Command, Option } from 'commander';
import {
  bundleOption,
  concurrencyOption,
  flag,
  tarOption,
  withVerbOptions,
  type VerbFlags,
} from '../bundle/options.js';
import { inTar } from '../bundle/in-tar.js';
import { namedPlaces } from '../bundle/named.js';
import { withWork, type Work } from '../bundle/work.js';
import type { Context } from '../context.js';
import { UsageError } from '../exit.js';
import { withExamples } from '../help.js';

interface DescribeFlags extends VerbFlags {
  readonly bundle?: string;
  readonly tar?: string;
  readonly concurrency: number;
  readonly outputType: 'json' | 'text' | 'yaml';
  readonly layers?: boolean;
  readonly cosignArtifacts?: boolean;
}

/** `ocilot describe`: imgpkg's. */
export function describeCommand(context: Context): Command {
  const command = withVerbOptions(
    new Command('describe')
      .addOption(bundleOption('what to describe'))
      .addOption(tarOption('describe the bundle in an archive'))
      .addOption(concurrencyOption())
      .addOption(
        new Option('-o, --output-type <format>', 'how it is printed')
          .choices(['text', 'yaml', 'json'])
          .default('text'),
      )
      .addOption(flag('--layers', 'list layers (default: true)'))
      .addOption(flag('--cosign-artifacts', "list cosign's signatures (default: true)")),
  );
  withExamples(command, [
    ['ocilot describe -b registry.example/app:v1', 'what a bundle holds, at any depth'],
    ['ocilot describe -b registry.example/app:v1 -o yaml', 'the same for programs'],
    ['ocilot describe --tar app.tar', 'what an archive holds'],
  ]);
  return command.action(async (flags: DescribeFlags) => {
    const { bundle = '', tar = '' } = flags;
    if (bundle === '' && tar === '')
      throw new UsageError('Expected a bundle: name one with -b, or an archive with --tar');
    if (bundle !== '' && tar !== '') throw new UsageError('Expected only one of --bundle (-b) and --tar');
    const named = await namedPlaces(flags);
    await withWork(context, flags, (work) => describe(work, flags), { named });
  });
}

async function describe(work: Work, { bundle = '', tar = '', ...flags }: DescribeFlags): Promise<void> {
  const { ui, places, repository, signal } = work;
  const library = await import('../../bundle/index.js');
  const options = {
    signal,
    concurrency: flags.concurrency,
    layers: flags.layers !== false,
    signatures: flags.cosignArtifacts !== false,
  };
  const described =
    tar === ''
      ? await library.describeBundle(
          places,
          await library.parseWantedRange(repository, bundle, { signal }),
          options,
        )
      : await inTar(work, tar, (archive) => library.describeBundle(archive.places, archive.root, options));
  if (flags.outputType === 'yaml') ui.block(library.describeAsYaml(described));
  else if (flags.outputType === 'json') ui.block(library.describeAsJson(described));
  else if (flags.json === true) for (const line of library.describeAsText(described)) ui.line(line);
  else
    ui.block(
      library
        .describeAsText(described)
        .map((line) => `${line}\n`)
        .join(''),
    );
}
