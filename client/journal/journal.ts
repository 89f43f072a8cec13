import { mkdir, open, readFile, readdir, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import {
  digestOf,
  hexOf,
  isObject,
  isOciError,
  parseJson,
  type CallOptions,
  type Digest,
} from '../../oci/index.js';
import { isOlder } from '../../image/layout/files.js';
import { clearDeadLocks, withLock } from '../../image/layout/lock.js';

/** Which upload is meant. */
export interface UploadKey {
  /** `host[:port]` as references spell it. */
  readonly registry: string;
  readonly repository: string;
  readonly digest: Digest;
}

/** What is remembered of one upload, for as long as somebody works on it. */
export interface UploadPage {
  /** Where an earlier try stands at the registry. */
  readonly location?: string;
  /** True while there is something that a later try can go on with. */
  readonly kept: boolean;
  /** Remembers where the upload stands from now on. */
  keep(location: string): Promise<void>;
  forget(): Promise<void>;
}

/** Remembers uploads, so that another process can go on with what this one does not end. */
export interface Journal {
  /**
   * Works on an upload. Nobody else gets to see its page meanwhile; whoever comes second works without one.
   * @throws what the work throws; that nothing can be remembered is no failure
   */
  during<T>(key: UploadKey, work: (page: UploadPage) => Promise<T>, options?: CallOptions): Promise<T>;
}

/** Where the journal is kept, and by which clock. */
export interface JournalOptions {
  /** Default `journalFolder()`. */
  readonly folder?: string;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
  /** Told when nothing can be remembered, and why. */
  readonly onNotice?: (notice: string) => void;
}

/** What stands in the file of an upload. */
interface Entry extends UploadKey {
  readonly location: string;
  /** Milliseconds since the epoch. */
  readonly time: number;
}

/** Registries forget uploads sooner: after an hour, a day, at most a week. */
const LIFETIME = 7 * 24 * 60 * 60 * 1000;
const ENDING = '.json';
/** Of what whoever is killed while he writes leaves behind. */
const HALF_WRITTEN = '.new';
/** Nobody writes one entry for so long, in milliseconds. */
const OLD = 60 * 60 * 1000;
/** How long somebody else's work on an upload is waited for: just enough to see that he is gone, in milliseconds. */
const PATIENCE = 100;

/** The folder of the journal: `ocilot` in `$XDG_STATE_HOME`, by default in `~/.local/state`. */
export function journalFolder(
  environment: Readonly<Record<string, string | undefined>> = process.env,
  home: string = homedir(),
): string {
  return join(environment.XDG_STATE_HOME || join(home, '.local', 'state'), 'ocilot');
}

/** A page that nothing is written on. */
export const NO_PAGE: UploadPage = {
  kept: false,
  keep: () => Promise.resolve(),
  forget: () => Promise.resolve(),
};

/**
 * A journal in a folder: one file for each upload under way, readable by this user only, with no credentials in it.
 * Pages of more than seven days are thrown away.
 */
export function openJournal(options: JournalOptions = {}): Journal {
  return new FolderJournal(options);
}

class FolderJournal implements Journal {
  readonly #folder: string;
  readonly #locks: string;
  readonly #now: () => number;
  readonly #onNotice: (notice: string) => void;
  #swept: Promise<void> | undefined;
  #told = false;

  constructor({ folder = journalFolder(), now = Date.now, onNotice }: JournalOptions) {
    this.#folder = join(folder, 'uploads');
    this.#locks = join(folder, 'locks');
    this.#now = now;
    this.#onNotice = onNotice ?? (() => undefined);
  }

  async during<T>(
    key: UploadKey,
    work: (page: UploadPage) => Promise<T>,
    options: CallOptions = {},
  ): Promise<T> {
    const name = hexOf(digestOf(JSON.stringify([key.registry, key.repository, key.digest])));
    let began = false;
    const onPage = async (): Promise<T> => {
      const path = join(this.#folder, `${name}${ENDING}`);
      await rm(path + HALF_WRITTEN, { force: true });
      const page = await this.#page(path, key);
      began = true;
      return await work(page);
    };
    try {
      await mkdir(this.#folder, { recursive: true, mode: 0o700 });
      await (this.#swept ??= this.#sweep());
      return await withLock(join(this.#locks, name), onPage, { ...options, patience: PATIENCE });
    } catch (error) {
      options.signal?.throwIfAborted();
      if (began) throw error;
      if (!isOciError(error, 'STORE_LOCKED')) this.#tell(error);
    }
    return await work(NO_PAGE);
  }

  async #page(path: string, key: UploadKey): Promise<UploadPage> {
    const entry = await this.#read(path);
    const fits =
      entry?.registry === key.registry &&
      entry.repository === key.repository &&
      entry.digest === key.digest &&
      isOwn(entry.location, key.registry);
    let kept = fits;
    let written = fits ? entry.location : undefined;
    return {
      ...(fits ? { location: entry.location } : {}),
      get kept() {
        return kept;
      },
      keep: async (location) => {
        // What another host gave out for this upload is a secret of its own.
        if (!isOwn(location, key.registry)) return;
        // Many registries have one place for the whole upload, and a write that is synced takes as long as a piece.
        if (kept && location === written) return;
        const { registry, repository, digest } = key;
        const fresh: Entry = { registry, repository, digest, location, time: this.#now() };
        await replace(path, JSON.stringify(fresh)).then(
          () => {
            kept = true;
            written = location;
          },
          (error: unknown) => this.#tell(error),
        );
      },
      forget: async () => {
        kept = false;
        await rm(path, { force: true }).catch((error: unknown) => this.#tell(error));
      },
    };
  }

  /** An entry that is of use still. */
  async #read(path: string): Promise<Entry | undefined> {
    const bytes = await readFile(path).catch(() => undefined);
    if (bytes === undefined) return undefined;
    const entry = parseEntry(bytes);
    return entry !== undefined && entry.time > this.#now() - LIFETIME ? entry : undefined;
  }

  async #sweep(): Promise<void> {
    await clearDeadLocks(this.#locks);
    const names = await readdir(this.#folder);
    for (const name of names) {
      const path = join(this.#folder, name);
      const useless = name.endsWith(ENDING)
        ? (await this.#read(path)) === undefined
        : name.endsWith(HALF_WRITTEN) && (await isOlder(path, OLD));
      if (useless) await rm(path, { force: true });
    }
  }

  /** Once: what fails for one upload fails for the others too. */
  #tell(error: unknown): void {
    if (this.#told) return;
    this.#told = true;
    const why = error instanceof Error ? error.message : String(error);
    this.#onNotice(`uploads cannot be remembered in ${this.#folder}: ${why}`);
  }
}

/** True for a URL of the registry itself without anybody's password in it. */
function isOwn(location: string, registry: string): boolean {
  if (!URL.canParse(location)) return false;
  const url = new URL(location);
  const home = new URL(`${url.protocol}//${registry}`);
  return url.host === home.host && url.username === '' && url.password === '';
}

function parseEntry(bytes: Uint8Array): Entry | undefined {
  let value: unknown;
  try {
    value = parseJson(bytes, 'journal');
  } catch {
    return undefined;
  }
  if (!isObject(value)) return undefined;
  const { registry, repository, digest, location, time } = value;
  const texts = [registry, repository, digest, location].every((field) => typeof field === 'string');
  return texts && typeof time === 'number' ? (value as unknown as Entry) : undefined;
}

/** Written beside and put in place whole. Nobody else writes it meanwhile. */
async function replace(path: string, text: string): Promise<void> {
  const temporary = path + HALF_WRITTEN;
  try {
    const file = await open(temporary, 'w', 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
