import { createHash } from 'node:crypto';
import {
  hexOf,
  isObject,
  parseJson,
  type Blob,
  type ByteStream,
  type CallOptions,
  type Digest,
} from '../../oci/index.js';
import { decompress } from '../compression.js';
import { ZERO_TIME, encodeGo } from '../go-json.js';
import { incoming } from '../layout/incoming.js';
import type { PutBlobOptions } from '../media.js';
import type { ArchiveWriter } from './archive-writer.js';
import { Scratch } from './bytes.js';
import { encodeGoJson, sortedEntries, type DockerEntry } from './docker-names.js';
import { dockerEntry, type DockerArchiveImage, type DockerFormat } from './docker-format.js';
import { diffIdsOf } from './docker-source.js';

/** What an image's history says of a layer. */
interface Step {
  readonly created?: unknown;
  readonly author?: unknown;
  readonly created_by?: unknown;
  readonly comment?: unknown;
}

/** A layer as Docker described it before its registry had manifests: by an id that is made from all below it. */
interface OldLayer {
  readonly id: string;
  readonly json: Uint8Array;
}

/**
 * The format of Docker before 1.10, as crane writes it: `<hex>.json` for a config; a folder a layer, with `layer.tar`,
 * `json` and `VERSION`; `manifest.json` and `repositories` last.
 */
export class LegacyFormat implements DockerFormat {
  readonly #writer: ArchiveWriter;
  /** Layers, unpacked: their names depend on images that come later. */
  readonly #scratch: Scratch;
  readonly #layers = new Map<Digest, { readonly start: number; readonly size: number }>();
  readonly #configs = new Map<Digest, Uint8Array>();
  readonly #written = new Set<string>();

  private constructor(writer: ArchiveWriter, scratch: Scratch) {
    this.#writer = writer;
    this.#scratch = scratch;
  }

  static async open(writer: ArchiveWriter): Promise<LegacyFormat> {
    return new LegacyFormat(writer, await Scratch.open());
  }

  async config(digest: Digest, bytes: Uint8Array): Promise<void> {
    diffIdsOf(bytes, `config ${digest}`);
    this.#configs.set(digest, bytes);
  }

  async layer(blob: Blob, options: PutBlobOptions): Promise<void> {
    const { digest } = blob.descriptor;
    const what = `layer ${digest}`;
    this.#layers.set(
      digest,
      await this.#scratch.append(decompress(incoming(blob, this.#writer.name, options), { what })),
    );
  }

  async finish(images: readonly DockerArchiveImage[], options: CallOptions = {}): Promise<void> {
    const entries: DockerEntry[] = [];
    const repositories = new Map<string, Map<string, string>>();
    for (const image of images) {
      // oxlint-disable-next-line no-await-in-loop -- one entry after another
      const { entry, top } = await this.#image(image, options);
      entries.push(entry);
      if (top === undefined) continue;
      for (const tag of image.tags) {
        const colon = tag.lastIndexOf(':');
        const tags = repositories.get(tag.slice(0, colon)) ?? new Map<string, string>();
        repositories.set(tag.slice(0, colon), tags.set(tag.slice(colon + 1), top));
      }
    }
    await this.#writer.bytes('manifest.json', encodeGoJson(sortedEntries(entries)), options);
    const sorted = <T>(map: ReadonlyMap<string, T>): readonly (readonly [string, T])[] =>
      [...map].toSorted(([a], [b]) => (a < b ? -1 : 1));
    const document = sorted(repositories).map(
      ([name, tags]) => [name, Object.fromEntries(sorted(tags))] as const,
    );
    await this.#writer.bytes('repositories', encodeGoJson(Object.fromEntries(document)), options);
  }

  async close(): Promise<void> {
    await this.#scratch.close();
  }

  async #image(
    { manifest, tags }: DockerArchiveImage,
    options: CallOptions,
  ): Promise<{ entry: DockerEntry; top: string | undefined }> {
    const { digest } = manifest.config;
    const raw = this.#configs.get(digest) ?? new Uint8Array(0);
    const config = parseJson(raw, `config ${digest}`);
    const fields = isObject(config) ? config : {};
    const name = `${hexOf(digest)}.json`;
    await this.#once(name, raw.length, () => [raw], options);
    const steps = stepsOf(fields.history);
    const names: string[] = [];
    let parent: string | undefined;
    for (const [at, layer] of manifest.layers.entries()) {
      const top = at === manifest.layers.length - 1 ? { raw, fields } : undefined;
      const old = describeOld({ digest: layer.digest, parent, step: steps[at] ?? {}, top });
      names.push(`${old.id}/layer.tar`);
      // oxlint-disable-next-line no-await-in-loop -- one entry after another
      await this.#layer(old, layer.digest, options);
      parent = old.id;
    }
    const diffIds = diffIdsOf(raw, `config ${digest}`);
    return {
      entry: dockerEntry({ config: name, tags, names, layers: manifest.layers, diffIds }),
      top: parent,
    };
  }

  async #layer({ id, json }: OldLayer, digest: Digest, options: CallOptions): Promise<void> {
    const place = this.#layers.get(digest);
    // One that may not be distributed, and was left out.
    if (place === undefined) return;
    const tar = (): ByteStream => this.#scratch.read(place.start, place.size, options);
    await this.#once(`${id}/layer.tar`, place.size, tar, options);
    await this.#once(`${id}/json`, json.length, () => [json], options);
    await this.#once(`${id}/VERSION`, 3, () => [Buffer.from('1.0')], options);
  }

  async #once(
    name: string,
    size: number,
    body: () => ByteStream | Iterable<Uint8Array>,
    options: CallOptions,
  ): Promise<void> {
    if (this.#written.has(name)) return;
    this.#written.add(name);
    await this.#writer.file(name, size, body, options);
  }
}

/** History entries that have a layer, in their order. */
function stepsOf(history: unknown): readonly Step[] {
  return (Array.isArray(history) ? history : []).filter(isObject).filter((step) => step.empty_layer !== true);
}

function describeOld(layer: {
  readonly digest: Digest;
  readonly parent: string | undefined;
  readonly step: Step;
  /** The topmost layer stands for the whole image. */
  readonly top: { readonly raw: Uint8Array; readonly fields: Readonly<Record<string, unknown>> } | undefined;
}): OldLayer {
  const { digest, parent, step, top } = layer;
  const hash = createHash('sha256').update(`${hexOf(digest)} ${parent ?? ''}`);
  if (top !== undefined) hash.update(' ').update(top.raw);
  const id = hash.digest('hex');
  const of = top?.fields ?? {};
  const text = (value: unknown): string => (typeof value === 'string' ? value : '');
  const own = {
    architecture: text(of.architecture),
    author: step.author,
    container: of.container,
    created: text(top === undefined ? step.created : of.created) || ZERO_TIME,
    docker_version: of.docker_version,
    os: text(of.os),
    rootfs: { type: '', diff_ids: null },
    config: of.config ?? {},
    container_config: { Cmd: [text(step.created_by)] },
    id,
    ...(parent !== undefined && { parent }),
    ...(text(step.comment) !== '' && { comment: step.comment }),
  };
  return { id, json: encodeGo(own, 'config') };
}
