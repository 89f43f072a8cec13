import { open } from 'node:fs/promises';
import { basename } from 'node:path';
import { Digester, hexOf, isOciError, type CallOptions } from '../../../oci/index.js';
import { corrupt } from '../../corrupt.js';
import { readSlice } from '../../layout/files.js';
import type { Bytes, DamagedPart } from '../bytes.js';
import type { PartFile } from './find.js';
import { PART_HEADER_SIZE, parsePartHeader, partName, setOf, type PartHeader } from './header.js';

/** A part that is there. */
interface Part extends PartHeader {
  readonly file: string;
}

/** An archive in parts, as if it were one file. */
export class PartsBytes implements Bytes {
  readonly size: number;
  readonly #parts: readonly Part[];

  private constructor(parts: readonly Part[]) {
    this.#parts = parts;
    this.size = parts[0]?.total ?? 0;
  }

  /**
   * Puts parts together by what their headers say, whatever they are called.
   * @throws OciError `CONTENT_INVALID` when one is missing, damaged or of another archive: the message names it;
   * `UNSUPPORTED` for parts of a newer version
   */
  static join(base: string, files: readonly PartFile[]): PartsBytes {
    const problems: string[] = [];
    const parts = files.flatMap(({ file, first, size }): Part[] => {
      try {
        const header = parsePartHeader(first, file);
        if (size !== header.size + PART_HEADER_SIZE)
          problems.push(
            `part ${file} is damaged: it has ${size} bytes, expected ${header.size + PART_HEADER_SIZE}`,
          );
        return [{ ...header, file }];
      } catch (error) {
        if (!isOciError(error, 'CONTENT_INVALID')) throw error;
        problems.push(error.message);
        return [];
      }
    });
    const own = commonest(parts);
    for (const { file, set } of parts)
      if (set !== own?.set) problems.push(`part ${file} is of another archive than the others`);
    const ofOne = parts.filter(({ set }) => set === own?.set).toSorted((a, b) => a.part - b.part);
    for (const [at, { file, part }] of ofOne.entries()) {
      const before = ofOne[at - 1];
      if (before?.part === part) problems.push(`part ${file} is the same as ${before.file}`);
    }
    const there = new Set(ofOne.map(({ part }) => part));
    const damaged = new Set(
      files.map(({ file }) => file).filter((file) => !parts.some((p) => p.file === file)),
    );
    for (let part = 1; part <= (own?.of ?? 0); part++) {
      const name = partName(base, part);
      if (!there.has(part) && !damaged.has(name))
        problems.push(`part ${part} of ${own?.of} is missing: ${name} is not there`);
    }
    if (problems.length === 0 && !fit(ofOne)) problems.push('what its parts say of each other does not fit');
    if (problems.length > 0) throw corrupt(`${base} cannot be put together: ${problems.join('; ')}`);
    return new PartsBytes(ofOne);
  }

  async *read(start: number, length: number, options?: CallOptions): AsyncGenerator<Uint8Array> {
    const end = Math.min(start + length, this.size);
    for (const part of this.#parts) {
      const from = Math.max(start, part.start);
      const to = Math.min(end, part.start + part.size);
      if (from >= to) continue;
      // Opened when its turn comes: there may be more parts than files that may be open.
      const file = await open(part.file, 'r');
      try {
        yield* readSlice(file, PART_HEADER_SIZE + from - part.start, to - from, options);
      } finally {
        await file.close();
      }
    }
  }

  /** Parts whose payload is not what their header says. */
  async *damaged(options?: CallOptions): AsyncGenerator<DamagedPart> {
    for (const { file, start, size, sha256, part, of } of this.#parts) {
      const digester = new Digester();
      for await (const bytes of this.read(start, size, options)) digester.update(bytes);
      if (hexOf(digester.digest()) === sha256) continue;
      const reason = `part ${part} of ${of} is damaged: ${file} is not what was written; copy it anew`;
      yield { entry: basename(file), reason };
    }
  }

  async close(): Promise<void> {
    // Nothing stays open.
  }
}

/** A part of the archive that most of the parts are of. */
function commonest(parts: readonly Part[]): Part | undefined {
  const count = (set: string): number => parts.filter((part) => part.set === set).length;
  const counts = new Map([...new Set(parts.map(({ set }) => set))].map((set) => [set, count(set)]));
  return parts.toSorted((a, b) => (counts.get(b.set) ?? 0) - (counts.get(a.set) ?? 0))[0];
}

/** Whether the parts, all there and in their order, are the ones that the set was made of. */
function fit(parts: readonly Part[]): boolean {
  let at = 0;
  for (const { start, size, of, total } of parts) {
    if (start !== at || of !== parts.length || total !== parts[0]?.total) return false;
    at += size;
  }
  return parts.length > 0 && at === parts[0]?.total && setOf(parts) === parts[0].set;
}
