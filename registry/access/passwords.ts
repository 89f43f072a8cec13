import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { Gate } from './gate.js';
import { isBcrypt } from './htpasswd.js';
import type { Users } from './users.js';

/** How long a verified password is not checked again, in milliseconds, and how many are remembered. */
const REMEMBER = 5 * 60 * 1000;
const REMEMBER_LIMIT = 1000;

/** bcrypt runs on the threads that files are read and written with: some are left to them. */
const AT_ONCE = 2;

interface Remembered {
  readonly expires: number;
  readonly good: Promise<boolean>;
}

/**
 * Checks passwords. A good one is remembered for a while, under a keyed hash of name, password and stored secret, so that
 * a push of many requests pays for bcrypt once, and a changed password counts at once.
 */
export class Passwords {
  readonly #users: Users;
  readonly #now: () => number;
  readonly #key = randomBytes(32);
  readonly #known = new Map<string, Remembered>();
  readonly #gate = new Gate(AT_ONCE);

  constructor(users: Users, now: () => number) {
    this.#users = users;
    this.#now = now;
  }

  /** True when there is such a user with this password. An unknown user takes as long as a wrong password. */
  async verify(name: string, password: string): Promise<boolean> {
    const secrets = await this.#users.current();
    const secret = secrets.get(name);
    if (secret !== undefined) return await this.#remembered(name, password, secret);
    const decoys = [...secrets.values()];
    // Which user's secret stands in depends on the name, so that costs that differ between users tell nothing either.
    const decoy = decoys[this.#hash(name).readUInt32BE() % decoys.length];
    if (decoy !== undefined) await this.#gate.run(() => matches(password, decoy));
    return false;
  }

  /** What a user's password is checked against; undefined when there is no such user. */
  async secretOf(name: string): Promise<string | undefined> {
    return (await this.#users.current()).get(name);
  }

  async #remembered(name: string, password: string, secret: string): Promise<boolean> {
    const key = this.#hash(name, password, secret).toString('base64');
    const now = this.#now();
    const known = this.#known.get(key);
    if (known !== undefined && now < known.expires) return await known.good;
    const good = this.#gate.run(() => matches(password, secret));
    // The same question, asked again before the answer is there, waits for it.
    this.#remember(key, { expires: now + REMEMBER, good });
    let verified = false;
    try {
      verified = await good;
    } finally {
      if (!verified) this.#known.delete(key);
    }
    return verified;
  }

  #remember(key: string, entry: Remembered): void {
    this.#known.delete(key);
    this.#known.set(key, entry);
    const [oldest] = this.#known.keys();
    if (this.#known.size > REMEMBER_LIMIT && oldest !== undefined) this.#known.delete(oldest);
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
