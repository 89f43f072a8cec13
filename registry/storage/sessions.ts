import { OciError, type Digest, type DigestAlgorithm } from '../../oci/index.js';
import type { Core } from './core.js';
import { keys } from './keys.js';
import { put, remove, scan, type Operation } from './records.js';
import { decode, encode } from './values.js';

/** An upload as it is kept between requests. */
export interface Session {
  readonly repo: string;
  /** Milliseconds since the epoch. */
  readonly started: number;
  /** When bytes last came. */
  readonly touched: number;
  readonly algorithm: DigestAlgorithm;
  /** What the driver knows its bytes by; while they are few they lie in a record. */
  readonly spool?: string | undefined;
  /** How many they are, while they lie in a record. */
  readonly size?: number | undefined;
  /** The digest under which the spool is being published. */
  readonly publishing?: Digest | undefined;
}

/** The bytes of a session. */
export interface SessionState {
  readonly size: number;
  readonly part?: Uint8Array | undefined;
  readonly spool?: string | undefined;
}

/** Stands between a session and the name of its spool; no id has it. */
const SEPARATOR = '~';

/** The records of uploads, and the spools in which drivers hold their bytes. */
export class Sessions {
  readonly #core: Core;
  /** Spools of requests under way, whose session may not name them yet. */
  readonly #active = new Set<string>();

  constructor(core: Core) {
    this.#core = core;
  }

  /** Opens a session. */
  async start(id: string, repo: string, algorithm: DigestAlgorithm): Promise<void> {
    const time = this.#core.now();
    await this.save(id, { repo, started: time, touched: time, algorithm, size: 0 });
  }

  /** Every session, with the size of its bytes. */
  async *list(): AsyncGenerator<{ readonly id: string; readonly repo: string; readonly size: number }> {
    for await (const [key, value] of scan(this.#core.records, keys.sessions)) {
      const id = key.slice(keys.sessions.length);
      const session = decode<Session>(value);
      const few = session.spool === undefined ? session.size : undefined;
      yield { id, repo: session.repo, size: few ?? (await this.state(id, session)).size };
    }
  }

  /** @throws OciError `BLOB_UPLOAD_UNKNOWN` */
  async need(repo: string, id: string): Promise<Session> {
    const session = await this.#find(id);
    if (session === undefined || session.repo !== repo || this.#isOver(session)) {
      throw new OciError(
        'BLOB_UPLOAD_UNKNOWN',
        `there is no upload ${id} in ${repo}: start again with a POST`,
        { detail: { upload: id } },
      );
    }
    return session;
  }

  /** Where a session stands: what a kill of the process would leave. */
  async state(id: string, { spool }: Session): Promise<SessionState> {
    const part = await this.#core.records.get(keys.part(id), { large: true });
    const few = part?.byteLength ?? 0;
    const size = spool === undefined ? undefined : await this.#core.bytes.size(spool);
    // A spool that has less than the part was not filled to the end when the process was killed.
    if (size === undefined || size < few) return { size: few, part };
    return { size, spool };
  }

  /** @param operations what changes in the same commit */
  async save(id: string, session: Session, operations: readonly Operation[] = []): Promise<void> {
    await this.#core.records.commit([put(keys.session(id), encode(session)), ...operations], [], {
      sync: false,
    });
  }

  /** What ends a session. */
  end(id: string): Operation[] {
    return [remove(keys.session(id)), remove(keys.part(id))];
  }

  async drop(id: string, { spool }: Session): Promise<void> {
    await this.#core.records.commit(this.end(id));
    // What cannot be dropped now goes with the next collection.
    if (spool !== undefined) await this.#core.bytes.abort(spool).catch(() => undefined);
  }

  /** A new spool, safe from `expire` until it is released. @param id of the session, `''` when there is none */
  newSpool(id: string): string {
    const spool = id + SEPARATOR + this.#core.newId();
    this.#active.add(spool);
    return spool;
  }

  release(spool: string | undefined): void {
    if (spool !== undefined) this.#active.delete(spool);
  }

  /**
   * Drops sessions that nobody writes to any more, and spools without one; returns how many sessions that were.
   * @param ended told of each session that was dropped
   */
  async expire(busy: (id: string) => boolean, ended: (id: string) => void): Promise<number> {
    const { records, bytes } = this.#core;
    let count = 0;
    for await (const [key, value] of scan(records, keys.sessions)) {
      const id = key.slice(keys.sessions.length);
      const session = decode<Session>(value);
      if (!this.#isOver(session) || busy(id)) continue;
      await this.drop(id, session);
      ended(id);
      count++;
    }
    for await (const spool of bytes.uploads()) {
      if (this.#active.has(spool)) continue;
      const session = await this.#find(spool.slice(0, spool.indexOf(SEPARATOR)));
      if (session?.spool !== spool) await bytes.abort(spool);
    }
    return count;
  }

  /**
   * Puts sessions right after an unclean end.
   * @param rebooted the power may have gone: spools may have holes, so sessions go on without them
   */
  async recover(rebooted: boolean): Promise<void> {
    const { records, bytes } = this.#core;
    for await (const [key, value] of scan(records, keys.sessions)) {
      const { spool, publishing, size: _, ...session } = decode<Session>(value);
      if (spool === undefined) continue;
      if (rebooted) {
        await records.commit([put(key, encode(session))]);
        await bytes.abort(spool);
      } else if (publishing !== undefined) {
        // The commit that links a blob ends its session: nothing is linked to these bytes.
        await bytes.recall(spool, publishing);
      }
    }
  }

  #isOver({ touched }: Session): boolean {
    return this.#core.now() - touched >= this.#core.rules.uploadExpiry;
  }

  async #find(id: string): Promise<Session | undefined> {
    const value = await this.#core.records.get(keys.session(id));
    return value === undefined ? undefined : decode<Session>(value);
  }
}
