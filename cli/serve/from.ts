import { stat } from 'node:fs/promises';
import { archiveFacts, openArchive } from '../../image/archive/index.js';
import { openLayout } from '../../image/layout/index.js';
import type { Source } from '../../image/media.js';
import { OciError } from '../../oci/index.js';
import {
  createArchiveRegistry,
  repositoryOfFile,
  type Registry,
  type RegistryOptions,
} from '../../registry/index.js';

/**
 * Opens an archive or a layout folder as a registry.
 * @throws OciError `INVALID_OPTION` for what is none, and for a differential archive; as `createArchiveRegistry`
 */
export async function openFrom(path: string, options: RegistryOptions): Promise<Registry> {
  const { access, publicUrl, trustProxy, rateLimit, metrics, onRequest, onError } = options;
  return await createArchiveRegistry(await open(path), {
    repository: repositoryOfFile(path),
    ...(access && { access }),
    ...(publicUrl !== undefined && { publicUrl }),
    ...(trustProxy !== undefined && { trustProxy }),
    ...(rateLimit && { rateLimit }),
    ...(metrics && { metrics }),
    ...(onRequest && { onRequest }),
    ...(onError && { onError }),
  });
}

async function open(path: string): Promise<Source> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory() === true) return await openLayout(path);
  const { base } = await archiveFacts(path);
  if (base !== undefined)
    throw new OciError(
      'INVALID_OPTION',
      `${path} is a differential archive, which lacks what ${base.of.join(', ')} had: load it there with --load`,
    );
  return await openArchive(path);
}
