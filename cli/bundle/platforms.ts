import type { CopySet } from '../../bundle/index.js';
import { formatPlatform, type Platform } from '../../oci/index.js';
import type { Work } from './work.js';

/** Does work with what is in a set for the platforms of `--platform`, and says when that gives other digests. */
export async function withPlatforms(
  { ui, signal }: Work,
  whole: CopySet,
  { platform = [] }: { readonly platform?: readonly Platform[] },
  work: (set: CopySet) => Promise<void>,
): Promise<void> {
  if (platform.length === 0) return await work(whole);
  const { narrowSet } = await import('../../bundle/index.js');
  const narrowed = await narrowSet(whole, platform, { signal });
  const { set, indexes, bundles } = narrowed;
  try {
    if (indexes > 0) {
      const names = platform.map(formatPlatform).join(', ');
      const cut = indexes === 1 ? '1 index is' : `${indexes} indexes are`;
      const [none, one, more] = [
        '',
        ', and so has the bundle that lists it',
        `, and so have ${bundles} bundles`,
      ];
      const lists = bundles === 0 ? none : bundles === 1 ? one : more;
      ui.notice(`copy | ${cut} cut to ${names}: what is left has a digest of its own${lists}`);
    }
    await work(set);
  } finally {
    await narrowed.close();
  }
}
