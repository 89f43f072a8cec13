import { dirname } from 'node:path';
import type { FileHandle, Files, OpenMode } from '../../../registry/storage/files.js';
import { LossyFile } from './lossy-file.js';
import type { Random } from './random.js';
import type { Steps } from './steps.js';

/** What direct writes are multiples of. */
export const ALIGNMENT = 256;

type Node = LossyFile | 'folder';

/** A change of a folder that is not durable yet. */
interface Pending {
  readonly path: string;
  /** Undefined: the entry goes. */
  readonly node: Node | undefined;
}

/** How much of what was not synced a power loss leaves. */
type Survival = 'nothing' | 'everything' | 'beginning' | 'anything';

function failure(code: string, path: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: ${path}`), { code });
}

/**
 * Files in memory, as a file system keeps them: what was written but not synced, and entries of folders that were not
 * synced, may be gone, torn or out of order after a power loss. A rename is two changes, of two folders.
 */
export class LossyFiles implements Files {
  readonly #steps: Steps;
  readonly #random: Random;
  #entries: Map<string, Node>;
  #durable: Map<string, Node>;
  #pending: Pending[] = [];

  /** @param root a folder that is there */
  constructor(root: string, steps: Steps, random: Random) {
    this.#steps = steps;
    this.#random = random;
    this.#entries = new Map([[root, 'folder']]);
    this.#durable = new Map(this.#entries);
  }

  /** What is there after the power came back. */
  losePower(): void {
    const survival = this.#random.pick<Survival>(['nothing', 'everything', 'beginning', 'anything']);
    let cut = this.#random.below(this.#pending.length + 1);
    const gone = new Set<string>();
    for (const { path, node } of this.#pending) {
      const survives = {
        nothing: () => false,
        everything: () => true,
        beginning: () => cut-- > 0,
        // Changes of one entry keep their order: behind one that is lost, none is there.
        anything: () => !gone.has(path) && this.#random.chance(0.5),
      }[survival]();
      if (survives) set(this.#durable, path, node);
      else gone.add(path);
    }
    this.#pending = [];
    const reachable = [...this.#durable].filter(([path]) => this.#isReachable(path));
    this.#durable = new Map(reachable);
    for (const node of this.#durable.values()) if (node !== 'folder') node.losePower(this.#random);
    this.#entries = new Map(this.#durable);
  }

  async open(path: string, mode: OpenMode): Promise<FileHandle | undefined> {
    if (mode === 'create') {
      await this.#steps.run((effect) => {
        if (effect === 'none') return;
        if (this.#entries.has(path)) throw failure('EEXIST', path);
        this.#change(path, new LossyFile());
      });
    } else await this.#steps.wait();
    const node = this.#entries.get(path);
    if (node === 'folder') throw failure('EISDIR', path);
    if (node === undefined) return undefined;
    return mode === 'direct' ? aligned(this.#handle(node)) : this.#handle(node);
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#steps.run((effect) => {
      const node = this.#entries.get(from);
      if (node === undefined) throw failure('ENOENT', from);
      if (effect === 'none') return;
      this.#change(to, node);
      this.#change(from, undefined);
    });
  }

  async remove(path: string): Promise<void> {
    await this.#steps.run((effect) => {
      if (effect !== 'none' && this.#entries.has(path)) this.#change(path, undefined);
    });
  }

  async makeFolder(path: string): Promise<void> {
    await this.#steps.run((effect) => {
      const missing: string[] = [];
      for (let at = path; !this.#entries.has(at); at = dirname(at)) missing.unshift(at);
      const made = { none: 0, part: this.#random.below(missing.length + 1), all: missing.length }[effect];
      for (const folder of missing.slice(0, made)) this.#change(folder, 'folder');
    });
  }

  async syncFolder(path: string): Promise<void> {
    await this.#steps.run((effect) => {
      if (!this.#entries.has(path)) throw failure('ENOENT', path);
      if (effect !== 'all') return;
      for (const { path: entry, node } of this.#pending)
        if (dirname(entry) === path) set(this.#durable, entry, node);
      this.#pending = this.#pending.filter((change) => dirname(change.path) !== path);
    });
  }

  async list(path: string): Promise<readonly string[]> {
    await this.#steps.wait();
    return [...this.#entries.keys()]
      .filter((entry) => entry !== path && dirname(entry) === path)
      .map((entry) => entry.slice(path.length + 1));
  }

  async size(path: string): Promise<number | undefined> {
    await this.#steps.wait();
    const node = this.#entries.get(path);
    return node === undefined || node === 'folder' ? undefined : node.size;
  }

  async free(): Promise<number> {
    await this.#steps.wait();
    return Number.MAX_SAFE_INTEGER;
  }

  #handle(file: LossyFile): FileHandle {
    return {
      writev: (buffers, position) =>
        this.#steps.run((effect) => file.write(Buffer.concat(buffers), position, effect, this.#random)),
      read: async (buffer, position) => {
        await this.#steps.wait();
        return file.read(buffer, position);
      },
      sync: () =>
        this.#steps.run((effect, fails) => {
          if (effect === 'all') file.sync();
          else if (fails) file.loseWrites();
        }),
      size: async () => {
        await this.#steps.wait();
        return file.size;
      },
      close: () => this.#steps.wait(),
    };
  }

  #change(path: string, node: Node | undefined): void {
    if (node !== undefined && this.#entries.get(dirname(path)) !== 'folder') throw failure('ENOENT', path);
    set(this.#entries, path, node);
    this.#pending.push({ path, node });
  }

  #isReachable(path: string): boolean {
    for (let at = path; dirname(at) !== at; at = dirname(at)) if (!this.#durable.has(at)) return false;
    return true;
  }
}

/** Takes what a file system would take that is written to directly. */
function aligned(file: FileHandle): FileHandle {
  return {
    ...file,
    writev: async (buffers, position) => {
      if ([position, ...buffers.map(({ byteLength }) => byteLength)].some((at) => at % ALIGNMENT !== 0))
        throw failure('EINVAL', 'a direct write');
      // The memory is used again, as soon as it is written.
      await file.writev(
        buffers.map((buffer) => Buffer.from(buffer)),
        position,
      );
    },
  };
}

function set(entries: Map<string, Node>, path: string, node: Node | undefined): void {
  if (node === undefined) entries.delete(path);
  else entries.set(path, node);
}
