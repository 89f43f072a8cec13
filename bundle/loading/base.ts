import {
  OciError,
  isOciError,
  type CallOptions,
  type Descriptor,
  type Digest,
  type ErrorCode,
} from '../../oci/index.js';
import type { ArchiveBase } from '../../image/archive/index.js';
import { forEachAtOnce } from '../../image/copy/pool.js';
import type { Origin, Sink, Source } from '../../image/media.js';
import { sourceHasBlob, sourceHasManifest } from '../../image/probe.js';

/** Asked for at once. */
const ASKS = 8;
/** Digests that a message names. */
const SHOWN = 10;

/** Where what an archive relies on was found, beside the sink itself. */
export type FoundElsewhere = ReadonlyMap<Digest, Source>;

/**
 * Looks for everything that a differential archive relies on: in the sink, else in the other places.
 * @returns what is in the other places only
 * @throws OciError `PRECONDITION_FAILED` when something is not there; the message names it, `detail.missing` has all of it
 */
export async function requireBase(
  base: ArchiveBase,
  sink: Sink,
  { places = [], ...call }: CallOptions & { readonly places?: readonly Source[] } = {},
): Promise<FoundElsewhere> {
  const elsewhere = new Map<Digest, Source>();
  const missing: Descriptor[] = [];
  const look = async (
    descriptor: Descriptor,
    there: Promise<boolean>,
    has: (place: Source) => Promise<boolean>,
  ): Promise<void> => {
    if (await there) return;
    for (const place of places) {
      // oxlint-disable-next-line no-await-in-loop -- the first that has it will do
      if (!(await has(place))) continue;
      elsewhere.set(descriptor.digest, place);
      return;
    }
    missing.push(descriptor);
  };
  await forEachAtOnce(base.manifests, ASKS, call, (one, both) =>
    look(one, sink.hasManifest(one, both), (place) => sourceHasManifest(place, one, both)),
  );
  await forEachAtOnce(base.blobs, ASKS, call, (one, both) =>
    look(one, sink.hasBlob(one, both), (place) => sourceHasBlob(place, one, both)),
  );
  if (missing.length > 0) throw baseMissing(base, sink, missing);
  return elsewhere;
}

function baseMissing(base: ArchiveBase, sink: Sink, missing: readonly Descriptor[]): OciError {
  const manifests = new Set(base.manifests.map(({ digest }) => digest));
  const shown = missing
    .slice(0, SHOWN)
    .map(({ digest }) => `${manifests.has(digest) ? 'manifest' : 'blob'} ${digest}`);
  if (missing.length > SHOWN) shown.push(`${missing.length - SHOWN} more`);
  return new OciError(
    'PRECONDITION_FAILED',
    `the archive relies on what ${base.of.join(', ')} had, and ${sink.name} does not have ${shown.join(', ')}: ` +
      'load it where its base is, or take an inventory of this place and pack it anew',
    { detail: { missing } },
  );
}

/** An archive with what it relies on, as the places have it: from there it is read, and blobs can be mounted. */
export function withBase(source: Source, places: readonly Source[]): Source {
  if (places.length === 0) return source;
  const origins = places.flatMap(({ origin }) => (origin === undefined ? [] : [origin]));
  // What is below a manifest of another place is there as well.
  const first = async <T>(absent: ErrorCode, read: (from: Source) => Promise<T>): Promise<T> => {
    for (const from of [source, ...places]) {
      try {
        // oxlint-disable-next-line no-await-in-loop -- the first that has it
        return await read(from);
      } catch (error) {
        if (!isOciError(error, absent) || from === places.at(-1)) throw error;
      }
    }
    throw new OciError(absent, `${source.name} does not have it`);
  };
  return {
    name: source.name,
    resolve: (reference, options) => source.resolve(reference, options),
    manifest: (descriptor, options) =>
      first('MANIFEST_UNKNOWN', (from) => from.manifest(descriptor, options)),
    blob: (descriptor, options) => first('BLOB_UNKNOWN', (from) => from.blob(descriptor, options)),
    originsOf: (): readonly Origin[] => origins,
    ...(source.tags && { tags: (options) => source.tags?.(options) ?? none() }),
    ...(source.roots && { roots: (options) => source.roots?.(options) ?? none() }),
    ...(source.referrers && {
      referrers: (digest, options) => source.referrers?.(digest, options) ?? none(),
    }),
  };
}

async function* none(): AsyncGenerator<never> {
  // What is asked for is there.
}
