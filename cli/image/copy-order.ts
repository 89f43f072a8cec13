import type { CopyOptions } from '../../image/copy/index.js';
import type { Place } from '../../image/place.js';
import type { ProgressFlags } from '../progress.js';
import type { ArchiveFlags } from './copy-archive.js';
import type { ImageFlags } from './options.js';

/** What `image copy` takes. */
export interface CopyFlags extends ImageFlags, ProgressFlags, ArchiveFlags {
  readonly allTags?: boolean;
  readonly clobber: boolean;
  readonly jobs?: number;
  readonly recursive?: boolean;
  readonly referrers: boolean;
  readonly dryRun?: boolean;
  readonly force?: boolean;
  readonly output: 'json' | 'text';
}

/** A copy as a person asked for it. */
export interface CopyOrder {
  readonly from: string;
  readonly to: string;
  readonly flags: CopyFlags;
}

/** What the flags say to `copy()`, for a place to copy to. */
export function copyOptions(
  { platform, jobs, referrers, dryRun, force }: CopyFlags,
  { medium }: Pick<Place, 'medium'>,
): CopyOptions {
  return {
    // Docker's own media have no room for signatures and other artifacts.
    referrers: referrers && medium !== 'docker-archive' && medium !== 'docker-daemon',
    ...(platform === undefined ? {} : { platforms: platform }),
    ...(jobs === undefined ? {} : { jobs }),
    ...(dryRun === undefined ? {} : { dryRun }),
    ...(force === undefined ? {} : { force }),
  };
}
