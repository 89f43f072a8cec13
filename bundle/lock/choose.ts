import { Range, SemVer, validRange } from 'semver';
import { OciError, isOciError, isTag, quote, type CallOptions, type Reference } from '../../oci/index.js';
import type { RemoteRepository } from '../../client/index.js';
import { parseRepositoryReference, parseWanted } from '../names.js';
import type { OpenRepository, Place } from '../places.js';

/** A repository and the versions that are wanted of it. */
export interface RangeReference extends Place {
  /** As npm spells it: `~1.4`, `^2`, `>=1.2 <1.9`, `1.4.*`. */
  readonly range: string;
}

/** Who wants what. */
export interface Wish {
  readonly range: string;
  /** For messages: the list or the bundle that says it. */
  readonly by: string;
}

/** Versions that a message lists. */
const SHOWN = 5;

/**
 * Reads `repository:RANGE`. What can be a tag is one, so that `app:1.4` is a tag and `app:~1.4` a range.
 * @returns undefined for a reference without a range
 * @throws OciError `REFERENCE_INVALID` for what is neither a tag nor a range
 */
export function parseRangeReference(text: string): RangeReference | undefined {
  const colon = text.indexOf(':', text.lastIndexOf('/') + 1);
  const range = text.slice(colon + 1).trim();
  if (colon < 0 || range === '' || range.includes('@') || isTag(range)) return undefined;
  if (validRange(range) === null)
    throw new OciError(
      'REFERENCE_INVALID',
      `Parsing ${quote(text)}: ${quote(range)} is neither a tag nor a range of versions, as ~1.4 or ">=1.2 <2"`,
    );
  return { ...parseRepositoryReference(text.slice(0, colon)), range };
}

/**
 * A reference to read from, as `parseWanted` reads it; for a range the registry is asked for its tags, and the highest
 * version is taken.
 * @throws OciError `REFERENCE_INVALID`, `MANIFEST_UNKNOWN` when no tag is in the range, and what the registry answers
 */
export async function parseWantedRange(
  open: OpenRepository,
  text: string,
  options: CallOptions = {},
): Promise<Reference> {
  const wanted = parseRangeReference(text);
  if (wanted === undefined) return parseWanted(text);
  const { range, ...place } = wanted;
  return { ...place, tag: await chooseTag(open(place), range, options) };
}

/**
 * The tag of the highest version in a range. A `v` before a version counts for nothing, `_` stands for `+` as Helm writes
 * it, and `1.4` is 1.4.0. Versions before a release, as `2.0.0-rc.1`, only when the range names one.
 * @throws OciError `REFERENCE_INVALID` for a range that is none, `MANIFEST_UNKNOWN` when no tag is in it, and what the
 * registry answers
 */
export async function chooseTag(
  repository: RemoteRepository,
  range: string,
  options: CallOptions = {},
): Promise<string> {
  const { registry, repository: path } = repository;
  return chooseFrom(await tagsOf(repository, options), `${registry}/${path}`, [{ range, by: '' }]);
}

/** All tags of a repository; none when it is not there. Throws OciError of any other answer. */
export async function tagsOf(repository: RemoteRepository, options: CallOptions): Promise<readonly string[]> {
  const tags: string[] = [];
  try {
    for await (const tag of repository.tags(options)) tags.push(tag);
  } catch (error) {
    if (!isOciError(error, 'NAME_UNKNOWN')) throw error;
  }
  return tags;
}

/**
 * The tag of the highest version that all wish for.
 * @param name of the repository, for messages
 * @throws OciError `REFERENCE_INVALID`, `MANIFEST_UNKNOWN`
 */
export function chooseFrom(tags: readonly string[], name: string, wishes: readonly Wish[]): string {
  const ranges = wishes.map(({ range }) => rangeOf(range));
  const versions = tags
    .flatMap((tag) => {
      const version = versionOf(tag);
      return version === undefined ? [] : [{ tag, version }];
    })
    .toSorted((a, b) => b.version.compare(a.version) || plainest(a.tag, b.tag));
  const chosen = versions.find(({ version }) => ranges.every((range) => range.test(version)));
  if (chosen !== undefined) return chosen.tag;
  const wanted = wishes.map(({ range, by }) => `${quote(range)}${by === '' ? '' : ` (${by})`}`).join(' and ');
  const there = versions.slice(0, SHOWN).map(({ tag }) => tag);
  const more = versions.length > SHOWN ? ` and ${versions.length - SHOWN} more` : '';
  throw new OciError(
    'MANIFEST_UNKNOWN',
    `${name} has no tag in ${wanted}: ${there.length === 0 ? 'it has no tags that are versions' : `there are ${there.join(', ')}${more}`}`,
    { detail: { repository: name, ranges: wishes, versions: versions.map(({ tag }) => tag) } },
  );
}

/** Throws OciError `REFERENCE_INVALID`. */
function rangeOf(text: string): Range {
  try {
    return new Range(text);
  } catch (cause) {
    throw new OciError(
      'REFERENCE_INVALID',
      `${quote(text)} is not a range of versions, as ~1.4 or ">=1.2 <2"`,
      { cause },
    );
  }
}

const VERSION =
  /^v?(?<core>(?:0|[1-9]\d{0,15})(?:\.(?:0|[1-9]\d{0,15})){0,2})(?<pre>-[\w.-]+?)?(?:_(?<build>[\dA-Za-z.-]+))?$/;

/** The version that a tag means; undefined for a tag that means none. */
function versionOf(tag: string): SemVer | undefined {
  const { core, pre = '', build } = VERSION.exec(tag)?.groups ?? {};
  if (core === undefined) return undefined;
  const full = [...core.split('.'), '0', '0'].slice(0, 3).join('.');
  try {
    return new SemVer(`${full}${pre}${build === undefined ? '' : `+${build}`}`);
  } catch {
    return undefined;
  }
}

/** Of several tags for one version: the one with all its numbers, without a `v`, without a build. */
function plainest(a: string, b: string): number {
  const rank = (tag: string): string =>
    [
      3 - (/^v?\d+(?:\.\d+)*/.exec(tag)?.[0].split('.').length ?? 0),
      Number(tag.includes('_')),
      Number(tag.startsWith('v')),
      tag,
    ].join(' ');
  const [left, right] = [rank(a), rank(b)];
  return left < right ? -1 : Number(left > right);
}
