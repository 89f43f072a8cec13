import { digestOf, type Descriptor, type Digest, type ErrorCode } from '../../../oci/index.js';

/** A manifest as the model knows it. */
export interface ModelManifest {
  readonly digest: Digest;
  readonly children: readonly Digest[];
  readonly kind: 'image' | 'index';
  readonly subject: Digest | undefined;
  readonly artifactType: string | undefined;
}

interface Repository {
  /** Sizes of blobs. */
  readonly blobs: Map<Digest, number>;
  readonly manifests: Map<Digest, ModelManifest>;
  readonly tags: Map<string, Digest>;
}

interface Upload {
  readonly repo: string;
  bytes: Uint8Array;
  touched: number;
}

/** Rules that the model shares with the store. */
export interface ModelRules {
  readonly lease: number;
  readonly uploadExpiry: number;
  readonly quota: { readonly prefix: string; readonly bytes: number };
  /** The tag that may not move or go. */
  readonly fixedTag: string;
}

/** What an operation ends with: the code of an error, or nothing. */
export type Outcome = ErrorCode | undefined;

/** What a store is, said in maps: no races, no bytes, no disk. */
export class Model {
  readonly rules: ModelRules;
  readonly repos = new Map<string, Repository>();
  readonly uploads = new Map<number, Upload>();
  time = 1_000_000;
  /** Set by an unclean end. */
  collectAfter = 0;
  /** When leases end. */
  readonly #leases = new Map<string, number>();
  /** When a lease that a reader asked for was last written, in this process. */
  readonly #written = new Map<string, number>();
  #abandoned = 0;

  constructor(rules: ModelRules) {
    this.rules = rules;
  }

  /** A new process: what it knew beside the records is gone. */
  restart(clean: boolean): void {
    this.#written.clear();
    const latest = this.time + this.rules.lease;
    this.collectAfter = clean ? Math.min(this.collectAfter, latest) : latest;
  }

  putBlob(repo: string, digest: Digest, size: number): Outcome {
    if (!this.#fits(repo, size)) return 'DENIED';
    this.#link(repo, digest, size);
    return undefined;
  }

  /** Links what another repository has. Returns whether there was anything. */
  mount(repo: string, digest: Digest): Outcome | boolean {
    const sizes = [...this.repos.values()].flatMap(({ blobs }) => blobs.get(digest) ?? []);
    const [size] = sizes;
    if (size === undefined) return false;
    const counted =
      this.repos.get(repo)?.blobs.has(digest) === true || (this.#covers(repo) && this.#used().has(digest));
    if (!counted && !this.#fits(repo, size)) return 'DENIED';
    this.#link(repo, digest, size);
    return true;
  }

  /** The size of a blob, for somebody who asks for it. */
  stat(repo: string, digest: Digest): number | undefined {
    const size = this.repos.get(repo)?.blobs.get(digest);
    if (size !== undefined) this.#take(repo, digest);
    return size;
  }

  deleteBlob(repo: string, digest: Digest): Outcome {
    const found = this.repos.get(repo);
    if (found?.blobs.has(digest) !== true) return 'BLOB_UNKNOWN';
    if (this.#hasParent(found, digest)) return 'UNSUPPORTED';
    found.blobs.delete(digest);
    this.#forget(repo, digest);
    return undefined;
  }

  /** An upload that had the number before is left behind, under one that nobody uses. */
  start(id: number, repo: string): void {
    const before = this.uploads.get(id);
    if (before !== undefined) this.uploads.set(--this.#abandoned, before);
    this.uploads.set(id, { repo, bytes: new Uint8Array(0), touched: this.time });
  }

  append(id: number, repo: string, bytes: Uint8Array): Outcome {
    const upload = this.#upload(id, repo);
    if (upload === undefined) return 'BLOB_UPLOAD_UNKNOWN';
    upload.touched = this.time;
    const before = upload.bytes.byteLength;
    if (!this.#fits(repo, before + bytes.byteLength, before)) return 'DENIED';
    upload.bytes = Buffer.concat([upload.bytes, bytes]);
    return undefined;
  }

  finish(id: number, repo: string, bytes: Uint8Array, digest: Digest): Outcome {
    const refused = this.append(id, repo, bytes);
    const upload = this.uploads.get(id);
    if (refused !== undefined || upload === undefined) return refused;
    if (digestOf(upload.bytes) !== digest) return 'DIGEST_INVALID';
    this.#link(repo, digest, upload.bytes.byteLength);
    this.uploads.delete(id);
    return undefined;
  }

  cancel(id: number, repo: string): Outcome {
    if (this.#upload(id, repo) === undefined) return 'BLOB_UPLOAD_UNKNOWN';
    this.uploads.delete(id);
    return undefined;
  }

  /** Bytes of an upload. */
  uploaded(id: number, repo: string): number | undefined {
    return this.#upload(id, repo)?.bytes.byteLength;
  }

  putManifest(repo: string, manifest: ModelManifest, tags: readonly string[]): Outcome {
    const found = this.repos.get(repo);
    const there = manifest.kind === 'index' ? found?.manifests : found?.blobs;
    if (manifest.children.some((child) => there?.has(child) !== true)) return 'MANIFEST_BLOB_UNKNOWN';
    const { fixedTag } = this.rules;
    const fixed = found?.tags.get(fixedTag);
    if (tags.includes(fixedTag) && fixed !== undefined && fixed !== manifest.digest) return 'DENIED';
    const { manifests, tags: named } = this.#enter(repo);
    manifests.set(manifest.digest, manifest);
    for (const tag of tags) named.set(tag, manifest.digest);
    for (const digest of [manifest.digest, ...manifest.children]) this.#lease(repo, digest);
    return undefined;
  }

  getManifest(repo: string, digest: Digest): boolean {
    const found = this.repos.get(repo)?.manifests.has(digest) === true;
    if (found) this.#take(repo, digest);
    return found;
  }

  deleteManifest(repo: string, digest: Digest): Outcome {
    const found = this.repos.get(repo);
    if (found?.tags.get(this.rules.fixedTag) === digest) return 'DENIED';
    if (found?.manifests.delete(digest) !== true) return 'MANIFEST_UNKNOWN';
    for (const [tag, target] of found.tags) if (target === digest) found.tags.delete(tag);
    this.#forget(repo, digest);
    return undefined;
  }

  deleteTag(repo: string, tag: string): Outcome {
    const tags = this.repos.get(repo)?.tags;
    if (tags?.has(tag) !== true) return 'MANIFEST_UNKNOWN';
    if (tag === this.rules.fixedTag) return 'DENIED';
    tags.delete(tag);
    return undefined;
  }

  referrers(repo: string, subject: Digest, artifactType: string | undefined): Digest[] {
    return [...(this.repos.get(repo)?.manifests.values() ?? [])]
      .filter((manifest) => manifest.subject === subject)
      .filter((manifest) => artifactType === undefined || manifest.artifactType === artifactType)
      .map(({ digest }) => digest)
      .toSorted();
  }

  deleteRepository(repo: string): Outcome {
    const found = this.repos.get(repo);
    if (found?.tags.has(this.rules.fixedTag) === true) return 'DENIED';
    for (const digest of [...(found?.blobs.keys() ?? []), ...(found?.manifests.keys() ?? [])])
      this.#forget(repo, digest);
    this.repos.delete(repo);
    return undefined;
  }

  /** Collects, and tells how much of what. */
  collect(
    untagged: boolean,
    force: boolean,
  ): { blobs: number; manifests: number; uploads: number; repositories: number } {
    const report = { blobs: 0, manifests: 0, uploads: 0, repositories: 0 };
    if (!force && this.time < this.collectAfter) return report;
    for (const [id, upload] of this.uploads) {
      if (this.#upload(id, upload.repo) !== undefined) continue;
      this.uploads.delete(id);
      report.uploads++;
    }
    for (const [repo, found] of this.repos) {
      if (untagged) report.manifests += this.#collectManifests(repo, found);
      for (const digest of found.blobs.keys()) {
        if (this.#isLeased(repo, digest) || this.#hasParent(found, digest)) continue;
        found.blobs.delete(digest);
        this.#forget(repo, digest);
        report.blobs++;
      }
      if (found.blobs.size > 0 || found.manifests.size > 0) continue;
      this.repos.delete(repo);
      report.repositories++;
    }
    return report;
  }

  /** Bytes of distinct blobs that count. */
  used(): number {
    return [...this.#used().values()].reduce((sum, size) => sum + size, 0);
  }

  #collectManifests(repo: string, found: Repository): number {
    let count = 0;
    for (let before = -1; before !== count;) {
      before = count;
      for (const { digest, subject } of found.manifests.values()) {
        const kept =
          this.#isLeased(repo, digest) ||
          [...found.tags.values()].includes(digest) ||
          this.#hasParent(found, digest) ||
          (subject !== undefined && found.manifests.has(subject));
        if (kept) continue;
        found.manifests.delete(digest);
        this.#forget(repo, digest);
        count++;
      }
    }
    return count;
  }

  #upload(id: number, repo: string): Upload | undefined {
    const upload = this.uploads.get(id);
    const over = upload === undefined || this.time - upload.touched >= this.rules.uploadExpiry;
    return over || upload.repo !== repo ? undefined : upload;
  }

  #enter(repo: string): Repository {
    const found = this.repos.get(repo) ?? { blobs: new Map(), manifests: new Map(), tags: new Map() };
    this.repos.set(repo, found);
    return found;
  }

  #link(repo: string, digest: Digest, size: number): void {
    const { blobs } = this.#enter(repo);
    if (blobs.has(digest)) this.#take(repo, digest);
    else this.#lease(repo, digest);
    blobs.set(digest, size);
  }

  #hasParent({ manifests }: Repository, digest: Digest): boolean {
    return [...manifests.values()].some(({ children }) => children.includes(digest));
  }

  #covers(repo: string): boolean {
    const { prefix } = this.rules.quota;
    return repo === prefix || repo.startsWith(`${prefix}/`);
  }

  #used(): Map<Digest, number> {
    return new Map(
      [...this.repos].filter(([repo]) => this.#covers(repo)).flatMap(([, { blobs }]) => [...blobs]),
    );
  }

  /** @param own bytes of it that an open upload holds already */
  #fits(repo: string, size: number, own = 0): boolean {
    if (size === 0 || !this.#covers(repo)) return true;
    return this.used() + this.#held() - own + size <= this.rules.quota.bytes;
  }

  /** Bytes of open uploads: they count until they end. */
  #held(): number {
    return [...this.uploads.values()]
      .filter(({ repo }) => this.#covers(repo))
      .reduce((sum, { bytes }) => sum + bytes.byteLength, 0);
  }

  #lease(repo: string, digest: Digest): void {
    this.#leases.set(`${repo} ${digest}`, this.time + this.rules.lease);
  }

  #take(repo: string, digest: Digest): void {
    const key = `${repo} ${digest}`;
    const written = this.#written.get(key);
    if (written !== undefined && this.time - written < this.rules.lease / 4) return;
    this.#lease(repo, digest);
    this.#written.set(key, this.time);
  }

  #isLeased(repo: string, digest: Digest): boolean {
    return (this.#leases.get(`${repo} ${digest}`) ?? 0) > this.time;
  }

  #forget(repo: string, digest: Digest): void {
    this.#leases.delete(`${repo} ${digest}`);
    this.#written.delete(`${repo} ${digest}`);
  }
}

/** The digests of descriptors, as a set that compares. */
export const digestsOf = (descriptors: readonly Descriptor[]): Digest[] =>
  descriptors.map(({ digest }) => digest).toSorted();
