import type { Digest } from '../../oci/index.js';
import { keys, lastPart } from './keys.js';
import type { Records } from './records.js';

/** A manifest of the repository that points to a blob or manifest, if there is any. */
export async function parentOf(records: Records, repo: string, digest: Digest): Promise<Digest | undefined> {
  const [key] = await records.keys({ prefix: keys.parents(repo, digest), limit: 1 });
  return key === undefined ? undefined : (lastPart(key) as Digest);
}
