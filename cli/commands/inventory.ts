import { Command } from 'commander';
import { encodeInventory, inventoryOf, writeInventory } from '../../bundle/inventory/index.js';
import { pipeTo, type Context } from '../context.js';
import { withClientOptions } from '../client-options.js';
import { withExamples } from '../help.js';
import type { ImageFlags } from '../image/options.js';
import { withMedia } from '../image/media.js';
import { classify, placesToCount } from '../inventory-places.js';
import { showSize } from '../values/size.js';
import { streamOf } from '../../oci/index.js';
import { showCount } from '../values/count.js';

interface Flags extends ImageFlags {
  readonly ids?: boolean;
  readonly to?: string;
}

/** `ocilot inventory`. */
export function inventoryCommand(context: Context): Command {
  const command = withClientOptions(new Command('inventory'))
    .argument(
      '<place...>',
      'a registry, a repository, one image of it, a layout folder, an archive; places as `image copy` takes them',
    )
    .option('--ids', 'only the digests of images and bundles: a few bytes, for somebody who has the same')
    .option('--to <file>', 'write it there (default: to the standard output)');
  withExamples(command, [
    ['ocilot inventory localhost:5000 --to far.inventory', 'what a whole registry has'],
    ['ocilot inventory localhost:5000/app > far.inventory', 'what one repository has'],
    ['ocilot inventory ./layout bundle-1.tar bundle-2.tar > far.inventory', 'without a registry'],
    ['ocilot inventory --ids localhost:5000/app:1', 'short enough to be read out over the phone'],
    ['ocilot image copy --have far.inventory app:2 oci-archive:update.tar', 'pack what is missing there'],
  ]);
  return command.action(async (texts: readonly string[], { ids = false, to, ...flags }: Flags) => {
    const named = await Promise.all(texts.map(classify));
    const remote = named.flatMap(({ reference }) => (reference === undefined ? [] : [reference]));
    await withMedia(context, flags, remote, async (media) => {
      const call = { signal: media.signal };
      const places = (await Promise.all(named.map((one) => placesToCount(media, one)))).flat();
      const inventory = await inventoryOf(places, { ...call, ids });
      const { bundles, manifests, blobs } = inventory;
      const bytes = encodeInventory(inventory);
      if (to === undefined) await pipeTo(context.out, streamOf(bytes));
      else await writeInventory(to, inventory, call);
      const counted = ids
        ? `${bundles.size} images and bundles`
        : `${showCount(manifests.size, 'manifest')} and ${showCount(blobs.size, 'blob')}`;
      context.err.write(`${counted} in ${showSize(bytes.length)}\n`);
    });
  });
}
