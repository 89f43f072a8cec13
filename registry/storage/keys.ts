import type { Digest } from '../../oci/index.js';

/*
 * Key families. `!` stands below every character of a name, a tag or a digest, so a range over a prefix is a range over
 * whole components, in byte order.
 *
 *   r!<repo>                        repository
 *   t!<repo>!<tag>                  tag → digest
 *   g!<repo>!<digest>!<tag>         the same, seen from the manifest
 *   m!<repo>!<digest>               manifest: one line of facts, then its bytes
 *   l!<repo>!<digest>               link: the blob can be seen in the repository
 *   o!<digest>!<repo>               the same, seen from the blob
 *   u!<repo>!<child>!<parent>       a manifest of the repository points to this blob or manifest
 *   f!<repo>!<subject>!<digest>     referrer
 *   e!<repo>!<digest>               lease: somebody was told that this exists
 *   b!<digest>                      blob: size, place, number of links
 *   v!<digest>                      bytes of a small blob
 *   s!<id>                          upload session
 *   p!<id>                          its bytes while they are few
 *   q!<prefix>                      bytes that count against a quota
 *   k!<name>                        settings of the store
 *   c!, x!, n!                      RecordBytes
 */
export const keys = {
  repositories: 'r!',
  repository: (repo: string): string => `r!${repo}`,
  tags: (repo: string): string => `t!${repo}!`,
  tag: (repo: string, tag: string): string => `t!${repo}!${tag}`,
  tagsOf: (repo: string, digest: Digest): string => `g!${repo}!${digest}!`,
  tagOf: (repo: string, digest: Digest, tag: string): string => `g!${repo}!${digest}!${tag}`,
  manifests: (repo: string): string => `m!${repo}!`,
  manifest: (repo: string, digest: Digest): string => `m!${repo}!${digest}`,
  links: (repo: string): string => `l!${repo}!`,
  link: (repo: string, digest: Digest): string => `l!${repo}!${digest}`,
  allOwners: 'o!',
  owners: (digest: Digest): string => `o!${digest}!`,
  owner: (digest: Digest, repo: string): string => `o!${digest}!${repo}`,
  edges: (repo: string): string => `u!${repo}!`,
  parents: (repo: string, child: Digest): string => `u!${repo}!${child}!`,
  edge: (repo: string, child: Digest, parent: Digest): string => `u!${repo}!${child}!${parent}`,
  referrers: (repo: string, subject: Digest): string => `f!${repo}!${subject}!`,
  referrer: (repo: string, subject: Digest, digest: Digest): string => `f!${repo}!${subject}!${digest}`,
  leases: 'e!',
  lease: (repo: string, digest: Digest): string => `e!${repo}!${digest}`,
  blobs: 'b!',
  blob: (digest: Digest): string => `b!${digest}`,
  inline: (digest: Digest): string => `v!${digest}`,
  sessions: 's!',
  session: (id: string): string => `s!${id}`,
  part: (id: string): string => `p!${id}`,
  quotas: 'q!',
  quota: (prefix: string): string => `q!${prefix}`,
  setting: (name: string): string => `k!${name}`,
} as const;

/**
 * Records that never go, one behind each family. LevelDB looks for the first live key through everything deleted, also
 * beyond the end of a range: without them a look into an empty range walks over what another family lost.
 */
export const FENCES: readonly string[] = 'bcefgklmnopqrstuvx'.split('').map((family) => `${family}"`);

/** The last component of a key. */
export function lastPart(key: string): string {
  return key.slice(key.lastIndexOf('!') + 1);
}
