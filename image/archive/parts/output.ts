import { open, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { Digester, OciError, hexOf } from '../../../oci/index.js';
import { freshName, ifThere, syncFolder, withRoom, writeAll } from '../../layout/files.js';
import type { Output } from '../output.js';
import {
  PART_HEADER_SIZE,
  PART_LIMIT,
  encodePartHeader,
  isPartHeader,
  partName,
  setOf,
  type PartHeader,
} from './header.js';
import { partFiles } from './find.js';

/** An archive that is written in parts: `PATH.001`, `PATH.002` and so on. */
export interface SplitTarget {
  /** The name without a number, under which the whole is opened again. */
  readonly path: string;
  /** The most bytes of one part. */
  readonly split: number;
}

/** A smaller part is more header than payload. */
const LEAST = 1024;

/** A part that is written, under a name of its own yet. */
interface Written {
  readonly temporary: string;
  readonly start: number;
  readonly size: number;
  readonly sha256: string;
}

/** A part that is being written. */
interface OpenPart {
  readonly file: FileHandle;
  readonly temporary: string;
  readonly digester: Digester;
}

/**
 * Writes parts beside their names. At the end, when all is known, each gets its header and its name; parts that an
 * earlier archive of the name has beyond them go.
 */
export class PartsOutput implements Output {
  readonly name: string;
  readonly #path: string;
  readonly #room: number;
  readonly #written: Written[] = [];
  #open: OpenPart | undefined;
  /** Bytes of the parts that are written. */
  #size = 0;
  /** The piece that is on its way while the next one is made. */
  #behind: Promise<void> = Promise.resolve();

  private constructor({ path, split }: SplitTarget) {
    this.name = path;
    this.#path = path;
    this.#room = split - PART_HEADER_SIZE;
  }

  /** Throws OciError `INVALID_OPTION` for parts that are too small, and where a file has the name of the whole. */
  static async open(target: SplitTarget): Promise<PartsOutput> {
    const { path, split } = target;
    if (!Number.isSafeInteger(split) || split < LEAST)
      throw new OciError('INVALID_OPTION', `parts of ${split} bytes are too small: ${LEAST} at least`);
    if ((await ifThere(stat(path))) !== undefined)
      throw new OciError(
        'INVALID_OPTION',
        `${path} is there, and would be taken for the whole of ${partName(path, 1)} and the other parts: remove it, or choose another name`,
      );
    return new PartsOutput(target);
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let rest = bytes; rest.length > 0;) {
      // oxlint-disable-next-line no-await-in-loop -- one part after another
      const { file, digester } = await this.#part();
      const piece = rest.subarray(0, this.#room - digester.size);
      const position = PART_HEADER_SIZE + digester.size;
      digester.update(piece);
      // oxlint-disable-next-line no-await-in-loop
      await this.#behind;
      this.#behind = writeAll(file, piece, position);
      this.#behind.catch(() => undefined);
      rest = rest.subarray(piece.length);
    }
  }

  async finish(): Promise<void> {
    await this.#end();
    const headers = this.#headers();
    for (const [at, { temporary }] of this.#written.entries()) {
      const header = headers[at];
      // oxlint-disable-next-line no-await-in-loop
      if (header !== undefined) await writeHeader(temporary, header);
    }
    const names = headers.map(({ part }) => partName(this.#path, part));
    for (const [at, { temporary }] of this.#written.entries()) {
      // oxlint-disable-next-line no-await-in-loop -- in their order
      await rename(temporary, names[at] ?? temporary);
    }
    await removeOthers(this.#path, new Set(names));
    await syncFolder(dirname(this.#path));
  }

  async abandon(): Promise<void> {
    await this.#behind.catch(() => undefined);
    await this.#open?.file.close();
    const names = this.#written.map(({ temporary }) => temporary);
    if (this.#open !== undefined) names.push(this.#open.temporary);
    await Promise.all(names.map((name) => rm(name, { force: true })));
  }

  /** The part that has room. */
  async #part(): Promise<OpenPart> {
    if (this.#open !== undefined && this.#open.digester.size === this.#room) await this.#end();
    if (this.#open === undefined) {
      if (this.#written.length === PART_LIMIT)
        throw new OciError(
          'INVALID_OPTION',
          `${this.name} would have more than ${PART_LIMIT} parts: make them larger`,
        );
      const temporary = freshName(dirname(this.#path), `.${basename(this.#path).slice(0, 100)}.`);
      this.#open = {
        file: await withRoom(open(temporary, 'wx', 0o644)),
        temporary,
        digester: new Digester(),
      };
    }
    return this.#open;
  }

  async #end(): Promise<void> {
    await this.#behind;
    if (this.#open === undefined) return;
    const { file, temporary, digester } = this.#open;
    await file.close();
    const { size } = digester;
    this.#written.push({ temporary, start: this.#size, size, sha256: hexOf(digester.digest()) });
    this.#size += size;
    this.#open = undefined;
  }

  #headers(): PartHeader[] {
    const common = { set: setOf(this.#written), of: this.#written.length, total: this.#size };
    return this.#written.map(({ start, size, sha256 }, at) => ({
      ...common,
      part: at + 1,
      start,
      size,
      sha256,
    }));
  }
}

async function writeHeader(path: string, header: PartHeader): Promise<void> {
  const file = await open(path, 'r+');
  try {
    await writeAll(file, encodePartHeader(header), 0);
    await withRoom(file.sync());
  } finally {
    await file.close();
  }
}

/** Takes away parts of an earlier archive, which would be taken for parts of this one; other files stay. */
async function removeOthers(path: string, names: ReadonlySet<string>): Promise<void> {
  for (const { file, first } of await partFiles(path)) {
    // oxlint-disable-next-line no-await-in-loop
    if (!names.has(file) && isPartHeader(first)) await rm(file, { force: true });
  }
}
