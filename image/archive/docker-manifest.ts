import {
  isObject,
  isStringList,
  parseDescriptor,
  parseJson,
  type CallOptions,
  type Descriptor,
} from '../../oci/index.js';
import { corrupt } from '../corrupt.js';
import { cleanName } from './entry-names.js';
import type { TarFile } from './tar-file.js';

/** The most bytes of a `manifest.json` that are read: imgpkg keeps all manifests and configs in it. */
const LIMIT = 64 << 20;

/** An image of a docker archive, as its `manifest.json` has it. */
export interface DockerImage {
  /** Names of entries. */
  readonly config: string;
  readonly layers: readonly string[];
  readonly repoTags: readonly string[];
  /** Descriptors of layers by the digest of their content unpacked. */
  readonly layerSources: ReadonlyMap<string, Descriptor>;
}

/** The parsed `manifest.json`; undefined when there is none. Throws OciError `CONTENT_INVALID`. */
export async function readManifestJson(
  tar: TarFile,
  options?: CallOptions,
): Promise<readonly unknown[] | undefined> {
  const file = tar.follow('manifest.json');
  if (file === undefined) return undefined;
  const what = `manifest.json of ${tar.name}`;
  const value = parseJson(await tar.whole(file, LIMIT, options), what, 'CONTENT_INVALID');
  if (!Array.isArray(value)) throw corrupt(`${what} is not a list of images`);
  return value;
}

/**
 * Reads an element of a docker archive's `manifest.json`.
 * @throws OciError `CONTENT_INVALID`
 */
export function parseDockerImage(value: unknown, at: number, place: string): DockerImage {
  const where = `manifest.json of ${place}: entry ${at}`;
  if (!isObject(value)) throw corrupt(`${where} is not an object`);
  const { Config: config, Layers: layers, RepoTags: repoTags, LayerSources: sources } = value;
  if (typeof config !== 'string') throw corrupt(`${where} has no Config`);
  if (!isStringList(layers ?? [])) throw corrupt(`${where}: Layers is not a list of names`);
  if (!isStringList(repoTags ?? [])) throw corrupt(`${where}: RepoTags is not a list of names`);
  if (!isObject(sources ?? {})) throw corrupt(`${where}: LayerSources is not an object`);
  return {
    config: cleanName(config, where),
    layers: ((layers ?? []) as string[]).map((name) => cleanName(name, where)),
    repoTags: (repoTags ?? []) as string[],
    layerSources: parseSources((sources ?? {}) as Record<string, unknown>, where),
  };
}

function parseSources(sources: Record<string, unknown>, where: string): ReadonlyMap<string, Descriptor> {
  return new Map(
    Object.entries(sources).map(([diffId, value]) => {
      try {
        return [diffId, parseDescriptor(value, `LayerSources["${diffId}"]`)];
      } catch (cause) {
        throw corrupt(`${where}: ${(cause as Error).message}`, cause);
      }
    }),
  );
}
