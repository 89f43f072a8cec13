import { Command } from 'commander';
import type { ScrubReport } from '../../registry/index.js';
import type { Context } from '../context.js';
import { EXIT } from '../exit.js';
import { withExamples } from '../help.js';
import { showSize } from '../values/size.js';
import { dataOption, outputOption, printReport, runWork, type Work, type WorkFlags } from '../work.js';
import { showCount } from '../values/count.js';

interface Flags extends WorkFlags {
  readonly remove?: boolean;
}

/** `ocilot scrub`. */
export function scrubCommand(context: Context): Command {
  const command = new Command('scrub')
    .addOption(dataOption())
    .option('--remove', 'take damaged blobs out, so that the next push brings them again')
    .addOption(outputOption());
  withExamples(command, [
    ['ocilot scrub', 'check every blob, manifest, tag and link; ends with 1 when something is damaged'],
    ['ocilot scrub --remove', 'and take out damaged blobs'],
    ['ocilot scrub --data /srv/registry -o json', 'another data folder, for a script'],
  ]);
  return command.action(async ({ data, output, remove }: Flags) => {
    const report = (await runWork(scrubWork(remove === true), data, context)) as ScrubReport;
    printReport(context, output, report, describe(report));
    if (report.damaged.length > 0) context.exitCode = EXIT.failure;
  });
}

const scrubWork = (remove: boolean): Work => ({
  path: 'scrub',
  query: { remove },
  job: async (store) =>
    (await import('../../registry/operations/maintenance.js')).scrubJob(store, { remove }),
  progress(state) {
    const { checked = 0, bytes = 0 } = state as { readonly checked?: number; readonly bytes?: number };
    return checked === 0 ? '' : `${checked} checked, ${showSize(bytes)}`;
  },
});

function describe({ blobs, manifests, tags, bytes, damaged, removed }: ScrubReport): string[] {
  const sum = `checked ${showCount(blobs, 'blob')}, ${showCount(manifests, 'manifest')}, ${showCount(tags, 'tag')} (${showSize(bytes)})`;
  const found = damaged.map(
    ({ kind, repository, name, problem }) =>
      `damaged ${kind} ${name}${repository === undefined ? '' : ` in ${repository}`}: ${problem}`,
  );
  const end = damaged.length === 0 ? 'no damage' : `${damaged.length} damaged, ${removed} taken out`;
  return [...found, `${sum}: ${end}`];
}
