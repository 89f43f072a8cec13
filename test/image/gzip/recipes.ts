import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** A step of a recipe: its name, then numbers and texts (see test/fixtures/go-gzip/README.md). */
type Step = readonly [string, ...(string | number)[]];

/** What Go wrote for one input. */
export interface Vector {
  readonly name: string;
  readonly input?: string;
  readonly recipe?: readonly Step[];
  readonly inputLength: number;
  readonly inputSha256: string;
  readonly gzipLength: number;
  readonly gzipSha256: string;
  readonly gzip?: string;
  readonly flushAt?: readonly number[];
}

const FILE = new URL('../../fixtures/go-gzip/vectors.json', import.meta.url);
const WORDS =
  `the of and to in is for layer image blob digest manifest config index tag push pull copy mount bundle lock file
tree node path size time user group root bin lib etc usr var opt`.split(/\s/);

/** The vectors that Go wrote. */
export function readVectors(): readonly Vector[] {
  return JSON.parse(readFileSync(fileURLToPath(FILE), 'utf8')) as Vector[];
}

/** The input of a vector. */
export function inputOf({ input, recipe, inputLength }: Vector): Buffer {
  return input === undefined ? cook(recipe ?? [], inputLength) : Buffer.from(input, 'base64');
}

function xorshift(seed: number): () => number {
  let x = seed >>> 0;
  return () => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return (x >>>= 0);
  };
}

/** Runs a recipe; the result is `size` bytes. */
export function cook(recipe: readonly Step[], size: number): Buffer {
  const out = Buffer.alloc(size);
  /** Where the next byte goes, and where the step in hand stops. */
  const pen = { at: 0, stop: 0 };
  const add = (byte: number): void => {
    if (pen.at < pen.stop) out[pen.at++] = byte;
  };
  const back = (distance: number, count: number): void => {
    for (let left = count; left > 0; left--) add(out[pen.at - distance] ?? 0);
  };
  for (const [name, ...rest] of recipe) {
    const numbers = rest.map(Number);
    const [first = 0, second = 0, third = 0] = numbers;
    const next = xorshift(first);
    const high = (): number => next() >>> 16;
    const random = (count: number): void => {
      for (let left = count; left > 0; left--) add(next() >>> 24);
    };
    const until = (step: () => void, count = second): void => {
      pen.stop = pen.at + count;
      while (pen.at < pen.stop) step();
    };
    if (name === 'hex') for (const byte of Buffer.from(String(rest[0]), 'hex')) until(() => add(byte), 1);
    else if (name === 'rep') {
      const bytes = Buffer.from(String(rest[0]), 'hex');
      until(() => bytes.forEach(add));
    } else if (name === 'rnd') until(() => random(1));
    else if (name === 'mod') until(() => add(high() % third));
    else if (name === 'set') {
      const set = String(rest[2]);
      until(() => add(set.charCodeAt(high() % set.length)));
    } else if (name === 'geo') until(() => add(third + Math.clz32(next())));
    else if (name === 'words')
      until(() => {
        const x = next();
        for (const byte of Buffer.from(WORDS[(x >>> 16) % 36] + ((x & 15) === 0 ? '\n' : ' '))) add(byte);
      });
    else if (name === 'copy') until(() => back(first, 1));
    else if (name === 'far')
      until(() => {
        const v = next();
        random(third);
        back(1 + (v % Math.min(pen.at, 32768)), 4);
      });
    else if (name === 'mix') until(() => mixPiece(next, pen.at, { add, back, random }));
    else throw new Error(`no such step: ${name}`);
  }
  return out;
}

interface Hands {
  readonly add: (byte: number) => void;
  readonly back: (distance: number, count: number) => void;
  readonly random: (count: number) => void;
}

function mixPiece(next: () => number, length: number, { add, back, random }: Hands): void {
  const kind = next() >>> 29;
  if (kind <= 2 || length === 0) random(1 + ((next() >>> 16) % 40));
  else if (kind === 3) {
    const value = next() >>> 24;
    for (let left = 1 + ((next() >>> 16) % 600); left > 0; left--) add(value);
  } else {
    const distance = 1 + (next() % Math.min(length, kind === 7 ? 40_000 : 2_000));
    back(distance, 3 + ((next() >>> 16) % (kind === 6 ? 400 : 20)));
  }
}
