import {
  OciError,
  algorithmOf,
  artifactTypeOf,
  childrenOf,
  digestOf,
  isManifestType,
  isNonDistributable,
  parseManifest,
  type Descriptor,
  type Digest,
  type Manifest,
} from '../../oci/index.js';
import { requireCondition, type Condition } from './condition.js';
import type { Core } from './core.js';
import { parentOf } from './edges.js';
import { requireRoom } from './intake.js';
import { keys, lastPart } from './keys.js';
import type { Leases } from './leases.js';
import { decodeManifest, encodeManifest, type StoredManifest } from './manifest-record.js';
import { put, remove, type Operation, type Precondition } from './records.js';
import { enter } from './repository-record.js';
import type { Tags } from './tags.js';
import { encode } from './values.js';

export interface PutManifest {
  /** The exact bytes; they are stored and sent as they are. */
  readonly bytes: Uint8Array;
  readonly contentType?: string;
  /** The digest it must have. Without one it is stored under its sha256. */
  readonly digest?: Digest;
  readonly tags?: readonly string[];
  /** Of the tags; without any, of the manifest itself. */
  readonly condition?: Condition;
}

export interface ManifestPut {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly subject?: Digest;
}

/** What a manifest points to, as a commit finds it. */
interface Found {
  /** Children that are there; the commit leases them. */
  readonly present: readonly Digest[];
  readonly preconditions: readonly Precondition[];
}

const DONE = new Uint8Array(0);
/** Missing digests that a message names; the detail has them all. */
const NAMED = 10;

/** Manifests of a repository, with what they point to and what points to them. */
export class Manifests {
  readonly #core: Core;
  readonly #leases: Leases;
  readonly #tags: Tags;

  constructor(core: Core, leases: Leases, tags: Tags) {
    this.#core = core;
    this.#leases = leases;
    this.#tags = tags;
  }

  /** A manifest, and a lease on it. */
  async get(repo: string, digest: Digest): Promise<StoredManifest | undefined> {
    const key = keys.manifest(repo, digest);
    const value = await this.#core.records.get(key);
    if (value === undefined || !(await this.#leases.take(repo, digest, key))) return undefined;
    return decodeManifest(value);
  }

  /** Digests in byte order, behind `after`. */
  async list(
    repo: string,
    options: { readonly after?: string; readonly limit: number },
  ): Promise<readonly Digest[]> {
    const prefix = keys.manifests(repo);
    const after = options.after === undefined ? {} : { after: prefix + options.after };
    return (await this.#core.records.keys({ prefix, ...after, limit: options.limit })).map(
      (key) => lastPart(key) as Digest,
    );
  }

  /**
   * Stores a manifest and moves its tags, all in one commit.
   * @throws OciError `MANIFEST_INVALID`, `DIGEST_INVALID`, `MANIFEST_BLOB_UNKNOWN` with `detail` a list of digests,
   *   `DENIED`, `PRECONDITION_FAILED`
   */
  async put(repo: string, input: PutManifest): Promise<ManifestPut> {
    const { bytes, tags = [], condition = {} } = input;
    await requireRoom(this.#core, bytes.byteLength);
    const manifest = parseManifest(bytes, input.contentType);
    const digest = digestOf(bytes, input.digest === undefined ? 'sha256' : algorithmOf(input.digest));
    if (input.digest !== undefined && input.digest !== digest) {
      throw new OciError('DIGEST_INVALID', `manifest has digest ${digest}, expected ${input.digest}`, {
        detail: { expected: input.digest, actual: digest },
      });
    }
    for (;;) {
      const children = await this.#children(repo, manifest);
      const expected = tags.length > 0 ? [] : await this.#expected(repo, digest, condition);
      const moves = await Promise.all(tags.map((tag) => this.#tags.move(repo, tag, digest, condition)));
      const repository = await enter(this.#core, repo);
      const operations = [
        ...this.#operations(repo, digest, manifest, bytes),
        ...this.#leases.operations(repo, new Set([digest, ...children.present])),
        ...moves.flatMap((move) => move.operations),
        ...repository.operations,
      ];
      const preconditions: Precondition[] = [
        ...children.preconditions,
        ...expected,
        ...moves.map((move) => move.precondition),
        repository.precondition,
      ];
      if (await this.#core.records.commit(operations, preconditions)) {
        return {
          digest,
          mediaType: manifest.mediaType,
          ...(manifest.subject === undefined ? {} : { subject: manifest.subject.digest }),
        };
      }
    }
  }

  /**
   * Deletes a manifest, every tag that leads to it, and what it says of its subject.
   * @throws OciError `MANIFEST_UNKNOWN`; `DENIED` when one of the tags is immutable or a live index needs it; `PRECONDITION_FAILED`
   */
  async delete(repo: string, digest: Digest, condition: Condition = {}): Promise<void> {
    for (;;) {
      // A manifest that is not there is unknown, whatever the condition.
      if ((await this.#core.records.get(keys.manifest(repo, digest))) !== undefined)
        requireCondition(`manifest ${digest}`, digest, condition);
      const { value: lease } = await this.#leases.read(repo, digest);
      const tags = await this.#tags.of(repo, digest);
      for (const tag of tags) this.#tags.requireMutable(repo, tag);
      if (this.#core.rules.protectChildren) await this.#requireNoParent(repo, digest);
      if (await this.remove(repo, digest, lease, tags)) return;
    }
  }

  /**
   * Deletes a manifest if its lease is still the one given and no other tags lead to it.
   * @returns false when anything changed meanwhile
   * @throws OciError `MANIFEST_UNKNOWN`
   */
  async remove(
    repo: string,
    digest: Digest,
    lease: Uint8Array | undefined,
    tags: readonly string[],
  ): Promise<boolean> {
    const key = keys.manifest(repo, digest);
    const value = await this.#core.records.get(key);
    if (value === undefined)
      throw new OciError('MANIFEST_UNKNOWN', `manifest ${digest} is not in ${repo}`, { detail: { digest } });
    const stored = decodeManifest(value);
    const manifest = parseManifest(stored.bytes, stored.mediaType);
    const operations: Operation[] = [remove(key), remove(keys.lease(repo, digest))];
    for (const child of digestsOf(manifest)) operations.push(remove(keys.edge(repo, child, digest)));
    for (const tag of tags)
      operations.push(remove(keys.tag(repo, tag)), remove(keys.tagOf(repo, digest, tag)));
    if (stored.subject !== undefined) operations.push(remove(keys.referrer(repo, stored.subject, digest)));
    // A tag that moves here also writes the lease, so no tag can come unseen.
    const preconditions: Precondition[] = [
      { key, present: true },
      { key: keys.lease(repo, digest), value: lease },
      ...tags.map((tag) => ({ key: keys.tagOf(repo, digest, tag), present: true as const })),
    ];
    if (!(await this.#core.records.commit(operations, preconditions))) return false;
    this.#leases.forget(repo, digest);
    return true;
  }

  /** What must still be so of the manifest itself. @throws OciError `PRECONDITION_FAILED` */
  async #expected(repo: string, digest: Digest, condition: Condition): Promise<Precondition[]> {
    if (condition.ifMatch === undefined && condition.ifNoneMatch === undefined) return [];
    const key = keys.manifest(repo, digest);
    const there = (await this.#core.records.get(key)) !== undefined;
    requireCondition(`manifest ${digest}`, there ? digest : undefined, condition);
    return [there ? { key, present: true } : { key, value: undefined }];
  }

  /** All that a manifest writes but for its tags and leases. */
  #operations(repo: string, digest: Digest, manifest: Manifest, bytes: Uint8Array): Operation[] {
    const { mediaType, subject } = manifest;
    const facts = {
      mediaType,
      created: this.#core.now(),
      ...(subject === undefined ? {} : { subject: subject.digest }),
    };
    const operations: Operation[] = [put(keys.manifest(repo, digest), encodeManifest(facts, bytes))];
    for (const child of digestsOf(manifest)) operations.push(put(keys.edge(repo, child, digest), DONE));
    if (subject !== undefined) {
      operations.push(
        put(
          keys.referrer(repo, subject.digest, digest),
          encode(referrerOf(manifest, digest, bytes.byteLength)),
        ),
      );
    }
    return operations;
  }

  /**
   * Looks for what a manifest points to. Leases make children that are there safe from a collector at work. One that is
   * not there gets none, and must still not be there at the commit: what comes meanwhile is looked at again.
   */
  async #children(repo: string, manifest: Manifest): Promise<Found> {
    const { missing: rule } = this.#core.rules;
    const present: Digest[] = [];
    const preconditions: Precondition[] = [];
    const missing: Digest[] = [];
    let found = 0;
    await Promise.all(
      Array.from(distinct(manifest), async ([digest, { needed, isManifest }]) => {
        const link = keys.link(repo, digest);
        const places = [link, keys.manifest(repo, digest)];
        const there = await this.#there(places);
        if (there.length > 0) present.push(digest);
        preconditions.push(
          ...(there.length > 0
            ? there.map((key) => ({ key, present: true as const }))
            : places.map((key) => ({ key, value: undefined }))),
        );
        if (rule === 'off' || !needed) return;
        // An index may also list plain blobs; a layer is never a manifest.
        const is = there.some((key) => (key === link ? !isManifest : manifest.kind === 'index'));
        if (is) found++;
        else missing.push(digest);
      }),
    );
    const tolerated = rule === 'platforms' && manifest.kind === 'index' && found > 0;
    if (missing.length === 0 || tolerated) return { present, preconditions };
    const more = missing.length > NAMED ? ` and ${missing.length - NAMED} more` : '';
    throw new OciError(
      'MANIFEST_BLOB_UNKNOWN',
      `manifest points to what is not in ${repo}: ${missing.slice(0, NAMED).join(', ')}${more}`,
      { detail: missing },
    );
  }

  /** Those keys that have a value. */
  async #there(candidates: readonly string[]): Promise<string[]> {
    const values = await Promise.all(candidates.map((key) => this.#core.records.get(key)));
    return candidates.filter((_, at) => values[at] !== undefined);
  }

  async #requireNoParent(repo: string, digest: Digest): Promise<void> {
    const index = await parentOf(this.#core.records, repo, digest);
    if (index === undefined) return;
    throw new OciError(
      'DENIED',
      `manifest ${digest} is part of index ${index} of ${repo}: delete that first`,
      {
        detail: { digest, index },
      },
    );
  }
}

/** A child, as all descriptors that name its digest have it. */
interface Child {
  /** It has to be here. */
  readonly needed: boolean;
  /** A blob would not do. */
  readonly isManifest: boolean;
}

/** What a manifest points to, each digest once. */
function distinct(manifest: Manifest): Map<Digest, Child> {
  const children = new Map<Digest, Child>();
  for (const descriptor of childrenOf(manifest)) {
    const before = children.get(descriptor.digest);
    const needed = !isElsewhere(descriptor);
    const isManifest = needed && manifest.kind === 'index' && isManifestType(descriptor.mediaType);
    children.set(descriptor.digest, {
      needed: needed || before?.needed === true,
      isManifest: isManifest || before?.isManifest === true,
    });
  }
  return children;
}

const digestsOf = (manifest: Manifest): Set<Digest> =>
  new Set(childrenOf(manifest).map(({ digest }) => digest));

/** Content that need not be in a registry: foreign layers, and what has its own URLs. */
function isElsewhere(descriptor: Descriptor): boolean {
  return isNonDistributable(descriptor.mediaType) || (descriptor.urls?.length ?? 0) > 0;
}

/** How a manifest shows in the list of its subject's referrers (distribution-spec, "Listing Referrers"). */
function referrerOf(manifest: Manifest, digest: Digest, size: number): Descriptor {
  const artifactType = artifactTypeOf(manifest);
  return {
    mediaType: manifest.mediaType,
    digest,
    size,
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(manifest.annotations === undefined ? {} : { annotations: manifest.annotations }),
  };
}
