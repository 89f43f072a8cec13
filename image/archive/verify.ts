import {
  Digester,
  algorithmOf,
  collect,
  isDigest,
  isManifestType,
  isNonDistributable,
  isOciError,
  childrenOf,
  parseManifest,
  quote,
  type CallOptions,
  type Descriptor,
  type Digest,
} from '../../oci/index.js';
import { LayoutSource } from '../layout/source.js';
import type { Source } from '../media.js';
import { openBlob, readManifest } from '../read.js';
import { readBase, type ArchiveBase } from './base.js';
import { nameOfInput, openBytes, type ArchiveInput, type Bytes } from './bytes.js';
import { DockerSource } from './docker-source.js';
import { LayoutTar } from './layout-archive.js';
import { openTarSource } from './open.js';
import { paddingOf } from '../tar/index.js';
import { SEAL_NAME, sealedEnd } from './seal.js';
import { TarFile, type ArchivedFile } from './tar-file.js';

/** Something in an archive that is not as it must be. */
export interface ArchiveProblem {
  /** What lies damaged, or is not there; without it the archive as a whole. */
  readonly entry?: string;
  readonly digest?: Digest;
  readonly reason: string;
}

/** What `verifyArchive` found. An archive without problems is whole as far as its format can tell. */
export interface ArchiveReport {
  /** Whether it ends in a seal, which holds for every byte; without one only content is checked. */
  readonly sealed: boolean;
  /** Manifests and blobs that are right, and their bytes. */
  readonly blobs: number;
  readonly bytes: number;
  /** What it relies on, when it is a differential one: that must be where it is loaded. */
  readonly base?: ArchiveBase;
  readonly problems: readonly ArchiveProblem[];
}

/** Codes of errors that speak of the archive, not of this machine. */
const OF_THE_ARCHIVE = new Set([
  'BLOB_UNKNOWN',
  'CONTENT_INVALID',
  'DIGEST_INVALID',
  'DIGEST_MISMATCH',
  'MANIFEST_INVALID',
  'MANIFEST_UNKNOWN',
  'SIZE_LIMIT',
  'UNSUPPORTED',
]);

/**
 * Checks an archive whole: that it ends where it must, the seal if it has one, the digest of every blob in it, and that
 * everything is there that its roots lead to, but for what a differential archive relies on. A docker archive has no
 * digests of packed layers: they are unpacked, and compared with what their config says. Of an archive in parts, damaged
 * and missing parts are named.
 * @throws OciError `INVALID_OPTION` for what is no archive of images, `STORE_FULL`; what is wrong with an archive stands in
 * the report
 */
export async function verifyArchive(input: ArchiveInput, options: CallOptions = {}): Promise<ArchiveReport> {
  let bytes: Bytes;
  try {
    bytes = await openBytes(input, options);
  } catch (error) {
    return unreadable([problemOf(error)]);
  }
  try {
    return (await verifyBytes(bytes, nameOfInput(input), options)).report;
  } finally {
    await bytes.close();
  }
}

/**
 * What `verifyArchive` does with bytes that are open already.
 * @returns the tar as well, if it can be read as one
 */
export async function verifyBytes(
  bytes: Bytes,
  name: string,
  options: CallOptions = {},
): Promise<{ readonly report: ArchiveReport; readonly tar?: TarFile }> {
  let tar: TarFile;
  try {
    tar = await TarFile.over(bytes, name, options);
  } catch (error) {
    return { report: unreadable([problemOf(error), ...(await damagedParts(bytes, options))]) };
  }
  const report = await new Check(tar, options).run();
  // Where a seal holds for every byte, and all is well, parts need not be read again.
  if (report.sealed && report.problems.length === 0) return { report, tar };
  const problems = [...report.problems, ...(await damagedParts(bytes, options))];
  return { report: { ...report, problems }, tar };
}

const unreadable = (problems: readonly ArchiveProblem[]): ArchiveReport => ({
  sealed: false,
  blobs: 0,
  bytes: 0,
  problems,
});

async function damagedParts(bytes: Bytes, options: CallOptions): Promise<readonly ArchiveProblem[]> {
  return bytes.damaged === undefined ? [] : await listOf(bytes.damaged(options));
}

/** Throws what does not speak of the archive. */
function problemOf(error: unknown, facts: Partial<ArchiveProblem> = {}): ArchiveProblem {
  if (!isOciError(error) || !OF_THE_ARCHIVE.has(error.code)) throw error;
  return { ...facts, reason: error.message };
}

/** Hears of bytes as they are read. */
interface Hearer {
  update(bytes: Uint8Array): unknown;
}

class Check {
  readonly #tar: TarFile;
  readonly #options: CallOptions;
  readonly #problems: ArchiveProblem[] = [];
  /** Blobs of a layout, and whether they are right. */
  readonly #checked = new Map<Digest, boolean>();
  /** What need not be there. */
  readonly #elsewhere = new Set<Digest>();
  #blobs = 0;
  #bytes = 0;

  constructor(tar: TarFile, options: CallOptions) {
    this.#tar = tar;
    this.#options = options;
  }

  async run(): Promise<ArchiveReport> {
    const seal = this.#tar.files.find(({ name }) => name === SEAL_NAME);
    const digester = await this.#readAll(seal?.begins ?? this.#tar.size);
    if (seal !== undefined) await this.#checkEnd(seal, digester);
    else if (!this.#tar.ended)
      this.#problems.push({
        reason: `${this.#tar.name} does not end as a tar does: it was cut behind ${quote(this.#tar.files.at(-1)?.name ?? '')}`,
      });
    let base: ArchiveBase | undefined;
    try {
      base = await readBase(this.#tar, this.#options);
      for (const { digest } of [...(base?.manifests ?? []), ...(base?.blobs ?? [])])
        this.#elsewhere.add(digest);
      // A layout is checked as one, though Docker could read a part of it.
      const isLayout = this.#tar.file('index.json') !== undefined;
      const layout = new LayoutTar(this.#tar);
      if (isLayout) await layout.check(this.#options);
      const source = isLayout ? new LayoutSource(layout) : await openTarSource(this.#tar, this.#options);
      if (source instanceof DockerSource)
        this.#problems.push(...(await listOf(source.damagedLayers(this.#options))));
      await this.#walk(source);
    } catch (error) {
      // What is cut may have lost what an archive of images is known by.
      const isCut = isOciError(error, 'INVALID_OPTION') && this.#problems.length > 0;
      if (!isCut) this.#problems.push(problemOf(error));
    }
    return {
      sealed: seal !== undefined,
      blobs: this.#blobs,
      bytes: this.#bytes,
      ...(base && { base }),
      problems: this.#problems,
    };
  }

  /** Reads the archive once: the blobs of a layout for their digests, and all of it for the seal. */
  async #readAll(end: number): Promise<Digester> {
    const whole = new Digester();
    let at = 0;
    const pass = async (to: number, other?: Hearer): Promise<void> => {
      for await (const bytes of this.#tar.read(at, to - at, this.#options)) {
        whole.update(bytes);
        other?.update(bytes);
      }
      at = to;
    };
    const sealed = end < this.#tar.size;
    for (const file of this.#tar.files) {
      const digest = digestOfPath(file.name);
      if (file.begins >= end || (digest === undefined && !sealed)) continue;
      // oxlint-disable-next-line no-await-in-loop -- one pass
      if (sealed) await pass(file.start);
      else at = file.start;
      const own = digest && new Digester(algorithmOf(digest));
      const behind = file.start + file.size;
      // oxlint-disable-next-line no-await-in-loop
      await pass(behind, own);
      if (digest !== undefined && own !== undefined) this.#judge(file, digest, own.digest());
      // oxlint-disable-next-line no-await-in-loop
      if (sealed) await pass(behind + paddingOf(file.size), this.#zeros(file));
    }
    if (sealed) await pass(end);
    return whole;
  }

  #judge(file: ArchivedFile, digest: Digest, got: Digest): void {
    this.#checked.set(digest, got === digest);
    if (got === digest) this.#count(file.size);
    else
      this.#problems.push({
        entry: file.name,
        digest,
        reason: `${file.name} is damaged: its digest is ${got}`,
      });
  }

  /** What stands behind an entry up to the next header: other bytes than zero are nobody's. */
  #zeros({ name }: ArchivedFile): Hearer {
    return {
      update: (bytes) => {
        if (bytes.some((byte) => byte !== 0))
          this.#problems.push({ entry: name, reason: `the padding behind ${name} is damaged` });
      },
    };
  }

  #count(size: number): void {
    this.#blobs++;
    this.#bytes += size;
  }

  /** What stands from the seal on can be one sequence of bytes only. */
  async #checkEnd(seal: ArchivedFile, digester: Digester): Promise<void> {
    const expected = sealedEnd(digester, this.#tar.files[0]?.mtime ?? 0);
    const length = this.#tar.size - seal.begins;
    const matches =
      length === expected.length &&
      Buffer.compare(
        await collect(this.#tar.read(seal.begins, length, this.#options), length, SEAL_NAME),
        expected,
      ) === 0;
    if (!matches) {
      const found = this.#problems.length > 0 ? '' : `; all blobs are right, so look at ${this.#others()}`;
      const reason = `the seal ${SEAL_NAME} of ${this.#tar.name} does not match: the archive was changed or cut after it was written${found}`;
      this.#problems.push({ entry: SEAL_NAME, reason });
    }
  }

  /** The entries that are no blobs: what is in them only the seal knows. */
  #others(): string {
    const names = this.#tar.files.map(({ name }) => name);
    return names.filter((name) => digestOfPath(name) === undefined).join(', ');
  }

  /** Looks at everything that the roots lead to, each once. */
  async #walk(source: Source): Promise<void> {
    const waiting: Descriptor[] = [];
    for await (const { descriptor } of source.roots?.(this.#options) ?? []) waiting.push(descriptor);
    const seen = new Set<Digest>();
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      if (seen.has(next.digest) || this.#elsewhere.has(next.digest)) continue;
      seen.add(next.digest);
      try {
        // oxlint-disable-next-line no-await-in-loop -- what comes next stands in it
        waiting.push(...(await this.#look(source, next)));
      } catch (error) {
        // One problem for a damaged blob is enough.
        if (this.#checked.get(next.digest) === false && isOciError(error, 'DIGEST_MISMATCH')) continue;
        this.#problems.push(problemOf(error, { digest: next.digest }));
      }
    }
  }

  /** Checks content, unless that was done, and returns what it lists. */
  async #look(source: Source, descriptor: Descriptor): Promise<readonly Descriptor[]> {
    const { digest, size, mediaType } = descriptor;
    if (isManifestType(mediaType)) {
      const bytes = await readManifest(source, descriptor, this.#options);
      if (!this.#checked.has(digest)) this.#count(size);
      return childrenOf(parseManifest(bytes, mediaType));
    }
    try {
      if (this.#checked.get(digest) === true) {
        // Its bytes are right; its size may be another than the manifest says.
        await source.blob(descriptor, { ...this.#options, range: { start: 0, end: 0 } });
      } else {
        for await (const _ of await openBlob(source, descriptor, this.#options));
        this.#count(size);
      }
    } catch (error) {
      if (!isOciError(error, 'BLOB_UNKNOWN') || !isNonDistributable(mediaType)) throw error;
    }
    return [];
  }
}

async function listOf<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

/** The digest in the name of a layout's blob. */
function digestOfPath(name: string): Digest | undefined {
  const [, algorithm, hex] = /^blobs\/([^/]+)\/([^/]+)$/.exec(name) ?? [];
  const digest = `${algorithm}:${hex}`;
  return isDigest(digest) ? digest : undefined;
}
