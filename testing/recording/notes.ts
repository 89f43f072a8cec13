import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  OciError,
  encodeJson,
  isDigest,
  isObject,
  isStringList,
  parseDescriptor,
  parseJson,
  quote,
  type Descriptor,
  type Digest,
} from '../../oci/index.js';
import { replaceFile } from '../../image/layout/files.js';

/** The file of a recording that stands beside the files of its layout. */
export const NOTES_FILE = 'recording.json';

/** What was asked for in one repository, and what came. */
export interface RepositoryNotes {
  /** By the tag or digest that was asked for. */
  readonly manifests: Map<string, Descriptor>;
  /** Sizes in bytes. */
  readonly blobs: Map<Digest, number>;
  /** All tags there were, if somebody asked. */
  tags: readonly string[] | undefined;
  /** By subject. */
  readonly referrers: Map<Digest, readonly Descriptor[]>;
}

/** What a recording knows besides the content, as `recording.json` keeps it. */
export class Notes {
  /** Where it came from, as the user spelled it. */
  readonly upstream: string;
  readonly repositories = new Map<string, RepositoryNotes>();
  readonly #path: string;
  #changed = false;
  #writing: Promise<void> = Promise.resolve();

  private constructor(folder: string, upstream: string) {
    this.upstream = upstream;
    this.#path = join(folder, NOTES_FILE);
  }

  /** Notes of nothing yet. */
  static empty(folder: string, upstream: string): Notes {
    return new Notes(folder, upstream);
  }

  /**
   * The notes of a folder; undefined when it has none.
   * @throws OciError `CONTENT_INVALID` for a file that is none of this kind
   */
  static async read(folder: string): Promise<Notes | undefined> {
    const path = join(folder, NOTES_FILE);
    let bytes: Uint8Array;
    try {
      bytes = await readFile(path);
    } catch (cause) {
      const { code, message } = cause as NodeJS.ErrnoException;
      if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
      throw new OciError('INVALID_OPTION', `${path} cannot be read: ${message}`, { cause });
    }
    return parseNotes(bytes, folder, path);
  }

  /** The notes of a repository, to be added to. */
  of(repository: string): RepositoryNotes {
    const known = this.repositories.get(repository);
    if (known !== undefined) return known;
    const fresh: RepositoryNotes = {
      manifests: new Map(),
      blobs: new Map(),
      tags: undefined,
      referrers: new Map(),
    };
    this.repositories.set(repository, fresh);
    return fresh;
  }

  /** Writes them in one step; what changes meanwhile goes with the next. */
  async save(): Promise<void> {
    this.#changed = true;
    const before = this.#writing;
    this.#writing = (async () => {
      await before.catch(() => undefined);
      if (!this.#changed) return;
      this.#changed = false;
      try {
        await replaceFile(this.#path, encodeJson(this.#document()), `${this.#path}.${process.pid}.tmp`);
      } catch (error) {
        this.#changed = true;
        throw error;
      }
    })();
    await this.#writing;
  }

  #document(): object {
    const repositories = [...this.repositories].map(([name, { manifests, blobs, tags, referrers }]) => [
      name,
      {
        manifests: Object.fromEntries(manifests),
        blobs: Object.fromEntries(blobs),
        ...(tags === undefined ? {} : { tags }),
        referrers: Object.fromEntries(referrers),
      },
    ]);
    return {
      version: 1,
      upstream: this.upstream,
      repositories: Object.fromEntries(repositories) as object,
    };
  }
}

function parseNotes(bytes: Uint8Array, folder: string, path: string): Notes {
  const fail = (why: string): never => {
    throw new OciError('CONTENT_INVALID', `${path} is no recording: ${why}`);
  };
  const document = parseJson(bytes, path, 'CONTENT_INVALID');
  if (!isObject(document) || typeof document.upstream !== 'string') return fail('it names no upstream');
  if (document.version !== 1) return fail(`expected version 1, got ${String(document.version)}`);
  const notes = Notes.empty(folder, document.upstream);
  for (const [name, given] of entriesOf(document.repositories)) {
    if (!isObject(given)) return fail(`repository ${quote(name)} is no object`);
    const repository = notes.of(name);
    for (const [reference, descriptor] of entriesOf(given.manifests))
      repository.manifests.set(reference, parseDescriptor(descriptor, `${path}: ${name}:${reference}`));
    for (const [digest, size] of entriesOf(given.blobs)) {
      if (!isDigest(digest) || !Number.isSafeInteger(size)) return fail(`blob ${quote(digest)} of ${name}`);
      repository.blobs.set(digest, size as number);
    }
    if (given.tags !== undefined && !isStringList(given.tags)) return fail(`tags of ${name} are no list`);
    repository.tags = given.tags;
    for (const [digest, list] of entriesOf(given.referrers)) {
      if (!isDigest(digest) || !Array.isArray(list)) return fail(`referrers ${quote(digest)} of ${name}`);
      const entries = list.map((entry, at) => parseDescriptor(entry, `${path}: referrers[${at}]`));
      repository.referrers.set(digest, entries);
    }
  }
  return notes;
}

const entriesOf = (value: unknown): [string, unknown][] => (isObject(value) ? Object.entries(value) : []);
