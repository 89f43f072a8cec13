import { parseRepository, parseTag, quote, streamOf } from '../oci/index.js';
import type { Store } from '../registry/storage/store.js';
import { Check } from './check.js';
import type { Content, ImageContent, IndexContent, Subject } from './content/content.js';
import {
  describedArtifact,
  describedImage,
  describedIndex,
  type ArtifactDescription,
  type ImageDescription,
  type IndexDescription,
} from './content/described.js';

type Seed<T> = Omit<T, 'subject'> & {
  /** What it refers to: a name of the same repository, or content of any. */
  readonly subject?: string | Subject;
};

/**
 * What a name of a repository leads to: content made before, an artifact (it has `artifactType`), an index (it has
 * `platforms`) or an image.
 */
export type SeedEntry = Content | Seed<ArtifactDescription> | Seed<IndexDescription> | Seed<ImageDescription>;

/** Repositories, and in them tags. A name that begins with `@` is no tag: only the digest leads to it. */
export type SeedContent = Readonly<Record<string, Readonly<Record<string, SeedEntry>>>>;

/** The content that was made of a description. */
export type SeededEntry<E> = E extends Content
  ? E
  : E extends { readonly platforms: unknown }
    ? IndexContent
    : ImageContent;

/** What was put into the registry, under the names it was described with. */
export type Seeded<S extends SeedContent> = {
  readonly [R in keyof S]: { readonly [T in keyof S[R]]: SeededEntry<S[R][T]> };
};

const FIELDS = {
  artifact: ['artifactType', 'blobs', 'annotations', 'subject'],
  image: [
    'files',
    'layers',
    'layerSize',
    'random',
    'platform',
    'platforms',
    'config',
    'annotations',
    'subject',
    'format',
    'compression',
  ],
} as const;

/**
 * Puts described content into a store, past HTTP, access control and faults.
 * @throws OciError `INVALID_OPTION` for a description that cannot be, `NAME_INVALID`, `TAG_INVALID`, and what the store
 *   refuses
 */
export async function seedStore<const S extends SeedContent>(store: Store, content: S): Promise<Seeded<S>> {
  const seeded: Record<string, Record<string, Content>> = {};
  for (const [repository, entries] of Object.entries(content)) {
    const made = contentOf(parseRepository(repository), entries);
    for (const [name, item] of Object.entries(made))
      await put(store, repository, item, name.startsWith('@') ? [] : [parseTag(name)]);
    seeded[repository] = made;
  }
  return seeded as Seeded<S>;
}

/** Makes the content of one repository; subjects first, wherever they stand. */
function contentOf(
  repository: string,
  entries: Readonly<Record<string, SeedEntry>>,
): Record<string, Content> {
  const made = new Map<string, Content>();
  const make = (name: string, above: readonly string[]): Content => {
    const known = made.get(name);
    if (known !== undefined) return known;
    const entry = Object.hasOwn(entries, name) ? entries[name] : undefined;
    const at = `${quote(name)} of ${repository}`;
    const check: Check = new Check(`seed ${at}`);
    if (entry === undefined) check.fail(`it is the subject of ${above.at(-1) ?? ''} but not described`);
    if (above.includes(name)) check.fail('it is its own subject');
    const content = describe(entry, at, (subject) => make(subject, [...above, name]));
    made.set(name, content);
    return content;
  };
  return Object.fromEntries(Object.keys(entries).map((name) => [name, make(name, [])]));
}

function describe(entry: SeedEntry, at: string, named: (name: string) => Content): Content {
  if ('manifests' in entry) return entry;
  new Check(`seed ${at}`).keys('it', entry, 'artifactType' in entry ? FIELDS.artifact : FIELDS.image);
  const { subject, ...rest } = entry;
  const up = typeof subject === 'string' ? named(subject) : subject;
  const description = up === undefined ? rest : { ...rest, subject: up };
  if ('artifactType' in description) return describedArtifact(description);
  return 'platforms' in description ? describedIndex(description) : describedImage(description);
}

async function put(
  store: Store,
  repository: string,
  content: Content,
  tags: readonly string[],
): Promise<void> {
  for (const { descriptor, bytes } of content.blobs)
    await store.uploads.put(repository, descriptor.digest, streamOf(bytes));
  for (const { descriptor, bytes } of content.manifests) {
    await store.manifests.put(repository, {
      bytes,
      contentType: descriptor.mediaType,
      digest: descriptor.digest,
      tags: descriptor.digest === content.digest ? tags : [],
    });
  }
}
