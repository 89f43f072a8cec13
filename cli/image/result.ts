import { parsePlace } from '../../image/place.js';
import { sourceOf, type View } from '../../image/views/index.js';
import type { Sink } from '../../image/media.js';
import type { Context } from '../context.js';
import { UsageError } from '../exit.js';
import type { Media } from './media.js';
import { isSpelledOut, pushedLine } from './place-names.js';
import { archiveNames } from './pull-names.js';

/** Where the result of a command goes, as a person said it. */
export interface ResultOrder {
  /** What the command changes; undefined when it makes something new. */
  readonly input?: string | undefined;
  /** A place with a name. */
  readonly tag?: string | undefined;
  /** A repository that gets it by its digest. */
  readonly repo?: string | undefined;
  /** A docker archive, `-` for an archive on the standard output, or any place. */
  readonly output?: string | undefined;
}

/** Where it goes. */
export type Destination =
  /** Its digest is printed. */
  | { readonly kind: 'push'; readonly place: string; readonly untagged?: true }
  /** Nothing is printed. */
  | { readonly kind: 'place'; readonly place: string }
  | { readonly kind: 'archive'; readonly path: string; readonly name: string | undefined };

/**
 * Where the result goes: without any word about it back to where the input came from. A tag is moved then, and next to
 * what was named by a digest it is put by its own.
 * @throws UsageError where that cannot be
 */
export function destinationOf({ input, tag, repo, output }: ResultOrder): Destination {
  if (tag !== undefined && repo !== undefined) throw new UsageError('--tag and --repo exclude each other');
  if (output !== undefined) {
    if (repo !== undefined) throw new UsageError('--repo and --output exclude each other');
    if (isSpelledOut(output)) return { kind: 'place', place: output };
    return { kind: 'archive', path: output, name: tag ?? input };
  }
  if (repo !== undefined) return { kind: 'push', place: repo, untagged: true };
  if (tag !== undefined) return { kind: 'push', place: tag };
  if (input === undefined || input === '-')
    throw new UsageError(
      'say where the result goes: -t names a place, -o a file or - for the standard output',
    );
  const place = parsePlace(input);
  if (place.medium === 'oci-archive' || place.medium === 'docker-archive')
    throw new UsageError(`${input} cannot be changed in place: say with -t or -o where the result goes`);
  if (place.medium === 'oci' && place.name === '')
    throw new UsageError(`${input} has no name that the result could take: say one with -t`);
  return { kind: 'push', place: input };
}

/** The places in it, for `withMedia`. */
export const placesOf = (destination: Destination): readonly string[] =>
  destination.kind === 'archive' ? [] : [destination.place];

/** Puts the result where it goes: blobs that are not there yet, each manifest once, and its name last. */
export async function deliver(
  context: Context,
  media: Media,
  view: View,
  destination: Destination,
): Promise<void> {
  const { sink, tags } = await openDestination(media, destination);
  await media.copy(sourceOf(view), sink, [{ descriptor: view.descriptor, tags }], { referrers: false });
  await media.finish();
  if (destination.kind === 'push')
    context.out.write(pushedLine(parsePlace(destination.place), view.descriptor.digest));
}

async function openDestination(
  media: Media,
  destination: Destination,
): Promise<{ readonly sink: Sink; readonly tags: readonly string[] }> {
  if (destination.kind !== 'archive') {
    const { sink, tags } = await media.target(destination.place);
    return { sink, tags: destination.kind === 'push' && destination.untagged === true ? [] : tags };
  }
  const { path, name } = destination;
  const sink = path === '-' ? await media.places.layoutArchive(path) : await dockerArchive(media, path);
  return { sink: await media.own(sink), tags: await namesOf(media, name) };
}

async function dockerArchive(media: Media, path: string): Promise<Sink> {
  const { createDockerArchive } = await import('../../image/archive/index.js');
  return await createDockerArchive(media.places.output(path));
}

/** How the result is called in an archive: as what it was made of, where nobody says. */
async function namesOf(media: Media, name: string | undefined): Promise<readonly string[]> {
  if (name === undefined) return [];
  if (name === '-') {
    const input = await media.path(name);
    const tags: string[] = [];
    for await (const tag of input.tags?.({ signal: media.signal }) ?? []) tags.push(tag);
    return tags;
  }
  return archiveNames(name);
}
