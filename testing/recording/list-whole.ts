import {
  childrenOf,
  isDigest,
  isManifestType,
  parseManifest,
  type Descriptor,
  type Digest,
} from '../../oci/index.js';
import type { Sink, Source } from '../../image/media.js';
import { readManifest } from '../../image/read.js';
import type { Notes } from './notes.js';

/**
 * Names in the index of a layout every manifest that is there with all below it: `team/app:1.0`, and where only a part of
 * an index was pulled, that part as `team/app@sha256:…`. So the layout is good for whoever reads layouts.
 */
export async function listWhole(notes: Notes, source: Source, sink: Sink): Promise<void> {
  for (const [repository, { manifests, blobs }] of notes.repositories) {
    const whole = new Map<Digest, Promise<boolean>>();
    const covered = new Set<Digest>();
    const check = (descriptor: Descriptor): Promise<boolean> => {
      const { digest } = descriptor;
      if (!isManifestType(descriptor.mediaType)) return Promise.resolve(blobs.has(digest));
      const known = whole.get(digest) ?? look(descriptor);
      whole.set(digest, known);
      return known;
    };
    const look = async (descriptor: Descriptor): Promise<boolean> => {
      const recorded = manifests.get(descriptor.digest);
      if (recorded === undefined) return false;
      const children = childrenOf(parseManifest(await readManifest(source, recorded), recorded.mediaType));
      const found = await Promise.all(children.map(check));
      if (!found.every(Boolean)) return false;
      for (const { digest } of children) covered.add(digest);
      return true;
    };
    const byTagFirst = [...manifests].toSorted(([a], [b]) => Number(isDigest(a)) - Number(isDigest(b)));
    for (const [, descriptor] of byTagFirst) await check(descriptor);
    for (const [reference, descriptor] of byTagFirst) {
      const digest = isDigest(reference);
      if (digest && covered.has(descriptor.digest)) continue;
      if (!(await check(descriptor))) continue;
      if (!digest) covered.add(descriptor.digest);
      const name = `${repository}${digest ? '@' : ':'}${reference}`;
      await sink.putManifest(descriptor, await readManifest(source, descriptor), { tags: [name], top: true });
    }
  }
}
