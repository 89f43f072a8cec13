import { Command, Option } from 'commander';
import type { CopyReport } from '../../image/copy/index.js';
import { OciError } from '../../oci/index.js';
import { parseWhole } from '../values/whole.js';
import { showSize } from '../values/size.js';
import { parsePlace } from '../../image/place.js';
import type { Context } from '../context.js';
import { UsageError } from '../exit.js';
import { checked } from '../client-options.js';
import { withExamples } from '../help.js';
import { withProgressOption } from '../progress.js';
import { archiveSink, requireLoadable, withArchiveOptions } from './copy-archive.js';
import { copyAllTags } from './copy-all.js';
import { copyOptions, type CopyFlags, type CopyOrder } from './copy-order.js';
import { withMedia, type Media } from './media.js';
import { tagsOf } from './place-names.js';
import { withImageOptions } from './options.js';
import { showCount } from '../values/count.js';

/** `image copy`: from any place to any other, with everything below and about it. */
export function copyCommand(context: Context): Command {
  const command = withArchiveOptions(withProgressOption(withImageOptions(new Command('copy'))))
    .alias('cp')
    .description('copy images from one place to another, byte for byte')
    .argument('<source>')
    .argument('<destination>')
    .option('-a, --all-tags', 'copy every tag of a repository')
    .option('-r, --recursive', 'copy a repository and all below it, as far as it is not there')
    .option('-n, --no-clobber', 'leave tags alone that are there')
    .addOption(
      new Option('-j, --jobs <n>', 'blobs, and with -a tags, at once (default: 4)').argParser(
        checked((text) => parseWhole(text, 1, 100)),
      ),
    )
    .option('--no-referrers', 'leave out signatures, attestations, SBOMs and other referrers')
    .option('--force', 'look at everything, though the manifest above it is there')
    .option('--dry-run', 'tell what would be copied, and copy nothing')
    .addOption(
      new Option('-o, --output <format>', 'of the report').choices(['json', 'text']).default('text'),
    );
  withExamples(command, [
    ['ocilot image copy alpine:3 localhost:5000/alpine:3', 'every platform, and what is signed about it'],
    ['ocilot image copy --platform linux/arm64 alpine:3 oci:./layout:3', 'one platform, into a folder'],
    ['ocilot image copy -a localhost:5000/app backup.example/app', 'every tag'],
    [
      'ocilot image copy --have far.inventory --split 4GiB app:2 oci-archive:app.tar:app:2',
      'only what is missing at the far side, in parts',
    ],
    ['ocilot image copy --dry-run alpine:3 localhost:5000/alpine:3', 'what there is to do'],
  ]);
  return command.action(async (from: string, to: string, flags: CopyFlags) => {
    await withMedia(context, flags, [from, to], async (media) => {
      const all = flags.allTags === true || flags.recursive === true;
      if (all && (flags.have ?? flags.split) !== undefined)
        throw new UsageError('--have and --split go with one image, not with -a and -r');
      const report = all
        ? await copyAllTags(context, media, { from, to, flags })
        : await copyOne(context, media, { from, to, flags });
      if (flags.output === 'json') context.out.write(`${JSON.stringify(report)}\n`);
      else context.err.write(`${describeCopy(report, flags.dryRun === true)}\n`);
    });
  });
}

async function copyOne(context: Context, media: Media, { from, to, flags }: CopyOrder): Promise<CopyReport> {
  const found = await media.find(from);
  const { have, split } = flags;
  const asked = (have ?? split) !== undefined;
  const place = parsePlace(to);
  const tags = tagsOf(place);
  const sink = asked
    ? await archiveSink(context, media, found.source, { ...flags, place })
    : (await media.target(to)).sink;
  if (from !== '-') await requireLoadable(media, parsePlace(from), sink);
  if (!flags.clobber) {
    for (const tag of tags) {
      if ((await sink.resolve(tag, { signal: media.signal })) === undefined) continue;
      throw new OciError('DENIED', `${to} is there already, and --no-clobber leaves it alone`);
    }
  }
  const report = await media.copy(
    found.source,
    sink,
    [{ descriptor: found.descriptor, tags }],
    copyOptions(flags, place),
  );
  if (flags.dryRun !== true) await media.finish();
  return report;
}

/** A copy in one line. */
export function describeCopy(report: CopyReport, dryRun: boolean): string {
  const { manifests, sent, mounted, present, carried, left } = report;
  const parts = [
    `${showCount(manifests.put, 'manifest')} and ${showCount(sent.blobs, 'blob')} (${showSize(sent.bytes)})${dryRun ? ' to copy' : ' copied'}`,
    ...(mounted.blobs > 0 ? [`${mounted.blobs} mounted`] : []),
    ...(present.blobs + manifests.present > 0 ? [`${present.blobs + manifests.present} there already`] : []),
    ...(carried.length > 0 ? [`referrers and signatures among them: ${carried.length}`] : []),
    ...(left.length > 0 ? [`${showCount(left.length, 'non-distributable layer')} left out`] : []),
  ];
  return parts.join(', ');
}
