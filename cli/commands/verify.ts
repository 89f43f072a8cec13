import { Command } from 'commander';
import { isOciError, printable } from '../../oci/index.js';
import type { Sink } from '../../image/media.js';
import { verifyArchive, type ArchiveReport } from '../../image/archive/index.js';
import { withClientOptions } from '../client-options.js';
import type { Context } from '../context.js';
import { EXIT } from '../exit.js';
import { withExamples } from '../help.js';
import { withMedia } from '../image/media.js';
import type { ImageFlags } from '../image/options.js';
import { showSize } from '../values/size.js';
import { outputOption, printReport, type WorkFlags } from '../work.js';
import { showCount } from '../values/count.js';

interface Flags extends ImageFlags, Pick<WorkFlags, 'output'> {
  readonly requireSeal?: boolean;
  readonly at?: string;
}

/** `ocilot verify`. */
export function verifyCommand(context: Context): Command {
  const command = withClientOptions(new Command('verify'))
    .argument('<file>', 'an archive of any kind, any part of one, or - for the standard input')
    .option('--require-seal', 'end with 4 unless the archive has a seal, which holds for every byte')
    .option('--at <place>', 'end with 4 unless what a differential archive relies on is there')
    .addOption(outputOption());
  withExamples(command, [
    ['ocilot verify bundle.tar', 'before it is carried, and after; ends with 1 when something is damaged'],
    ['ocilot verify bundle.tar.001', 'an archive in parts, by any of them; names damaged and missing parts'],
    ['ocilot verify update.tar --at localhost:5000/app', 'is the base of this differential archive there?'],
    ['ocilot verify --require-seal -o json bundle.tar', 'for a script'],
  ]);
  return command.action(async (file: string, flags: Flags) => {
    await withMedia(context, flags, [flags.at], async (media) => {
      const input = file === '-' ? media.places.input() : file;
      const report = await verifyArchive(input, { signal: media.signal });
      const missing =
        flags.at === undefined || report.base === undefined
          ? undefined
          : await missingBase(report.base, (await media.target(flags.at)).sink, media.signal);
      const { sealed, blobs, bytes, base, problems } = report;
      const facts = {
        file,
        sealed,
        blobs,
        bytes,
        ...(base && { base: { of: base.of, manifests: base.manifests.length, blobs: base.blobs.length } }),
        ...(missing !== undefined && { missing }),
        problems,
      };
      printReport(context, flags.output, facts, describe(file, report, missing, flags));
      if (problems.length > 0) context.exitCode = EXIT.failure;
      else if ((missing?.length ?? 0) > 0 || (flags.requireSeal === true && !sealed))
        context.exitCode = EXIT.incomplete;
    });
  });
}

/** Digests that the base has and the place has not. */
async function missingBase(
  base: NonNullable<ArchiveReport['base']>,
  sink: Sink,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const { requireBase } = await import('../../bundle/loading/index.js');
  try {
    await requireBase(base, sink, { signal });
    return [];
  } catch (error) {
    if (!isOciError(error, 'PRECONDITION_FAILED')) throw error;
    const { missing } = error.detail as { readonly missing: readonly { readonly digest: string }[] };
    return missing.map(({ digest }) => digest);
  }
}

/** What was found, problems first. */
function describe(
  file: string,
  { sealed, blobs, bytes, base, problems }: ArchiveReport,
  missing: readonly string[] | undefined,
  { at = '' }: Flags,
): string[] {
  const found = problems.map(({ reason }) => `damaged: ${reason}`);
  const absent = (missing ?? []).map((digest) => `not there: ${digest} is not in ${at}`);
  const seal = sealed ? 'its seal holds for every byte' : 'it has no seal: only content was checked';
  const relies =
    base === undefined
      ? []
      : [
          `it relies on ${showCount(base.manifests.length, 'manifest')} and ${showCount(base.blobs.length, 'blob')} of ${base.of.join(', ')}` +
            (missing?.length === 0 ? `, which ${at} has` : ''),
        ];
  const sum = `${blobs} manifests and blobs (${showSize(bytes)})`;
  const end =
    problems.length > 0
      ? [`${file}: ${showCount(problems.length, 'problem')}; ${sum} are right`]
      : [`${file}: ${sum} are right, ${seal}`, ...relies];
  return [...found, ...absent, ...end].map(printable);
}
