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
import { filesOf } from './content/folder.js';
import { loadOne, type SeedFrom } from './seed-media.js';

type Seed<T> = Omit<T, 'subject'> & {
  /** What it refers to: a name of the same repository, or content of any. */
  readonly subject?: string | Subject;
};

type Described = Content | Seed<ArtifactDescription> | Seed<IndexDescription> | Seed<ImageDescription>;

/** An image, or with `platforms` an index, whose first layer is a folder of this machine. */
export type SeedFolder = Omit<Seed<ImageDescription> & Partial<Seed<IndexDescription>>, 'files'> & {
  /** Its path. */
  readonly folder: string;
};

/**
 * What a name of a repository leads to: content made before, an artifact (it has `artifactType`), an index (it has
 * `platforms`), an image, an image of a folder (it has `folder`), or what a layout or an archive holds (it has `from`).
 */
export type SeedEntry = Described | SeedFolder | SeedFrom;

/** Repositories, and in them tags. A name that begins with `@` is no tag: only the digest leads to it. */
export type SeedContent = Readonly<Record<string, Readonly<Record<string, SeedEntry>>>>;

/** The content that was made of a description. */
export type SeededEntry<E> = E extends SeedFrom
  ? Pick<Content, 'descriptor' | 'digest'>
  : E extends Content
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
  const seeded: Record<string, Record<string, Pick<Content, 'digest'>>> = {};
  for (const [name, entries] of Object.entries(content)) {
    const repository = parseRepository(name);
    const described: Record<string, Described> = {};
    const media: [string, SeedFrom][] = [];
    for (const [tag, entry] of Object.entries(entries)) {
      if ('from' in entry) media.push([tag, entry]);
      else described[tag] = 'folder' in entry ? await readFolder(entry) : entry;
    }
    const done: Record<string, Pick<Content, 'digest'>> = {};
    for (const [tag, item] of Object.entries(contentOf(repository, described))) {
      await put(store, repository, item, tagsOf(tag));
      done[tag] = item;
    }
    for (const [tag, entry] of media) {
      new Check(`seed ${quote(tag)} of ${repository}`).keys('it', entry, ['from', 'tag']);
      done[tag] = await loadOne(store, repository, { ...entry, tags: tagsOf(tag) });
    }
    seeded[name] = done;
  }
  return seeded as Seeded<S>;
}

const tagsOf = (name: string): string[] => (name.startsWith('@') ? [] : [parseTag(name)]);

async function readFolder({ folder, ...rest }: SeedFolder): Promise<Described> {
  return { ...rest, files: await filesOf(folder) };
}

/** Makes the content of one repository; subjects first, wherever they stand. */
function contentOf(
  repository: string,
  entries: Readonly<Record<string, Described>>,
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

function describe(entry: Described, at: string, named: (name: string) => Content): Content {
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
