import {
  Digester,
  OciError,
  algorithmOf,
  type ByteStream,
  type Digest,
  type DigestAlgorithm,
} from '../../oci/index.js';
import type { Blobs, Content } from './blobs.js';
import type { Core } from './core.js';
import { Intake, rehash, requireRoom } from './intake.js';
import { keys } from './keys.js';
import type { Quotas } from './quotas.js';
import { put, remove, scan, type Operation } from './records.js';
import { Turns } from './turns.js';
import { decode, encode } from './values.js';

/** An upload as it is kept. */
interface Session {
  readonly repo: string;
  /** Milliseconds since the epoch. */
  readonly started: number;
  /** When bytes last came. */
  readonly touched: number;
  readonly algorithm: DigestAlgorithm;
  /** The driver holds its bytes; otherwise they are few and lie in a record. */
  readonly spooled: boolean;
}

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
  readonly #turns = new Turns();
  readonly #digesters = new Map<string, Digester>();
  /** Uploads under way that have no session. */
  readonly #single = new Set<string>();

  constructor(core: Core, blobs: Blobs, quotas: Quotas) {
    this.#core = core;
    this.#blobs = blobs;
    this.#quotas = quotas;
  }

  /** Opens a session. Its id is the only key to it. */
  async start(repo: string, algorithm: DigestAlgorithm = 'sha256'): Promise<UploadStatus> {
    await requireRoom(this.#core, 0);
    const id = this.#core.newId();
    const time = this.#core.now();
    const session: Session = { repo, started: time, touched: time, algorithm, spooled: false };
    await this.#core.records.commit([put(keys.session(id), encode(session))], [], { sync: false });
    return { id, size: 0 };
  }

  /** @throws OciError `BLOB_UPLOAD_UNKNOWN` */
  async status(repo: string, id: string): Promise<UploadStatus> {
    const session = await this.#need(repo, id);
    return { id, size: await this.#size(id, session) };
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
    await this.#need(repo, id);
    return await this.#turns.take(id, body, async (guarded) => {
      const session = await this.#need(repo, id);
      const intake = await this.#intake(id, session, options);
      try {
        await this.#fill(repo, intake, guarded, options);
      } finally {
        await this.#keep(id, session, intake);
      }
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
    await this.#need(repo, id);
    return await this.#turns.take(id, body, async (guarded, commit) => {
      const session = await this.#need(repo, id);
      const intake = await this.#intake(id, session, options);
      let release: (() => void) | undefined;
      try {
        release = await this.#fill(repo, intake, guarded, options, true);
        await intake.close();
        commit();
        await this.#publish(repo, id, digest, intake);
      } catch (error) {
        await this.#keep(id, session, intake);
        throw error;
      } finally {
        release?.();
      }
      this.#digesters.delete(id);
      const operations: Operation[] = [remove(keys.session(id)), remove(keys.part(id))];
      await this.#core.records.commit(operations, [], { sync: false });
      return intake.size;
    });
  }

  /**
   * Takes a whole blob in one go, without a session.
   * @throws OciError `DIGEST_INVALID`
   */
  async put(repo: string, digest: Digest, body: ByteStream, options: AppendOptions = {}): Promise<number> {
    await requireRoom(this.#core, 0);
    const id = this.#core.newId();
    const intake = new Intake(this.#core, id, {
      digester: new Digester(algorithmOf(digest)),
      part: undefined,
      spooled: false,
      size: 0,
    });
    let release: (() => void) | undefined;
    this.#single.add(id);
    try {
      release = await this.#fill(repo, intake, body, options, true);
      await intake.close();
      await this.#publish(repo, id, digest, intake);
    } catch (error) {
      await intake.close().catch(() => undefined);
      if (intake.spooled) await this.#core.bytes.abort(id);
      throw error;
    } finally {
      release?.();
      this.#single.delete(id);
    }
    return intake.size;
  }

  /** Drops an upload. @throws OciError `BLOB_UPLOAD_UNKNOWN` */
  async cancel(repo: string, id: string): Promise<void> {
    await this.#need(repo, id);
    await this.#turns.take(id, undefined, async () => {
      const session = await this.#need(repo, id);
      await this.#drop(id, session);
    });
  }

  /** Drops what was abandoned; returns how many uploads that were. */
  async expire(): Promise<number> {
    const { records, bytes, now, rules } = this.#core;
    let count = 0;
    const known = new Set<string>();
    const stored: string[] = [];
    // Sessions are read last: a session is always there before its bytes.
    for await (const id of bytes.uploads()) stored.push(id);
    for await (const [key, value] of scan(records, keys.sessions)) {
      const id = key.slice(keys.sessions.length);
      const session = decode<Session>(value);
      if (now() - session.touched < rules.uploadExpiry || this.#turns.busy(id)) known.add(id);
      else {
        await this.#drop(id, session);
        count++;
      }
    }
    for (const id of stored) {
      if (!known.has(id) && !this.#single.has(id)) await bytes.abort(id);
    }
    return count;
  }

  /** After a power loss the bytes of open uploads may be holes: they start again from nothing. */
  async reset(): Promise<void> {
    for await (const [key, value] of scan(this.#core.records, keys.sessions)) {
      const id = key.slice(keys.sessions.length);
      const session = decode<Session>(value);
      if (!session.spooled) continue;
      await this.#core.bytes.abort(id);
      await this.#core.records.commit([
        put(key, encode({ ...session, spooled: false })),
        remove(keys.part(id)),
      ]);
    }
  }

  async #need(repo: string, id: string): Promise<Session> {
    const value = await this.#core.records.get(keys.session(id));
    const session = value === undefined ? undefined : decode<Session>(value);
    if (
      session === undefined ||
      session.repo !== repo ||
      this.#core.now() - session.touched >= this.#core.rules.uploadExpiry
    ) {
      throw new OciError(
        'BLOB_UPLOAD_UNKNOWN',
        `there is no upload ${id} in ${repo}: start again with a POST`,
        { detail: { upload: id } },
      );
    }
    return session;
  }

  async #size(id: string, session: Session): Promise<number> {
    if (session.spooled) return (await this.#core.bytes.size(id)) ?? 0;
    return (await this.#core.records.get(keys.part(id)))?.byteLength ?? 0;
  }

  /** The upload as it stands, ready for more. */
  async #intake(id: string, session: Session, { at }: AppendOptions): Promise<Intake> {
    const part = session.spooled ? undefined : await this.#core.records.get(keys.part(id));
    const size = session.spooled ? ((await this.#core.bytes.size(id)) ?? 0) : (part?.byteLength ?? 0);
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
      else if (size > 0) digester = await rehash(await this.#core.bytes.read(id), session.algorithm);
    }
    return new Intake(this.#core, id, { digester, part, spooled: session.spooled, size });
  }

  /** Takes a body, within quota; returns what gives the quota back when `hold` asks to keep it. */
  async #fill(
    repo: string,
    intake: Intake,
    body: ByteStream,
    { length }: AppendOptions,
    hold = false,
  ): Promise<(() => void) | undefined> {
    if (length !== undefined) await requireRoom(this.#core, length);
    if (!this.#quotas.covers(repo)) {
      await intake.take(body);
      return undefined;
    }
    const releases = [await this.#quotas.reserve(repo, intake.size + (length ?? 0))];
    const release = (): void => {
      for (const give of releases) give();
    };
    let left = length ?? 0;
    try {
      await intake.take(body, (bytes) => {
        left -= bytes;
        return left >= 0
          ? undefined
          : this.#quotas.reserve(repo, bytes).then((give) => void releases.push(give));
      });
    } catch (error) {
      release();
      throw error;
    }
    if (hold) return release;
    release();
    return undefined;
  }

  /** Makes what has arrived outlive the process, and remembers where the hash stands. */
  async #keep(id: string, session: Session, intake: Intake): Promise<void> {
    const operations: Operation[] = [
      put(
        keys.session(id),
        encode({ ...session, touched: this.#core.now(), spooled: intake.spooled } satisfies Session),
      ),
    ];
    if (intake.spooled) operations.push(remove(keys.part(id)));
    else operations.push(put(keys.part(id), intake.bytes()));
    try {
      await intake.close();
    } finally {
      await this.#core.records.commit(operations, [], { sync: false });
    }
    if (this.#digesters.size >= REMEMBERED) this.#digesters.clear();
    this.#digesters.set(id, intake.digester);
  }

  async #publish(repo: string, id: string, digest: Digest, intake: Intake): Promise<void> {
    const actual = await this.#digest(id, digest, intake);
    if (actual !== digest) {
      throw new OciError('DIGEST_INVALID', `content has digest ${actual}, expected ${digest}`, {
        detail: { expected: digest, actual },
      });
    }
    const { publishing, bytes } = this.#core;
    if (!intake.spooled) {
      await this.#blobs.link(repo, digest, { size: intake.size, bytes: intake.bytes() });
      return;
    }
    publishing.set(digest, (publishing.get(digest) ?? 0) + 1);
    try {
      const content: Content = { size: intake.size, location: await bytes.publish(id, digest) };
      await this.#blobs.link(repo, digest, content);
    } finally {
      const left = (publishing.get(digest) ?? 1) - 1;
      if (left > 0) publishing.set(digest, left);
      else publishing.delete(digest);
    }
  }

  async #digest(id: string, wanted: Digest, intake: Intake): Promise<Digest> {
    const algorithm = algorithmOf(wanted);
    if (intake.digester.algorithm === algorithm) return intake.digester.digest();
    if (!intake.spooled) return new Digester(algorithm).update(intake.bytes()).digest();
    return (await rehash(await this.#core.bytes.read(id), algorithm)).digest();
  }

  async #drop(id: string, session: Session): Promise<void> {
    this.#digesters.delete(id);
    await this.#core.records.commit([remove(keys.session(id)), remove(keys.part(id))]);
    if (session.spooled) await this.#core.bytes.abort(id);
  }
}
