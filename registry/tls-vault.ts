import { randomBytes } from 'node:crypto';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { OciError } from '../oci/index.js';

/** Where an authority keeps its few texts. */
export interface Vault {
  read(name: string): Promise<string | undefined>;
  /** Replaces a text in one step. What is secret can be read by its owner only. */
  write(name: string, text: string, kind: 'secret' | 'public'): Promise<void>;
  /** Where a text lies, for people to find it. */
  path(name: string): string | undefined;
}

/** A vault that goes with the process. */
export function memoryVault(): Vault {
  const texts = new Map<string, string>();
  return {
    read: (name) => Promise.resolve(texts.get(name)),
    write: (name, text) => {
      texts.set(name, text);
      return Promise.resolve();
    },
    path: () => undefined,
  };
}

/**
 * A vault in a folder, which is made when it is first written to.
 * Its functions throw OciError `INVALID_OPTION` when the folder cannot be used.
 */
export function folderVault(folder: string): Vault {
  const failed = (cause: unknown): OciError =>
    new OciError('INVALID_OPTION', `TLS folder ${folder} cannot be used: ${(cause as Error).message}`, {
      cause,
    });
  return {
    path: (name) => join(folder, name),
    async read(name) {
      try {
        return await readFile(join(folder, name), 'utf8');
      } catch (cause) {
        if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
        throw failed(cause);
      }
    },
    async write(name, text, kind) {
      const temporary = join(folder, `${name}.${randomBytes(6).toString('hex')}.tmp`);
      try {
        await mkdir(folder, { recursive: true, mode: 0o750 });
        const file = await open(temporary, 'wx', kind === 'secret' ? 0o600 : 0o644);
        try {
          await file.writeFile(text);
          await file.sync();
        } finally {
          await file.close();
        }
        await rename(temporary, join(folder, name));
      } catch (cause) {
        await rm(temporary, { force: true }).catch(() => undefined);
        throw failed(cause);
      }
    },
  };
}
