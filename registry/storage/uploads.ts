import {
  Digester,
  OciError,
  algorithmOf,
  isOciError,
  type ByteStream,
  type Digest,
  type DigestAlgorithm,
} from '../../oci/index.js';
import type { Blobs } from './blobs.js';
import type { Core } from './core.js';
import { Intake, rehash, requireRoom, type RunningDigest, type Spooling } from './intake.js';
import { keys } from './keys.js';
import { OpenUploads } from './open-uploads.js';
import type { Quotas } from './quotas.js';
import { put, remove, type Operation } from './records.js';
import type { Reservation } from './reservation.js';
import { Sessions, type Session } from './sessions.js';
import { Turns } from './turns.js';

export interface UploadStatus {
  readonly id: string;
  /** Bytes that are safe from the end of the process. */
  readonly size: number;
}

export interface AppendOptions {
  /** Position that the first byte must have. */
  readonly at?: number;
  /** Bytes that will come, when the sender says so. */
  readonly length?: number;
}

/** Running digests kept between requests; a forgotten one costs a read of the upload. */
const REMEMBERED = 1000;

/** Uploads: sessions that take bytes in order and become blobs when their digest is right. */
export class Uploads {
  readonly #core: Core;
  readonly #blobs: Blobs;
  readonly #quotas: Quotas;
  readonly #sessions: Sessions;
  readonly #open: OpenUploads;
  readonly #turns = new Turns();
  readonly #digesters = new Map<string, RunningDigest>();

  constructor(core: Core, blobs: Blobs, quotas: Quotas) {
    this.#core = core;
    this.#blobs = blobs;
    this.#quotas = quotas;
    this.#sessions = new Sessions(core);
    this.#open = new OpenUploads(quotas, core.rules.maxUploads);
  }

  /** Learns of the uploads that were open when the store was closed. */
  async open(): Promise<void> {
    for await (const { id, repo, size } of this.#sessions.list()) this.#open.room(id, repo).settle(size);
  }

  /**
   * Opens a session. Its id is the only key to it.
   * @throws OciError `TOOMANYREQUESTS` when too many are open
   */
  async start(repo: string, algorithm: DigestAlgorithm = 'sha256'): Promise<UploadStatus> {
    await requireRoom(this.#core, 0);
    // No await between the look at how many there are and one more.
    this.#open.requirePlace();
    const id = this.#core.newId();
    this.#open.room(id, repo);
    try {
      await this.#sessions.start(id, repo, algorithm);
    } catch (error) {
      this.#open.end(id);
      throw error;
    }
    return { id, size: 0 };
  }

  /** @throws OciError `BLOB_UPLOAD_UNKNOWN` */
  async status(repo: string, id: string): Promise<UploadStatus> {
    const session = await this.#sessions.need(repo, id);
    return { id, size: (await this.#sessions.state(id, session)).size };
  }

  /**
   * Adds a body to an upload. What arrives before a failure is kept.
   * @throws OciError `BLOB_UPLOAD_UNKNOWN`; `RANGE_INVALID` with `detail.size` when `at` is not where the upload stands
   */
  async append(
    repo: string,
    id: string,
    body: ByteStream,
    options: AppendOptions = {},
  ): Promise<UploadStatus> {
    await this.#sessions.need(repo, id);
    return await this.#turns.take(id, body, async (guarded) => {
      const session = await this.#sessions.need(repo, id);
      const intake = await this.#intake(id, session, options);
      const room = this.#open.room(id, repo);
      try {
        await this.#fill(intake, guarded, options, room);
        await this.#keep(id, session, intake);
      } catch (error) {
        await this.#rescue(id, session, intake, room);
        throw error;
      }
      room.settle(intake.size);
      return { id, size: intake.size };
    });
  }

  /**
   * Takes the last bytes, checks the digest and links the blob. The session ends only when all went well.
   * @throws OciError as `append`; `DIGEST_INVALID` when the content has another digest
   */
  async finish(
    repo: string,
    id: string,
    digest: Digest,
    body: ByteStream,
    options: AppendOptions = {},
  ): Promise<number> {
    await this.#sessions.need(repo, id);
    return await this.#turns.take(id, body, async (guarded, commit) => {
      const session = await this.#sessions.need(repo, id);
      const intake = await this.#intake(id, session, options, digest);
      const room = this.#open.room(id, repo);
      try {
        await this.#fill(intake, guarded, options, room);
        await intake.close();
        commit();
        // A spool of this request was noted with the digest when it was made.
        if (intake.spool !== undefined && intake.spool === session.spool)
          await this.#sessions.save(id, { ...session, publishing: digest });
        await this.#publish(repo, digest, intake, this.#sessions.end(id));
      } catch (error) {
        await this.#rescue(id, session, intake, room);
        throw error;
      }
      this.#open.end(id);
      this.#sessions.release(intake.spool);
      this.#digesters.delete(id);
      return intake.size;
    });
  }

  /**
   * Takes a whole blob in one go, without a session.
   * @throws OciError `DIGEST_INVALID`
   */
  async put(repo: string, digest: Digest, body: ByteStream, options: AppendOptions = {}): Promise<number> {
    await requireRoom(this.#core, 0);
    const digester = new Digester(algorithmOf(digest));
    const intake = new Intake(this.#core, { digester, size: 0 }, this.#spooling(''));
    const room = this.#quotas.reservation(repo);
    try {
      await this.#fill(intake, body, options, room);
      await intake.close();
      await this.#publish(repo, digest, intake, []);
    } catch (error) {
      await intake.close().catch(() => undefined);
      if (intake.spool !== undefined) await this.#core.bytes.abort(intake.spool).catch(() => undefined);
      throw error;
    } finally {
      room.release();
      this.#sessions.release(intake.spool);
    }
    return intake.size;
  }

  /** Drops an upload. @throws OciError `BLOB_UPLOAD_UNKNOWN` */
  async cancel(repo: string, id: string): Promise<void> {
    await this.#sessions.need(repo, id);
    await this.#turns.take(id, undefined, async () => {
      const session = await this.#sessions.need(repo, id);
      this.#digesters.delete(id);
      await this.#sessions.drop(id, session);
      this.#open.end(id);
    });
  }

  /** Drops what was abandoned; returns how many uploads that were. */
  async expire(): Promise<number> {
    return await this.#sessions.expire(
      (id) => this.#turns.busy(id),
      (id) => this.#open.end(id),
    );
  }

  /** Puts open uploads right after an unclean end. @param rebooted what was not synced may be gone */
  async recover({ rebooted }: { readonly rebooted: boolean }): Promise<void> {
    await this.#sessions.recover(rebooted);
  }

  /** The upload as it stands, ready for more. @param publishing what the request will publish it as */
  async #intake(id: string, session: Session, { at }: AppendOptions, publishing?: Digest): Promise<Intake> {
    const state = await this.#sessions.state(id, session);
    const { size, part, spool } = state;
    if (at !== undefined && at !== size) {
      throw new OciError('RANGE_INVALID', `upload ${id} stands at ${size} bytes, the chunk starts at ${at}`, {
        detail: { size },
      });
    }
    let digester = this.#digesters.get(id);
    this.#digesters.delete(id);
    if (digester?.size !== size || digester.algorithm !== session.algorithm) {
      digester = new Digester(session.algorithm);
      if (part !== undefined) digester.update(part);
      else if (spool !== undefined)
        digester = await rehash(await this.#core.bytes.read(spool), session.algorithm);
    }
    return new Intake(
      this.#core,
      { ...state, digester },
      {
        ...this.#spooling(id),
        taken: (name) => this.#sessions.save(id, { ...session, spool: name, publishing }),
      },
    );
  }

  #spooling(id: string): Spooling {
    return {
      open: () => this.#sessions.newSpool(id),
      drop: (spool) => this.#sessions.release(spool),
    };
  }

  /** Takes a body, within quota. */
  async #fill(intake: Intake, body: ByteStream, { length }: AppendOptions, room: Reservation): Promise<void> {
    if (length !== undefined) await requireRoom(this.#core, length);
    await room.need(intake.size + (length ?? 0));
    await intake.take(body, (size) => room.need(size));
  }

  /** Makes what has arrived outlive the process, and remembers where the hash stands. */
  async #keep(id: string, session: Session, intake: Intake): Promise<void> {
    try {
      await intake.close();
    } finally {
      await this.#save(id, session, intake);
    }
    if (this.#digesters.size >= REMEMBERED) this.#digesters.clear();
    this.#digesters.set(id, intake.digester);
  }

  /** After a failure: keeps what can be kept, and holds room for no more than that. */
  async #rescue(id: string, session: Session, intake: Intake, room: Reservation): Promise<void> {
    try {
      await this.#keep(id, session, intake);
    } catch {
      // The failure before it is what the caller hears of.
    }
    try {
      room.settle((await this.status(session.repo, id)).size);
    } catch {
      // Nobody knows what is left: the room stays held until the upload ends.
    }
  }

  async #save(id: string, session: Session, intake: Intake): Promise<void> {
    const { spool, sound } = intake;
    const few = spool === undefined;
    // When the driver failed, the few bytes from before it had any are what is left.
    const change = few ? [put(keys.part(id), intake.bytes())] : sound ? [remove(keys.part(id))] : [];
    const kept: Session = {
      ...session,
      touched: this.#core.now(),
      spool: sound ? spool : undefined,
      size: few ? intake.size : undefined,
    };
    try {
      await this.#sessions.save(id, kept, change);
    } finally {
      this.#sessions.release(spool);
    }
    // What cannot be dropped now goes with the next collection.
    if (!few && !sound) await this.#core.bytes.abort(spool).catch(() => undefined);
  }

  /** @param also what ends the upload in the same commit */
  async #publish(repo: string, digest: Digest, intake: Intake, also: readonly Operation[]): Promise<void> {
    const actual = await this.#digest(digest, intake);
    if (actual !== digest) {
      throw new OciError('DIGEST_INVALID', `content has digest ${actual}, expected ${digest}`, {
        detail: { expected: digest, actual },
      });
    }
    const { publishing, bytes } = this.#core;
    const { size, spool } = intake;
    if (spool === undefined) {
      await this.#blobs.link(repo, digest, { size, bytes: intake.bytes() }, also);
      return;
    }
    publishing.set(digest, (publishing.get(digest) ?? 0) + 1);
    try {
      const location = await intake.trust(bytes.publish(spool, digest));
      try {
        await intake.trust(this.#blobs.link(repo, digest, { size, location }, also));
      } catch (error) {
        // Refused, so no record names them. After any other error one may: the collector looks.
        if (isOciError(error, 'DENIED')) await bytes.delete(location).catch(() => undefined);
        throw error;
      }
    } finally {
      const left = (publishing.get(digest) ?? 1) - 1;
      if (left > 0) publishing.set(digest, left);
      else publishing.delete(digest);
    }
  }

  async #digest(wanted: Digest, intake: Intake): Promise<Digest> {
    const algorithm = algorithmOf(wanted);
    if (intake.digester.algorithm === algorithm) {
      try {
        return await intake.digester.digest();
      } catch {
        // The thread that hashed has ended: the bytes are read again.
      }
    }
    if (intake.spool === undefined) return new Digester(algorithm).update(intake.bytes()).digest();
    return (await rehash(await this.#core.bytes.read(intake.spool), algorithm)).digest();
  }
}
