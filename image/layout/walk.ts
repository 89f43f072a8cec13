import {
  artifactTypeOf,
  isManifestType,
  isOciError,
  parseManifest,
  type CallOptions,
  type Descriptor,
  type Digest,
  type Manifest,
} from '../../oci/index.js';
import type { Source } from '../media.js';
import { readManifest } from '../read.js';

/** A manifest that was found on the way down. */
export interface Found {
  readonly descriptor: Descriptor;
  readonly manifest: Manifest;
}

/**
 * The manifests among descriptors and below them, each once. What is not there, is no manifest or none that is known
 * here, is passed over: a layout may hold some platforms of an index only, and anything under any type.
 * @throws OciError `DIGEST_MISMATCH` for a damaged one, what the source throws
 */
export async function* walkManifests(
  source: Source,
  tops: readonly Descriptor[],
  options: CallOptions = {},
): AsyncGenerator<Found> {
  const seen = new Set<Digest>();
  const waiting = [...tops].toReversed();
  for (let descriptor = waiting.pop(); descriptor !== undefined; descriptor = waiting.pop()) {
    if (seen.has(descriptor.digest) || !isManifestType(descriptor.mediaType)) continue;
    seen.add(descriptor.digest);
    // oxlint-disable-next-line no-await-in-loop -- what comes next stands in it
    const manifest = await manifestIfKnown(source, descriptor, options);
    if (manifest === undefined) continue;
    if (manifest.kind === 'index') waiting.push(...manifest.manifests.toReversed());
    yield { descriptor, manifest };
  }
}

async function manifestIfKnown(
  source: Source,
  descriptor: Descriptor,
  options: CallOptions,
): Promise<Manifest | undefined> {
  try {
    return parseManifest(await readManifest(source, descriptor, options), descriptor.mediaType);
  } catch (error) {
    if (isOciError(error, 'MANIFEST_UNKNOWN') || isOciError(error, 'MANIFEST_INVALID')) return undefined;
    throw error;
  }
}

/** What refers to what: for each subject the descriptors that a referrers list has (distribution-spec, "Listing Referrers"). */
export async function referrersBySubject(
  source: Source,
  tops: readonly Descriptor[],
  options: CallOptions = {},
): Promise<ReadonlyMap<Digest, readonly Descriptor[]>> {
  const found = new Map<Digest, Descriptor[]>();
  for await (const { descriptor, manifest } of walkManifests(source, tops, options)) {
    const { subject, annotations } = manifest;
    if (subject === undefined) continue;
    const artifactType = artifactTypeOf(manifest);
    const list = found.get(subject.digest) ?? [];
    found.set(subject.digest, list);
    list.push({
      mediaType: manifest.mediaType,
      digest: descriptor.digest,
      size: descriptor.size,
      ...(artifactType !== undefined && { artifactType }),
      ...(annotations && { annotations }),
    });
  }
  return found;
}
