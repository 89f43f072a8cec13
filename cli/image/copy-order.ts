import type { CopyOptions } from '../../image/copy/index.js';
import type { ProgressFlags } from '../progress.js';
import type { ImageFlags } from './options.js';

/** What `image copy` takes. */
export interface CopyFlags extends ImageFlags, ProgressFlags {
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

/** What the flags say to `copy()`. */
export function copyOptions({ platform, jobs, referrers, dryRun, force }: CopyFlags): CopyOptions {
  return {
    referrers,
    ...(platform === undefined ? {} : { platforms: platform }),
    ...(jobs === undefined ? {} : { jobs }),
    ...(dryRun === undefined ? {} : { dryRun }),
    ...(force === undefined ? {} : { force }),
  };
}
