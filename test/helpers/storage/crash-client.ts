import { Pusher, Unexpected, imageOf, type LoadBlob, type LoadImage, type Session } from './pusher.js';
import type { Random } from './random.js';

const TAGS = ['a', 'b', 'c', 'd', 'e'] as const;
type Tag = (typeof TAGS)[number];

/** A change of tags that was asked for and not answered. */
type Doubt = Readonly<Partial<Record<Tag, LoadImage | 'gone'>>>;

/** Pushes, moves and deletes tags, and remembers what was acknowledged when the server dies. */
export class Client {
  readonly #repo: string;
  readonly #pool: readonly LoadBlob[];
  readonly #random: Random;
  /** What the tags lead to, as far as the server has said so. */
  readonly #tags = new Map<Tag, LoadImage>();
  #doubt: Doubt = {};
  #session: Session | undefined;
  #pusher: Pusher | undefined;
  #images = 0;
  /** Operations that were acknowledged. */
  done = 0;

  constructor(repo: string, pool: readonly LoadBlob[], random: Random) {
    this.#repo = repo;
    this.#pool = pool;
    this.#random = random;
  }

  /** Looks whether all is there after a start, and goes on with the upload that was under way. */
  async check(url: string): Promise<void> {
    const pusher = new Pusher(url, this.#repo, this.#random);
    this.#pusher = pusher;
    const doubtful = Object.keys(this.#doubt) as Tag[];
    const done: boolean[] = [];
    for (const tag of TAGS) {
      const found = await pusher.resolve(tag);
      const before = this.#tags.get(tag);
      const wanted = this.#doubt[tag];
      const after = wanted === 'gone' ? undefined : (wanted ?? before);
      if (found !== before?.digest && found !== after?.digest)
        throw new Error(
          `tag ${tag} of ${this.#repo} leads to ${found}, not ${before?.digest} or ${after?.digest}`,
        );
      const image = found === before?.digest ? before : after;
      if (doubtful.includes(tag) && before?.digest !== after?.digest) done.push(found === after?.digest);
      if (image === undefined) this.#tags.delete(tag);
      else this.#tags.set(tag, image);
    }
    if (new Set(done).size > 1)
      throw new Error(`a change of ${doubtful.join(', ')} in ${this.#repo} was made in part`);
    this.#doubt = {};
    const image = this.#anyImage();
    if (image !== undefined) await pusher.pull(image);
    await this.#resume(pusher);
  }

  /** Works until the server is gone. */
  async load(): Promise<void> {
    const pusher = this.#pusher;
    if (pusher === undefined) throw new Error('the server was not looked at');
    try {
      for (;;) {
        await this.#step(pusher);
        this.done++;
      }
    } catch (error) {
      // What a server answers must be right. One that is gone does not answer.
      if (error instanceof Unexpected || !(error instanceof TypeError)) throw error;
      this.#session = pusher.session;
    }
  }

  async #step(pusher: Pusher): Promise<void> {
    const image = this.#anyImage();
    const dice = this.#random.next();
    if (image === undefined || dice < 0.6) await this.#push(pusher);
    else if (dice < 0.7) await pusher.pull(image);
    else if (dice < 0.8)
      await this.#change({ [this.#anyTag()]: image }, (tag) => pusher.putManifest(image, tag));
    else if (dice < 0.9) await this.#deleteTag(pusher);
    else await this.#deleteImage(pusher, image);
  }

  async #push(pusher: Pusher): Promise<void> {
    const layers = Array.from({ length: 1 + this.#random.below(3) }, () => this.#random.pick(this.#pool));
    const image = imageOf(`${this.#repo} ${this.#images++}`, [...new Set(layers)]);
    const others = Array.from({ length: 4 }, (_, at) => `client-${at}`);
    for (const blob of image.blobs) {
      if (!(await pusher.has(blob)))
        await pusher.push(blob, this.#random.chance(0.3) ? this.#random.pick(others) : undefined);
    }
    try {
      await this.#change({ [this.#anyTag()]: image }, (tag) => pusher.putManifest(image, tag));
    } catch (error) {
      // The lease is so short that it may be over: then the push is to be done again.
      if (!(error instanceof Unexpected) || !error.message.includes('MANIFEST_BLOB_UNKNOWN')) throw error;
      this.#doubt = {};
    }
  }

  async #deleteTag(pusher: Pusher): Promise<void> {
    const tag = this.#random.pick([...this.#tags.keys()]);
    await this.#change({ [tag]: 'gone' }, () => pusher.delete(tag));
  }

  async #deleteImage(pusher: Pusher, { digest }: LoadImage): Promise<void> {
    const tags = [...this.#tags]
      .filter(([, image]) => image.digest === digest)
      .map(([tag]) => [tag, 'gone'] as const);
    await this.#change(Object.fromEntries(tags), () => pusher.delete(digest));
  }

  async #change(doubt: Doubt, work: (tag: Tag) => Promise<void>): Promise<void> {
    this.#doubt = doubt;
    const changes = Object.entries(doubt) as [Tag, LoadImage | 'gone'][];
    await work(changes[0]?.[0] ?? 'a');
    for (const [tag, image] of changes) {
      if (image === 'gone') this.#tags.delete(tag);
      else this.#tags.set(tag, image);
    }
    this.#doubt = {};
  }

  async #resume(pusher: Pusher): Promise<void> {
    const session = this.#session;
    this.#session = undefined;
    if (session === undefined) return;
    const size = await pusher.stands(session);
    // The closing request may have been done; otherwise the upload is there with all that was acknowledged.
    if (size === undefined) {
      if (session.acknowledged < session.blob.size) throw new Error(`an upload of ${this.#repo} is lost`);
      return;
    }
    if (size < session.acknowledged)
      throw new Error(
        `an upload of ${this.#repo} has ${size} bytes, ${session.acknowledged} were acknowledged`,
      );
    session.acknowledged = size;
    await pusher.goOn(session);
  }

  #anyTag(): Tag {
    return this.#random.pick(TAGS);
  }

  #anyImage(): LoadImage | undefined {
    const images = [...this.#tags.values()];
    return images.length === 0 ? undefined : this.#random.pick(images);
  }
}
