import { intersects } from 'semver';
import { OciError, quote, type Digest } from '../../oci/index.js';
import type { LockedImage } from '../locks/index.js';
import { parsePinned } from '../locks/index.js';
import type { Place } from '../places.js';
import type { Item } from '../read/graph.js';
import { ID_ANNOTATION, RANGE_ANNOTATION } from './annotations.js';
import type { Wish } from './choose.js';
import { wantedImage, type WantedImage } from './wanted.js';

/** What somebody wants of a repository. */
export interface Constraint extends Wish {
  /** `registry/repository`. */
  readonly repository: string;
}

/** Two that cannot both have what they want. */
export interface Conflict {
  readonly repository: string;
  readonly sides: readonly [Constraint, Constraint];
}

export const nameOfPlace = ({ registry, repository }: Place): string => `${registry}/${repository}`;

/** What the bundles in a list were pinned by, at any depth: the ranges that their own lists note. */
export function nestedConstraints(items: readonly Item[]): readonly Constraint[] {
  const seen = new Set<Digest>();
  const found: Constraint[] = [];
  const visit = (item: Item): void => {
    const { digest } = item.found.descriptor;
    if (item.images === undefined || seen.has(digest)) return;
    seen.add(digest);
    for (const { locked, item: inner } of item.images) {
      const range = locked.annotations?.[RANGE_ANNOTATION];
      if (range !== undefined)
        found.push({ repository: repositoryOf(locked), range, by: `bundle ${item.reference}` });
      visit(inner);
    }
  };
  items.forEach(visit);
  return unions(found);
}

/** The repository that a range was about: of the id, which stays when images are relocated. */
function repositoryOf({ image, annotations = {} }: LockedImage): string {
  const id = annotations[ID_ANNOTATION];
  try {
    if (id !== undefined) return nameOfPlace(wantedImage(id, image).place);
  } catch {
    // It was called something that is no reference.
  }
  return nameOfPlace(parsePinned(image));
}

/** What the list itself wants. */
export function ownConstraints(wanted: readonly WantedImage[], by: string): readonly Constraint[] {
  return unions(
    wanted.flatMap(({ place, range }) =>
      range === undefined ? [] : [{ repository: nameOfPlace(place), range, by }],
    ),
  );
}

/** Who lists a repository in two versions means to have both: either will do. */
function unions(constraints: readonly Constraint[]): Constraint[] {
  const kept = new Map<string, Constraint>();
  for (const constraint of constraints) {
    const key = `${constraint.by} ${constraint.repository}`;
    const range = kept.get(key)?.range;
    const both = range === undefined || range === constraint.range ? '' : `${range} || `;
    kept.set(key, { ...constraint, range: `${both}${constraint.range}` });
  }
  return [...kept.values()];
}

/** All that contradict each other, whatever tags there are. */
export function conflictsIn(constraints: readonly Constraint[]): readonly Conflict[] {
  return constraints.flatMap((one, at) =>
    constraints
      .slice(at + 1)
      .filter((other) => other.repository === one.repository && !intersects(one.range, other.range))
      .map((other) => ({ repository: one.repository, sides: [one, other] as const })),
  );
}

/** A conflict in words: who wants what, on both sides. */
export function describeConflict({ repository, sides: [one, other] }: Conflict): string {
  return `${repository}: ${one.by} wants ${quote(one.range)}, ${other.by} wants ${quote(other.range)}`;
}

/** The error about conflicts. */
export function conflictError(conflicts: readonly Conflict[]): OciError {
  return new OciError(
    'CONTENT_INVALID',
    `No version suits all bundles: ${conflicts.map(describeConflict).join('; ')}; change one side, or let each have its own with --allow-conflicts`,
    { detail: { conflicts } },
  );
}
