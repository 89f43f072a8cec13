import { Command } from 'commander';
import type { GcOptions, GcReport } from '../../registry/operations/maintenance.js';
import type { CollectProgress } from '../../registry/storage/collect.js';
import type { Context } from '../context.js';
import { withExamples } from '../help.js';
import { showSize } from '../values/size.js';
import { dataOption, outputOption, printReport, runWork, type Work, type WorkFlags } from '../work.js';

/** `ocilot gc`. */
export function gcCommand(context: Context): Command {
  const command = new Command('gc')
    .addOption(dataOption())
    .option('--untagged', 'also collect manifests that no tag, index or subject keeps')
    .option('--dry-run', 'tell what would go, and delete nothing')
    .option('--force', 'do not wait for what was promised before an unclean end')
    .addOption(outputOption());
  withExamples(command, [
    ['ocilot gc', 'free the space of what nothing needs, while it is served or not'],
    ['ocilot gc --untagged --dry-run', 'see what would go'],
    ['ocilot gc --data /srv/registry -o json', 'in another data folder, for a script'],
  ]);
  return command.action(async ({ data, output, ...options }: WorkFlags & GcOptions) => {
    const report = (await runWork(gcWork(options), data, context)) as GcReport;
    printReport(context, output, report, describe(report, options.dryRun === true));
  });
}

const gcWork = (options: GcOptions): Work => ({
  path: 'gc',
  query: { ...options },
  job: async (store) => (await import('../../registry/operations/maintenance.js')).gcJob(store, options),
  progress(state) {
    const { looked = 0, blobs = 0, bytes = 0 } = state as Partial<CollectProgress>;
    const found = `${blobs} blobs (${showSize(bytes)}) ${options.dryRun === true ? 'to collect' : 'collected'}`;
    return looked + blobs === 0 ? '' : `${looked} repositories looked through, ${found}`;
  },
});

function describe(report: GcReport, dryRun: boolean): string[] {
  const { blobs, bytes, manifests, uploads, repositories, postponedUntil } = report;
  if (postponedUntil !== undefined) {
    return [
      'nothing collected: the registry did not end in order, and clients may rely on what they were told before',
      `collected again from ${postponedUntil} on, or now with --force`,
    ];
  }
  const what = `${blobs} blobs (${showSize(bytes)}), ${manifests} manifests`;
  if (dryRun) return [`would collect ${what}`];
  return [`collected ${what}, ${uploads} abandoned uploads, ${repositories} empty repositories`];
}
