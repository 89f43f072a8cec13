import { OciError } from '../../oci/index.js';

/** What decides whether content may be taken away. */
export interface Permits {
  readonly readOnly: boolean;
  readonly deletes: boolean;
}

/** @throws OciError `DENIED` in a read-only registry, `UNSUPPORTED` where nothing may be deleted */
export function requireDeletes({ readOnly, deletes }: Permits): void {
  requireWritable({ readOnly });
  if (!deletes) throw new OciError('UNSUPPORTED', 'deleting is switched off in this registry');
}

/**
 * Lets a collection pass: one of untagged manifests deletes what somebody pushed, one of blobs writes, a dry run neither.
 * @throws OciError `DENIED`, `UNSUPPORTED`
 */
export function requireCollection(
  permits: Permits,
  { untagged = false, dryRun = false }: { readonly untagged?: boolean; readonly dryRun?: boolean },
): void {
  if (dryRun) return;
  if (untagged) requireDeletes(permits);
  else requireWritable(permits);
}

function requireWritable({ readOnly }: Pick<Permits, 'readOnly'>): void {
  if (readOnly) throw new OciError('DENIED', 'the registry is read-only');
}
