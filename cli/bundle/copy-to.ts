import type { CopySet } from '../../bundle/index.js';
import type { CopyReport } from '../../image/copy/index.js';
import { OciError, isOciError, type Descriptor } from '../../oci/index.js';
import type { CopyFlags } from '../commands/copy.js';
import { showSize } from '../values/size.js';
import { readHave } from './differential.js';
import { writeLock } from './lock-files.js';
import { tellPlan } from './plan.js';
import type { Ui } from './ui.js';
import type { Work } from './work.js';

const FLAG = '--include-non-distributable-layers';

/** Copies a set into the repository of `--to-repo`. */
export async function copyInto(work: Work, set: CopySet, flags: CopyFlags): Promise<void> {
  const { ui, progress, signal } = work;
  const { checkLockable, copyToRepository, parseRepositoryReference } = await import('../../bundle/index.js');
  if (flags.lockOutput !== undefined) checkLockable(set);
  const destination = await work.sink(parseRepositoryReference(flags.toRepo ?? ''));
  if (flags.dryRun === true) return await tellPlan(work, set, destination, { ...optionsOf(flags), signal });
  ui.line(`copy | importing ${set.items.length} images...`);
  const copied = await withHint(flags, () =>
    copyToRepository(set, destination, {
      ...optionsOf(flags),
      repositoryTags: flags.repoBasedTags === true,
      signal,
      onProgress: progress.tell,
      onNotice: (notice) => ui.notice(notice),
      onTagging: () => ui.line('copy | Tagging images'),
    }),
  );
  tellLeft(ui, copied.left);
  tellCarried(ui, copied.reports);
  if (flags.lockOutput !== undefined) await writeLock(flags.lockOutput, copied.lock);
  progress.end();
  ui.result(copied.reference);
}

/** Copies a set into the archive of `--to-tar`. */
export async function copyToTar(
  work: Work,
  set: CopySet,
  target: string,
  flags: CopyFlags & { readonly format: 'imgpkg' | 'oci' },
): Promise<void> {
  const { ui, progress, signal } = work;
  if (flags.dryRun === true)
    return await tellPlan(work, set, undefined, { ...optionsOf(flags), signal, target });
  const { openReusable, writeImgpkgTar, writeLayoutTar } = await import('../../bundle/index.js');
  const reuse = flags.resume === true ? await openReusable(target, { signal }) : undefined;
  if (reuse !== undefined && reuse.bytes > 0)
    ui.notice(
      `copy | ${reuse.blobs} blobs (${showSize(reuse.bytes)}) are there already and can be taken again`,
    );
  let isDone = false;
  try {
    ui.line('copy | writing layers...');
    const onNotice = (notice: string): void => ui.notice(notice);
    const options = {
      ...optionsOf(flags),
      signal,
      onNotice,
      onProgress: progress.tell,
      ...(reuse && { reuse }),
    };
    if (flags.format === 'oci') {
      const have = flags.have === undefined ? undefined : await readHave(work, set, flags.have);
      const output = flags.split === undefined ? target : { path: target, split: flags.split };
      const written = await writeLayoutTar(set, output, { ...options, ...(have && { have }) });
      tellLeft(ui, written.left);
      tellCarried(ui, written.reports);
    } else {
      const onEntry = (name: string, elapsed: number): void =>
        ui.line(`copy | done: file '${name}' (${showElapsed(elapsed)})`);
      tellLeft(ui, await writeImgpkgTar(set, target, { ...options, onEntry }));
    }
    isDone = true;
  } finally {
    await reuse?.release(isDone);
  }
  progress.end();
  const root = set.root ?? set.items[0];
  if (root !== undefined && target !== '-') ui.result(root.reference);
}

function optionsOf({ concurrency, includeNonDistributableLayers, referrers }: CopyFlags): {
  readonly concurrency: number;
  readonly nonDistributable: boolean;
  readonly referrers: boolean;
} {
  return {
    concurrency,
    nonDistributable: includeNonDistributableLayers === true,
    referrers: referrers === true,
  };
}

/** What is to be copied and may not be in the archive. */
async function withHint<T>(flags: CopyFlags, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!isOciError(error, 'BLOB_UNKNOWN') || flags.includeNonDistributableLayers !== true) throw error;
    throw new OciError(
      'BLOB_UNKNOWN',
      `${error.message} (hint: This may be because when copying to a tarball, the ${FLAG} flag should have been provided)`,
      { cause: error, detail: error.detail },
    );
  }
}

/** What came along unasked. */
function tellCarried(ui: Ui, reports: readonly CopyReport[]): void {
  const carried = reports.reduce((sum, report) => sum + report.carried.length, 0);
  if (carried > 0) ui.notice(`copy | ${carried} signatures and other referrers came along`);
}

function tellLeft(ui: Ui, left: ReadonlyMap<string, readonly Descriptor[]>): void {
  if (left.size === 0) return;
  ui.notice(
    `Skipped the following layer(s) due to it being non-distributable. If you would like to include non-distributable layers, use the ${FLAG} flag`,
  );
  for (const [reference, layers] of left) {
    ui.notice(` - Image: ${reference}`);
    ui.notice('   Layers:');
    for (const { digest } of layers) ui.notice(`     - ${digest}`);
  }
}

/** Milliseconds as Go prints them: `716.055µs`, `1.5s`. */
function showElapsed(elapsed: number): string {
  const short = (value: number): string => String(Number(value.toFixed(3)));
  return elapsed < 1
    ? `${short(elapsed * 1000)}µs`
    : elapsed < 1000
      ? `${short(elapsed)}ms`
      : `${short(elapsed / 1000)}s`;
}
