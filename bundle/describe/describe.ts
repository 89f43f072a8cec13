import {
  OciError,
  isImageType,
  isOciError,
  isManifestType,
  parseManifest,
  type CallOptions,
  type Descriptor,
  type Digest,
  type Platform,
  type Reference,
} from '../../oci/index.js';
import { responseDetail } from '../../client/index.js';
import { readManifest } from '../../image/read.js';
import type { Source } from '../../image/media.js';
import { DEFAULT_PLATFORM } from '../../image/views/select.js';
import { platformMatches } from '../../oci/index.js';
import { signatureTag } from '../names.js';
import { fetchWanted, type Found, type Finder } from '../places.js';
import { locationsOf } from '../read/bundle.js';
import { Expansion, type Item } from '../read/graph.js';

/** An image of a bundle, or what is beside it. */
export interface DescribedImage {
  readonly type: 'Image' | 'Internal' | 'Signature';
  /** Where it is fetched from, `repository@digest`. None for what could not be read. */
  readonly image?: string;
  /** As the bundle's list spells it. */
  readonly origin?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly layers?: readonly Digest[];
  readonly error?: string;
}

/** A bundle and all that it lists. Keys are digests, or references of what has no digest that is known. */
export interface DescribedBundle {
  readonly image: string;
  readonly origin: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly layers?: readonly Digest[];
  readonly bundles: Readonly<Record<string, DescribedBundle>>;
  readonly images: Readonly<Record<string, DescribedImage>>;
}

/** What is looked for. */
export interface DescribeOptions extends CallOptions {
  /** Things looked at at once. Default 5. */
  readonly concurrency?: number;
  /** Whether layers are listed. Default true. */
  readonly layers?: boolean;
  /** Whether cosign's signatures are looked for. Default true. */
  readonly signatures?: boolean;
}

const NO_BUNDLE =
  'Only bundles can be described, and this is not one (hint: look at an image with `ocilot image manifest`)';

/**
 * Tells what a bundle lists, at any depth, and where it would be fetched from. All is read with the same credentials, in
 * parallel; of an index the layers are those of linux/amd64, or of its first image.
 * @throws OciError `INVALID_OPTION` for what is no bundle, and what the registries answer
 */
export async function describeBundle(
  places: Finder,
  wanted: Reference,
  options: DescribeOptions = {},
): Promise<DescribedBundle> {
  const { signal, concurrency = 5 } = options;
  const call: CallOptions = signal === undefined ? {} : { signal };
  const found = await fetchWanted(places, wanted, call);
  const root = await new Expansion(places, { ...call, concurrency }).add(found);
  if (root.images === undefined) throw new OciError('INVALID_OPTION', NO_BUNDLE);
  return await new Describer(places, call, options).bundle(root, { origin: root.reference });
}

/** What a list says of one of its entries. */
interface Listed {
  readonly origin: string;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

class Describer {
  readonly #places: Finder;
  readonly #call: CallOptions;
  readonly #options: DescribeOptions;

  constructor(places: Finder, call: CallOptions, options: DescribeOptions) {
    this.#places = places;
    this.#call = call;
    this.#options = options;
  }

  async bundle(item: Item, { origin, annotations }: Listed): Promise<DescribedBundle> {
    const bundles: Record<string, DescribedBundle> = {};
    const images: Record<string, DescribedImage> = {};
    const listed = item.images ?? [];
    await Promise.all([
      ...listed.map(async (entry) => {
        const said = { origin: entry.locked.image, annotations: entry.locked.annotations };
        const { digest } = entry.item.found.descriptor;
        if (entry.item.images === undefined) images[digest] = await this.#image(entry.item, said);
        else bundles[digest] = await this.bundle(entry.item, said);
      }),
      ...[item, ...listed.map((entry) => entry.item)].map((one) => this.#signature(one, images)),
      this.#locations(item, images),
    ]);
    return {
      image: item.reference,
      origin,
      ...(annotations && { annotations }),
      ...(await this.#layers(item.found)),
      bundles,
      images,
    };
  }

  async #image(item: Item, { origin, annotations }: Listed): Promise<DescribedImage> {
    return {
      type: 'Image',
      image: item.reference,
      origin,
      ...(annotations && { annotations }),
      ...(await this.#layers(item.found)),
    };
  }

  async #locations(item: Item, into: Record<string, DescribedImage>): Promise<void> {
    const found = await locationsOf(this.#places, item.found, this.#call);
    if (found === undefined) return;
    const { digest } = found.image.descriptor;
    into[digest] = {
      type: 'Internal',
      image: referenceOf(found.image),
      ...(await this.#layers(found.image)),
    };
  }

  async #signature(
    { found: { place, descriptor } }: Item,
    into: Record<string, DescribedImage>,
  ): Promise<void> {
    if (this.#options.signatures === false) return;
    const tag = signatureTag(descriptor.digest);
    try {
      const found = await this.#places.get(place, tag, this.#call);
      const signature = { type: 'Signature', image: referenceOf(found), annotations: { tag } } as const;
      into[found.descriptor.digest] = { ...signature, ...(await this.#layers(found)) };
    } catch (error) {
      const status = responseDetail(error)?.status;
      if (status === 404 || (status === undefined && isOciError(error, 'MANIFEST_UNKNOWN'))) return;
      if (status !== 403 && status !== 401) throw error;
      into[`${place.registry}/${place.repository}:${tag}`] = {
        type: 'Signature',
        error: (error as Error).message,
      };
    }
  }

  async #layers({ source, descriptor }: Found): Promise<{ readonly layers?: readonly Digest[] }> {
    if (this.#options.layers === false) return {};
    return { layers: await layersOf(source, descriptor, this.#call) };
  }
}

const referenceOf = ({ place, descriptor: { digest } }: Found): string =>
  `${place.registry}/${place.repository}@${digest}`;

/** The layers of an image; of an index those of the image that most people mean. None of an index of nothing. */
async function layersOf(
  source: Source,
  descriptor: Descriptor,
  call: CallOptions,
): Promise<readonly Digest[]> {
  const manifest = parseManifest(await readManifest(source, descriptor, call), descriptor.mediaType);
  if (manifest.kind === 'image') return manifest.layers.map(({ digest }) => digest);
  const children = manifest.manifests.filter(({ mediaType }) => isManifestType(mediaType));
  const meant = children.find(({ platform }) => isDefault(platform));
  const child = meant ?? children.find(({ mediaType }) => isImageType(mediaType)) ?? children[0];
  return child === undefined ? [] : await layersOf(source, child, call);
}

const isDefault = (platform: Platform | undefined): boolean =>
  platform !== undefined && platformMatches(platform, DEFAULT_PLATFORM);
