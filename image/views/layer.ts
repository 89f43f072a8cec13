import { Digester, type Blob, type CallOptions, type Digest, type Layer } from '../../oci/index.js';
import { decompress } from '../compression.js';
import type { Origin } from '../media.js';
import { once } from './once.js';

/** A layer that may say which repository has it, so that a registry can mount it from there. */
export interface LayerView extends Layer {
  readonly origin?: Origin;
  /** Takes away the temporary file that the layer is in, where it is in one. It goes with the process at the latest. */
  close?(): Promise<void>;
}

/** What is known of a layer besides its bytes. */
export interface LayerFacts {
  /** What it unpacks to, or how to ask. Where that is not known the layer is read to find out. */
  readonly diffId?: Digest | ((options: CallOptions) => Promise<Digest | undefined>) | undefined;
  readonly origin?: Origin | undefined;
}

/** A layer whose bytes are those of a blob; how it is packed is told by its first bytes. */
export function layerOf(blob: Blob, { diffId, origin }: LayerFacts = {}): LayerView {
  const what = `layer ${blob.descriptor.digest}`;
  const uncompressed = async (options: CallOptions = {}): Promise<AsyncGenerator<Uint8Array>> =>
    decompress(await blob.open(options), { ...options, what });
  return {
    descriptor: blob.descriptor,
    open: (options) => blob.open(options),
    uncompressed,
    diffId: once(async (options) => {
      const known = typeof diffId === 'function' ? await diffId(options) : diffId;
      if (known !== undefined) return known;
      const digester = new Digester();
      for await (const chunk of await uncompressed(options)) digester.update(chunk);
      return digester.digest();
    }),
    ...(origin === undefined ? {} : { origin }),
  };
}

/** The same layer under another descriptor of the same content. */
export function redescribed(layer: LayerView, change: Partial<LayerView['descriptor']>): LayerView {
  return { ...layer, descriptor: { ...layer.descriptor, ...change } };
}

/** True for layers of files, of OCI and Docker; other artifacts have layers of anything. */
export function isLayerType(mediaType: string): boolean {
  return /^application\/vnd\.(?:oci\.image\.layer|docker\.image\.rootfs)\./.test(mediaType);
}
