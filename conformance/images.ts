import { MEDIA_TYPES, encodeJson, type Descriptor, type DigestAlgorithm } from '../oci/index.js';
import { toPushable, type Pushable } from './content.js';
import { pushBlob, pushManifest } from './push.js';
import type { TestContext } from './test-case.js';

/** Content of an empty descriptor (image-spec, "Guidance for an empty descriptor"). */
export const EMPTY_JSON: Uint8Array = encodeJson({});

export interface ImageOptions {
  /** Sets content apart within a test. */
  readonly label?: string;
  readonly algorithm?: DigestAlgorithm;
  readonly mediaType?: string;
  readonly configType?: string;
  readonly layerType?: string;
  readonly layers?: number;
  /** Further members of the manifest: subject, artifactType, annotations, or unknown ones. */
  readonly more?: Readonly<Record<string, unknown>>;
  readonly repository?: string;
}

/** Pushes the blobs of an image and gives its manifest, which is not pushed yet. */
export async function makeImage(context: TestContext, options: ImageOptions = {}): Promise<Pushable> {
  const { algorithm = 'sha256', label = 'image', repository = context.repository } = options;
  const config = await pushBlob(
    context.http,
    repository,
    encodeJson({
      architecture: 'amd64',
      os: 'linux',
      config: { Labels: { seed: context.content.word(`${label} config`) } },
      rootfs: { type: 'layers', diff_ids: [] },
    }),
    { algorithm, mediaType: options.configType ?? MEDIA_TYPES.ociConfig },
  );
  const layers: Descriptor[] = [];
  for (let i = 0; i < (options.layers ?? 1); i++) {
    layers.push(
      await pushBlob(context.http, repository, context.content.bytes(`${label} layer ${i}`, 700 + i), {
        algorithm,
        mediaType: options.layerType ?? MEDIA_TYPES.ociLayerGzip,
      }),
    );
  }
  return toPushable(
    {
      ...imageDocument({ config, layers, ...options.more }),
      mediaType: options.mediaType ?? MEDIA_TYPES.ociManifest,
    },
    algorithm,
  );
}

/** Pushes a whole image, under a tag when one is given, else by digest. */
export async function pushImage(
  context: TestContext,
  options: ImageOptions & { readonly tag?: string } = {},
): Promise<Pushable> {
  const image = await makeImage(context, options);
  await pushManifest(context.http, options.repository ?? context.repository, image, options.tag);
  return image;
}

/** The smallest artifact: an empty config and the empty layer, with a type of its own. */
export async function makeArtifact(
  context: TestContext,
  more: Readonly<Record<string, unknown>>,
): Promise<Pushable> {
  const empty = await pushBlob(context.http, context.repository, EMPTY_JSON, {
    mediaType: MEDIA_TYPES.ociEmpty,
  });
  return toPushable(imageDocument({ config: empty, layers: [empty], ...more }));
}

/** An image manifest. */
export function imageDocument(
  members: { readonly config: Descriptor; readonly layers: readonly Descriptor[] } & Readonly<
    Record<string, unknown>
  >,
): { readonly schemaVersion: 2; readonly mediaType: string } {
  return { schemaVersion: 2, mediaType: MEDIA_TYPES.ociManifest, ...members };
}

/** An index over some manifests. */
export function makeIndex(
  manifests: readonly Descriptor[],
  more: Readonly<Record<string, unknown>> = {},
  algorithm: DigestAlgorithm = 'sha256',
): Pushable {
  const document = { schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests, ...more };
  return toPushable(document, algorithm);
}

/** The descriptor of an image as an index lists it. */
export function onPlatform(descriptor: Descriptor, architecture: string): Descriptor {
  return { ...descriptor, platform: { os: 'linux', architecture } };
}
