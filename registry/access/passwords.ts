import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { Gate } from './gate.js';
import { isBcrypt } from './htpasswd.js';
import type { Secrets, Users } from './users.js';

/** How long a verified password is not checked again, in milliseconds, and how many are remembered. */
const REMEMBER = 5 * 60 * 1000;
const REMEMBER_LIMIT = 1000;

/** bcrypt runs on the threads that files are read and written with: some are left to them. */
const AT_ONCE = 2;

/** Checks that wait at most: some seconds of work. */
const WAITING = 64;

/**
 * Checks passwords. A good one is remembered for a while, under a keyed hash of name, password and stored secret, so that
 * a push of many requests pays for bcrypt once, and a changed password counts at once.
 */
export class Passwords {
  readonly #users: Users;
  readonly #now: () => number;
  readonly #key = randomBytes(32);
  /** Passwords that were good, and until when they are taken to be. Nothing else, so that guesses push none out. */
  readonly #good = new Map<string, number>();
  /** Checks under way: the same question, asked again before the answer is there, waits for it. */
  readonly #pending = new Map<string, Promise<boolean>>();
  readonly #gate = new Gate(AT_ONCE, WAITING);

  constructor(users: Users, now: () => number) {
    this.#users = users;
    this.#now = now;
  }

  /**
   * True when there is such a user with this password. An unknown user takes as long as a wrong password.
   * @throws OciError `TOOMANYREQUESTS` when too many checks wait
   */
  async verify(name: string, password: string): Promise<boolean> {
    const secrets = await this.#users.current();
    const secret = secrets.get(name);
    const against = secret ?? this.#decoy(name, secrets);
    if (against === undefined) return false;
    const key = this.#hash(name, password, against).toString('base64');
    if (secret !== undefined && this.#now() < (this.#good.get(key) ?? -Infinity)) return true;
    const matched = await this.#check(key, password, against);
    if (!matched || secret === undefined) return false;
    this.#remember(key);
    return true;
  }

  /** What a user's password is checked against; undefined when there is no such user. */
  async secretOf(name: string): Promise<string | undefined> {
    return (await this.#users.current()).get(name);
  }

  /** Which user's secret stands in depends on the name, so that costs that differ between users tell nothing either. */
  #decoy(name: string, secrets: Secrets): string | undefined {
    const decoys = [...secrets.values()];
    return decoys[this.#hash(name).readUInt32BE() % decoys.length];
  }

  async #check(key: string, password: string, secret: string): Promise<boolean> {
    const pending = this.#pending.get(key);
    if (pending !== undefined) return await pending;
    const check = this.#gate.run(() => matches(password, secret));
    this.#pending.set(key, check);
    try {
      return await check;
    } finally {
      this.#pending.delete(key);
    }
  }

  #remember(key: string): void {
    this.#good.delete(key);
    this.#good.set(key, this.#now() + REMEMBER);
    const [oldest] = this.#good.keys();
    if (this.#good.size > REMEMBER_LIMIT && oldest !== undefined) this.#good.delete(oldest);
  }

  #hash(...parts: readonly string[]): Buffer {
    return createHmac('sha256', this.#key).update(JSON.stringify(parts)).digest();
  }
}

async function matches(password: string, secret: string): Promise<boolean> {
  if (isBcrypt(secret)) {
    const { verify } = await import('@node-rs/bcrypt');
    return await verify(password, secret);
  }
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(password), digest(secret));
}
