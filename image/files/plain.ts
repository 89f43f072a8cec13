import type { TarHeader } from '../tar/index.js';
import { WHITEOUT, partsOf } from './paths.js';

/**
 * Tells, while a layer is read, whether it can be written as it comes: files and folders only, each once, nothing that
 * changes what came before. Bundles are packed so.
 */
export class PlainPaths {
  /** False for a folder that no entry spoke of: it is there because something lies in it. */
  readonly #named = new Map<string, 'directory' | 'file' | false>();
  /** The folder that was looked at last. */
  #folder = '';

  /**
   * @returns the path, in the form that `Tree` gives it; undefined for an entry that is not plain
   * @throws OciError `CONTENT_INVALID` for a path that leads outside
   */
  add({ name, type }: TarHeader, what: string): string | undefined {
    const parts = partsOf(name, what);
    const last = parts.at(-1);
    if (type !== 'file' && type !== 'directory') return undefined;
    if (last === undefined) return type === 'directory' ? this.#name('.', type) : undefined;
    if (last.startsWith(WHITEOUT)) return undefined;
    const folder = parts.slice(0, -1).join('/');
    if (folder !== this.#folder && !this.#enter(parts)) return undefined;
    this.#folder = folder;
    return this.#name(parts.join('/'), type);
  }

  #name(path: string, type: 'directory' | 'file'): string | undefined {
    const known = this.#named.get(path);
    if (known !== undefined && (known !== false || type === 'file')) return undefined;
    this.#named.set(path, type);
    return path;
  }

  /** False when a file stands in the way. */
  #enter(parts: readonly string[]): boolean {
    let path = '';
    for (const part of parts.slice(0, -1)) {
      path = path === '' ? part : `${path}/${part}`;
      const known = this.#named.get(path);
      if (known === 'file') return false;
      if (known === undefined) this.#named.set(path, false);
    }
    return true;
  }
}
