import {
  isObject,
  isStringList,
  parseJson,
  parseManifest,
  printable,
  type Descriptor,
  type Digest,
} from '../../oci/index.js';
import { readManifest } from '../../image/read.js';
import type { Context } from '../context.js';
import type { ListFlags } from './list.js';
import type { Media } from './media.js';

/** A manifest as Google's registries list it. */
export interface ListedManifest {
  readonly tag: readonly string[];
  readonly mediaType: string;
  readonly imageSizeBytes: string;
  readonly timeCreatedMs: string;
  readonly timeUploadedMs: string;
}

/** A repository as Google's registries list it. */
export interface Listing {
  readonly name: string;
  readonly tags: readonly string[];
  /** Repositories right below. */
  readonly child: readonly string[];
  readonly manifest: Readonly<Record<string, ListedManifest>>;
}

/** `image ls -r` and `--json`: what gcrane lists, on any registry. */
export async function listExtended(
  context: Context,
  media: Media,
  text: string,
  flags: ListFlags,
): Promise<void> {
  for await (const listing of listings(media, text, flags.recursive === true)) {
    if (flags.json === true) {
      context.out.write(`${JSON.stringify(listing)}\n`);
      continue;
    }
    for (const child of flags.recursive === true ? [] : listing.child)
      context.out.write(`${printable(child)}\n`);
    for (const line of linesOf(listing)) context.out.write(`${printable(line)}\n`);
  }
}

/** Manifests by digest, then by tag; where a registry tells none, plain tags. */
function linesOf({ name, tags, manifest }: Listing): string[] {
  const entries = Object.entries(manifest);
  if (entries.length === 0) return tags.map((tag) => `${name}:${tag}`);
  return entries.flatMap(([digest, { tag }]) => [`${name}@${digest}`, ...tag.map((one) => `${name}:${one}`)]);
}

/** A repository, and with `recursive` all below it. */
export async function* listings(media: Media, text: string, recursive: boolean): AsyncGenerator<Listing> {
  const { registry, repository } = media.reference(text);
  const names = recursive ? await below(media, registry, repository) : [repository];
  for (const name of names) yield await listingOf(media, `${registry}/${name}`);
}

async function below(media: Media, registry: string, repository: string): Promise<string[]> {
  const { catalog } = await import('../../client/index.js');
  const place = media.session.place({ registry, repository }).registry;
  const names: string[] = [];
  const { signal } = media;
  for await (const name of catalog(media.session.client.transport, place, { signal, pageSize: 1000 }))
    if (name === repository || name.startsWith(`${repository}/`)) names.push(name);
  return names.length === 0 ? [repository] : names;
}

async function listingOf(media: Media, name: string): Promise<Listing> {
  const page = await media.repository(name).tagsPage({ signal: media.signal });
  const told = isObject(page.manifest) ? page.manifest : undefined;
  const tags = isStringList(page.tags) ? page.tags : [];
  const child = isStringList(page.child) ? page.child : [];
  if (told !== undefined) return { name, tags, child, manifest: told as Listing['manifest'] };
  return { name, child, ...(await computed(media, name)) };
}

/** What a registry without the longer list does not tell: sizes by adding up, times by the config. */
async function computed(media: Media, name: string): Promise<Pick<Listing, 'manifest' | 'tags'>> {
  const source = await media.source(name);
  const call = { signal: media.signal };
  const tags: string[] = [];
  const found = new Map<Digest, { readonly descriptor: Descriptor; readonly tag: string[] }>();
  for await (const tag of source.tags?.(call) ?? []) {
    tags.push(tag);
    const descriptor = await source.resolve(tag, call);
    if (descriptor === undefined) continue;
    const entry = found.get(descriptor.digest) ?? { descriptor, tag: [] };
    entry.tag.push(tag);
    found.set(descriptor.digest, entry);
  }
  const manifest: Record<string, ListedManifest> = {};
  for (const [digest, { descriptor, tag }] of found) {
    const bytes = await readManifest(source, descriptor, call);
    const parsed = parseManifest(bytes, descriptor.mediaType);
    const parts = parsed.kind === 'image' ? [parsed.config, ...parsed.layers] : parsed.manifests;
    const size = parts.reduce((sum, part) => sum + part.size, bytes.byteLength);
    const created = parsed.kind === 'image' ? await createdAt(media, name, descriptor) : 0;
    manifest[digest] = {
      tag,
      mediaType: descriptor.mediaType,
      imageSizeBytes: String(size),
      timeCreatedMs: String(created),
      timeUploadedMs: '0',
    };
  }
  return { tags, manifest };
}

/** Milliseconds since the epoch; 0 for what has no time. */
async function createdAt(media: Media, name: string, descriptor: Descriptor): Promise<number> {
  const { imageFrom, isImageConfigType } = await import('../../image/views/index.js');
  const image = imageFrom(await media.source(name), descriptor);
  const { config } = await image.manifest({ signal: media.signal });
  if (!isImageConfigType(config.mediaType)) return 0;
  const document = parseJson(await image.config({ signal: media.signal }), 'config');
  const time = isObject(document) && typeof document.created === 'string' ? Date.parse(document.created) : 0;
  return Number.isFinite(time) && time > 0 ? time : 0;
}
