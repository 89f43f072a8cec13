import { readFile } from 'node:fs/promises';
import { OciError } from '../../oci/index.js';
import { fileStamp } from './file-stamp.js';
import { checkUserName, parseHtpasswd } from './htpasswd.js';

/** Known users with what their passwords are checked against: a bcrypt hash, or the password itself. */
export type Secrets = ReadonlyMap<string, string>;

/** Where users come from. */
export interface Users {
  /** The users as they are now. */
  current(): Promise<Secrets>;
}

/**
 * Users that never change, for tests and embedding.
 * @throws OciError `INVALID_OPTION`
 */
export function fixedUsers(users: Readonly<Record<string, string>>): Users {
  const secrets = new Map(Object.entries(users));
  for (const [name, secret] of secrets) {
    checkUserName(name);
    if (typeof secret !== 'string' || secret === '')
      throw new OciError('INVALID_OPTION', `access users: the password of ${name} is empty`);
  }
  return { current: () => Promise.resolve(secrets) };
}

/** How often a file is looked at, in milliseconds. */
const CHECK_EVERY = 1000;

/** What a `UserFile` needs beside its path. */
export interface UserFileOptions {
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Told once of each change that cannot be used: the users before it stay. */
  readonly onError: (error: unknown) => void;
}

/** Users of an htpasswd file, which is read again when it has changed. */
export class UserFile implements Users {
  readonly #path: string;
  readonly #options: UserFileOptions;
  #secrets: Secrets = new Map();
  /** Of the file that the users are from. */
  #stamp: string | undefined;
  /** Of the file that could not be used, when that was told. */
  #failed: { readonly stamp: string | undefined } | undefined;
  #checked = 0;
  #checking: Promise<void> | undefined;

  private constructor(path: string, options: UserFileOptions) {
    this.#path = path;
    this.#options = options;
  }

  /** @throws OciError `INVALID_OPTION` when the file cannot be read or is not valid */
  static async open(path: string, options: UserFileOptions): Promise<UserFile> {
    const file = new UserFile(path, options);
    file.#checked = options.now();
    file.#stamp = await fileStamp(path);
    await file.#read();
    return file;
  }

  async current(): Promise<Secrets> {
    const time = this.#options.now();
    if (Math.abs(time - this.#checked) >= CHECK_EVERY) {
      this.#checked = time;
      this.#checking ??= this.#check().finally(() => {
        this.#checking = undefined;
      });
    }
    await this.#checking;
    return this.#secrets;
  }

  async #check(): Promise<void> {
    const stamp = await fileStamp(this.#path);
    if (stamp === this.#stamp) return;
    try {
      await this.#read();
      this.#stamp = stamp;
      this.#failed = undefined;
    } catch (error) {
      // It is read again at the next look: a file that is as it was may be readable then.
      const told = this.#failed !== undefined && this.#failed.stamp === stamp;
      this.#failed = { stamp };
      if (!told) this.#options.onError(error);
    }
  }

  async #read(): Promise<void> {
    let text: string;
    try {
      text = await readFile(this.#path, 'utf8');
    } catch (cause) {
      const absent = (cause as NodeJS.ErrnoException).code === 'ENOENT';
      const why = absent ? 'there is no such file' : (cause as Error).message;
      const hint = absent ? ': make it with "ocilot user add"' : '';
      throw new OciError('INVALID_OPTION', `htpasswd file ${this.#path} cannot be read: ${why}${hint}`, {
        cause,
      });
    }
    this.#secrets = parseHtpasswd(text, this.#path);
  }
}
