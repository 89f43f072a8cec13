import { MEDIA_TYPES, OciError, describe } from '../oci/index.js';
import { ZERO_TIME, encodeGo } from './go-json.js';
import { typeIn, type Family } from './mutate/types.js';
import type { ImageView } from './views/image.js';
import type { IndexView } from './views/image-index.js';
import { makeImage, makeIndex } from './views/made.js';

/** An image of nothing, to build on: no layers, no platform, the bytes of crane's. OCI types by default. */
export function emptyImage(family: Family = 'oci'): ImageView {
  const config = encodeGo(
    {
      architecture: '',
      created: ZERO_TIME,
      os: '',
      rootfs: { type: 'layers', diff_ids: null },
      config: {},
    },
    'config',
  );
  const document = {
    schemaVersion: 2,
    mediaType: typeIn(family, MEDIA_TYPES.ociManifest),
    config: describe(typeIn(family, MEDIA_TYPES.ociConfig), config),
    layers: [],
  };
  return makeImage({ raw: encodeGo(document, 'manifest'), config, layers: [] });
}

/** An index of nothing, to add to. OCI's by default. */
export function emptyIndex(family: Family = 'oci'): IndexView {
  const document = { schemaVersion: 2, mediaType: typeIn(family, MEDIA_TYPES.ociIndex), manifests: [] };
  const missing =
    (code: 'BLOB_UNKNOWN' | 'MANIFEST_UNKNOWN') =>
    ({ digest }: { readonly digest: string }): never => {
      throw new OciError(code, `the empty index has no entry ${digest}`);
    };
  return makeIndex({
    raw: encodeGo(document, 'index'),
    child: async (descriptor) => missing('MANIFEST_UNKNOWN')(descriptor),
    blob: missing('BLOB_UNKNOWN'),
  });
}
