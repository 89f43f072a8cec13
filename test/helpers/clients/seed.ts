import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { childrenOf, hexOf, isManifestType, parseManifest, type Descriptor } from '../../../oci/index.js';
import type { Store } from '../../../registry/index.js';
import type { Layout } from './layout.js';

/** Puts a manifest of a layout, with all it needs, into a store without any client. */
export async function seed(
  store: Store,
  repo: string,
  layout: Layout,
  { digest }: Pick<Descriptor, 'digest'>,
  tags: readonly string[] = [],
): Promise<void> {
  const bytes = await layout.read(digest);
  for (const child of childrenOf(parseManifest(bytes))) {
    if (isManifestType(child.mediaType)) await seed(store, repo, layout, child);
    else {
      const file = join(layout.folder, 'blobs/sha256', hexOf(child.digest));
      await store.uploads.put(repo, child.digest, createReadStream(file));
    }
  }
  await store.manifests.put(repo, { bytes, digest, tags });
}
