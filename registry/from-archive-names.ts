import {
  OciError,
  isDigest,
  isRepository,
  isTag,
  parseReference,
  quote,
  type CallOptions,
  type Descriptor,
  type Digest,
  type Reference,
} from '../oci/index.js';
import { walkManifests } from '../image/layout/walk.js';
import type { Root, Source } from '../image/media.js';

/** A manifest at the top of an archive, and where it stands in a registry. */
export interface PlacedRoot {
  readonly repository: string;
  /** Without one it is there by its digest. */
  readonly tag?: string;
  readonly descriptor: Descriptor;
}

/** Tags that speak of the manifest whose digest is in them: cosign's, and those of the referrers tag schema. */
const COMPANION = /^(sha(?:256|512))-([0-9a-f]{64,128})(?:\.\w+)?$/;

/** The annotation of the bundle that an archive was made for: what else is in it belongs to that. */
const ROOT_BUNDLE = 'dev.carvel.imgpkg.copy.root-bundle';

/** A root, and what is known of it. */
interface Known extends Root {
  readonly reference: Reference | undefined;
  /** What it speaks of. */
  readonly subject: Digest | undefined;
  /** It, and the manifests below it. */
  readonly holds: readonly Digest[];
}

/**
 * Places what stands at the top of an archive in repositories: a full name keeps its path below the host; where two hosts
 * have the same path, the host stands before it. A plain tag goes to the repository of the archive. What speaks of
 * something else goes to where that is; what has no name to every repository. What a bundle was packed with is also found
 * where the bundle is: whoever pulls it looks there first.
 * @param own the repository of the archive
 * @throws OciError `CONTENT_INVALID` when one name stands for two manifests, what the source throws
 */
export async function placeRoots(
  source: Source,
  own: string,
  options: CallOptions = {},
): Promise<readonly PlacedRoot[]> {
  const roots: Known[] = [];
  for await (const root of source.roots?.(options) ?? []) roots.push(await know(source, root, options));
  const placement = new Placement(own, roots);
  const waiting = roots.filter((root) => !placement.named(root));
  placement.besideBundle(roots);
  for (let left = waiting; left.length > 0;) {
    const rest = left.filter((root) => !placement.beside(root));
    // Nobody holds what these speak of.
    if (rest.length === left.length) for (const root of rest.splice(0)) placement.everywhere(root);
    left = rest;
  }
  requireClear(placement.placed);
  return placement.placed;
}

async function know(source: Source, root: Root, options: CallOptions): Promise<Known> {
  const reference = referenceOf(root.tag);
  // A differential archive names what it does not hold.
  const holds = [root.descriptor.digest];
  let subject = reference === undefined ? subjectOfTag(root.tag) : undefined;
  for await (const { descriptor, manifest } of walkManifests(source, [root.descriptor], options)) {
    if (descriptor.digest !== root.descriptor.digest) holds.push(descriptor.digest);
    else subject ??= manifest.subject?.digest;
  }
  return { ...root, reference, subject, holds };
}

/** Puts roots into repositories, one after another. */
class Placement {
  readonly placed: PlacedRoot[] = [];
  readonly #own: string;
  /** Repositories by what is in them. */
  readonly #homes = new Map<Digest, Set<string>>();
  /** Hosts by the paths below them. */
  readonly #hosts = new Map<string, Set<string>>();

  constructor(own: string, roots: readonly Known[]) {
    this.#own = own;
    for (const { reference } of roots) {
      if (reference === undefined) continue;
      const known = this.#hosts.get(reference.repository) ?? new Set();
      this.#hosts.set(reference.repository, known.add(reference.registry));
    }
  }

  /** By its name, if it has one and speaks of nothing. */
  named(root: Known): boolean {
    const { reference, subject, tag } = root;
    if (reference !== undefined) {
      const several = (this.#hosts.get(reference.repository)?.size ?? 0) > 1;
      this.#put(root, several ? withHost(reference) : reference.repository, reference.tag);
    } else if (tag !== undefined && isTag(tag) && subject === undefined) this.#put(root, this.#own, tag);
    else return false;
    return true;
  }

  /** What is named by its digest, where the bundle is. */
  besideBundle(roots: readonly Known[]): void {
    const isBundle = ({ descriptor }: PlacedRoot): boolean =>
      descriptor.annotations?.[ROOT_BUNDLE] !== undefined;
    const repositories = new Set(this.placed.filter(isBundle).map(({ repository }) => repository));
    for (const root of roots) {
      const { reference, descriptor } = root;
      if (reference === undefined || reference.tag !== undefined) continue;
      for (const repository of repositories)
        if (this.#homes.get(descriptor.digest)?.has(repository) !== true)
          this.#put(root, repository, undefined);
    }
  }

  /** Where what it speaks of is, if that is known. */
  beside(root: Known): boolean {
    const homes = root.subject === undefined ? undefined : this.#homes.get(root.subject);
    for (const repository of homes ?? []) this.#put(root, repository, root.tag);
    return homes !== undefined;
  }

  /** In every repository that there is by now. */
  everywhere(root: Known): void {
    const repositories = new Set(this.placed.map(({ repository }) => repository));
    for (const repository of repositories.size === 0 ? [this.#own] : repositories)
      this.#put(root, repository, root.tag);
  }

  #put({ descriptor, holds }: Known, repository: string, tag: string | undefined): void {
    for (const digest of holds)
      this.#homes.set(digest, (this.#homes.get(digest) ?? new Set()).add(repository));
    this.placed.push({ repository, descriptor, ...(tag !== undefined && isTag(tag) && { tag }) });
  }
}

/** The reference that a name is; undefined for a plain tag, and for what is none. */
function referenceOf(name: string | undefined): Reference | undefined {
  if (name === undefined || !/[/:]/.test(name) || isDigest(name)) return undefined;
  try {
    const reference = parseReference(name);
    // A short name is kept as it is, and not written out as Docker's.
    const bare = reference.repository.replace(/^library\//, '');
    return name.includes('/') ? reference : { ...reference, repository: bare };
  } catch {
    return undefined;
  }
}

function subjectOfTag(tag = ''): Digest | undefined {
  const [, algorithm, hex] = COMPANION.exec(tag) ?? [];
  const digest = `${algorithm}:${hex}`;
  return isDigest(digest) ? digest : undefined;
}

function withHost({ registry, repository }: Reference): string {
  const host = registry
    .toLowerCase()
    .replaceAll(/[^a-z0-9.]+/g, '-')
    .replaceAll(/^[-.]+|[-.]+$/g, '');
  const name = `${host}/${repository}`;
  return isRepository(name) ? name : repository;
}

function requireClear(placed: readonly PlacedRoot[]): void {
  const seen = new Map<string, Digest>();
  for (const { repository, tag, descriptor } of placed) {
    if (tag === undefined) continue;
    const name = `${repository}:${tag}`;
    const other = seen.get(name) ?? descriptor.digest;
    if (other !== descriptor.digest)
      throw new OciError(
        'CONTENT_INVALID',
        `the archive has two manifests for ${quote(name)}: ${other} and ${descriptor.digest}; copy one of them out by its digest`,
      );
    seen.set(name, other);
  }
}

/** The repository of an archive that has no other: its file's name without endings, spelled as repositories are. */
export function repositoryOfFile(path: string): string {
  const file = path.split(/[/\\]/).at(-1) ?? '';
  const stem = file.replace(/\.\d{3,5}$/, '').replace(/(?:\.(?:tar|tgz|oci|gz|zst))+$/i, '');
  const name = stem
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-+|-+$/g, '');
  return isRepository(name) ? name : 'archive';
}
