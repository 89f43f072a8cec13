import { digestOf, type Digest } from '../../../oci/index.js';
import type { Store } from '../../../registry/storage/store.js';

/** What a store is asked about: `blob <repo> <digest>`, `manifest <repo> <digest>`, `tag <repo> <tag>`. */
export type Name = `${'blob' | 'manifest' | 'tag'} ${string} ${string}`;

/** What is to be found under a name: the digest of the bytes or of the tag's target; undefined for nothing. */
export type Changes = Readonly<Record<Name, Digest | undefined>>;

type Entry = readonly [name: Name, value: Digest | undefined];

const entriesOf = (changes: Changes): Entry[] => Object.entries(changes) as Entry[];

/**
 * What a client knows: the outcome of every operation that was answered, and what the others may have done. An operation
 * that was not answered has either changed all that it was to change or nothing.
 */
export class Ledger {
  readonly #sure = new Map<Name, Digest | undefined>();
  #open: { readonly entries: readonly Entry[]; readonly whole: boolean }[] = [];

  /** Runs an operation and notes what it changes. @param whole false: each of the changes may come alone */
  async attempt(changes: Changes, work: () => Promise<unknown>, whole = true): Promise<void> {
    const operation = { entries: entriesOf(changes), whole };
    this.#open.push(operation);
    await work();
    this.#open = this.#open.filter((other) => other !== operation);
    for (const [name, value] of operation.entries) this.#sure.set(name, value);
  }

  /** Looks at the store; what was open is settled by what is found. Returns what should not be. */
  async check(store: Store): Promise<string[]> {
    const problems: string[] = [];
    const open = this.#open;
    this.#open = [];
    for (const { entries, whole } of open) {
      const done: boolean[] = [];
      for (const [name, value] of entries) {
        const before = this.#sure.get(name);
        const found = await find(store, name);
        if (before === value) continue;
        if (found !== value && found !== before)
          problems.push(`${name} is ${found}, expected ${before} or ${value}`);
        done.push(found === value);
        this.#sure.set(name, found);
      }
      if (whole && new Set(done).size > 1)
        problems.push(
          `an operation was done in part: ${entries.map(([name], at) => `${name} ${done[at]}`).join(', ')}`,
        );
    }
    for (const [name, value] of this.#sure) {
      const found = await find(store, name);
      if (found !== value) problems.push(`${name} is ${found}, expected ${value}`);
    }
    return problems;
  }
}

async function find(store: Store, name: Name): Promise<Digest | undefined> {
  const [kind, repo = '', what = ''] = name.split(' ');
  if (kind === 'tag') return (await store.tags.get(repo, what))?.digest;
  const digest = what as Digest;
  if (kind === 'manifest') {
    const manifest = await store.manifests.get(repo, digest);
    return manifest === undefined ? undefined : digestOf(manifest.bytes);
  }
  const bytes = await readBlob(store, repo, digest);
  return bytes === undefined ? undefined : digestOf(bytes);
}

/** The bytes of a blob, or undefined when it is not there. */
export async function readBlob(store: Store, repo: string, digest: Digest): Promise<Uint8Array | undefined> {
  const facts = await store.blobs.stat(repo, digest);
  if (facts === undefined) return undefined;
  const content = await store.blobs.open(digest, facts, { start: 0, end: facts.size - 1 });
  if (content === undefined || content instanceof Uint8Array) return content;
  const chunks: Uint8Array[] = [];
  for await (const chunk of content) chunks.push(chunk);
  return Buffer.concat(chunks);
}
