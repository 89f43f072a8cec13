import {
  MANIFEST_LIMIT,
  MEDIA_TYPES,
  OciError,
  collect,
  isDigest,
  isObject,
  parseJson,
  parseManifest,
  type CallOptions,
  type Descriptor,
  type Digest,
  type Image,
  type ImageManifest,
} from '../../oci/index.js';
import type { Origin, Source } from '../media.js';
import { blobOf, openBlob, readManifest } from '../read.js';
import { layerOf, type LayerView } from './layer.js';
import { once } from './once.js';

/** An image whose layers may know where they can be mounted from. */
export interface ImageView extends Image {
  layers(options?: CallOptions): Promise<readonly LayerView[]>;
  /** Which repository has the config, for mounting. */
  readonly origin?: Origin;
}

const CONFIG_TYPES: ReadonlySet<string> = new Set([MEDIA_TYPES.ociConfig, MEDIA_TYPES.dockerConfig]);

/** True for the config of an image that can run, and not of some other artifact. */
export const isImageConfigType = (mediaType: string): boolean => CONFIG_TYPES.has(mediaType);

/**
 * An image of a source. Nothing is read before it is asked for, manifest and config only once; all bytes are checked
 * against their digests.
 * @throws OciError from its methods: `MANIFEST_INVALID`, `CONTENT_INVALID` for a config that is none, and what
 * `readManifest` and `openBlob` throw
 */
export function imageFrom(source: Source, descriptor: Descriptor): ImageView {
  const raw = once((options) => readManifest(source, descriptor, options));
  const manifest = once(async (options) => imageManifest(await raw(options), descriptor));
  const config = once(async (options) => readConfig(source, (await manifest(options)).config, options));
  const diffIds = once(async (options) => {
    const { config: described, layers: listed } = await manifest(options);
    if (!isImageConfigType(described.mediaType)) return [];
    const found = diffIdsOf(parseConfig(await config(options), described));
    return found.length === listed.length ? found : [];
  });
  const layers = once(async (options) =>
    (await manifest(options)).layers.map((layer, index) =>
      layerOf(blobOf(source, layer), {
        diffId: async (call) => (await diffIds(call))[index],
        origin: source.origin,
      }),
    ),
  );
  return {
    kind: 'image',
    descriptor,
    raw,
    manifest,
    config,
    layers,
    ...(source.origin === undefined ? {} : { origin: source.origin }),
  };
}

function imageManifest(bytes: Uint8Array, descriptor: Descriptor): ImageManifest {
  const manifest = parseManifest(bytes, descriptor.mediaType);
  if (manifest.kind === 'image') return manifest;
  throw new OciError(
    'MANIFEST_INVALID',
    `manifest ${descriptor.digest} is an index, expected an image: choose one of its platforms`,
  );
}

async function readConfig(source: Source, config: Descriptor, options: CallOptions): Promise<Uint8Array> {
  const what = `config ${config.digest} of ${source.name}`;
  if (config.size > MANIFEST_LIMIT)
    throw new OciError('SIZE_LIMIT', `${what} is larger than ${MANIFEST_LIMIT} bytes`);
  return await collect(await openBlob(source, config, options), MANIFEST_LIMIT, what);
}

/**
 * The config of an image as an object.
 * @throws OciError `CONTENT_INVALID`
 */
export function parseConfig(bytes: Uint8Array, { digest }: Descriptor): Record<string, unknown> {
  const config = parseJson(bytes, `config ${digest}`, 'CONTENT_INVALID');
  if (isObject(config)) return config;
  throw new OciError('CONTENT_INVALID', `config ${digest} is not a JSON object`);
}

/** What a config says the layers unpack to; nothing where it is silent or wrong. */
export function diffIdsOf(config: Record<string, unknown>): readonly Digest[] {
  const listed = isObject(config.rootfs) ? config.rootfs.diff_ids : undefined;
  const isDiffId = (value: unknown): value is Digest => typeof value === 'string' && isDigest(value);
  return Array.isArray(listed) && listed.every(isDiffId) ? listed : [];
}
