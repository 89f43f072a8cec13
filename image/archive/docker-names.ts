import { OciError, quote } from '../../oci/index.js';

/** How names become the `RepoTags` of a docker archive. */
export interface DockerNameOptions {
  /** Whose tags bare names are: with `registry.example/app` the name `v1` becomes `registry.example/app:v1`. */
  readonly repository?: string;
}

/**
 * The `RepoTags` for names, as they were spelled: `:latest` is added where it is meant, a name with a digest gives none.
 * @throws OciError `INVALID_OPTION` for a name that cannot be one
 */
export function repoTags(
  names: readonly string[],
  { repository }: DockerNameOptions = {},
): readonly string[] {
  return names.flatMap((name) => {
    if (name === '' || /[\s\0]/.test(name))
      throw new OciError(
        'INVALID_OPTION',
        `${quote(name)} cannot be a name in a docker archive: expected repository:tag`,
      );
    if (name.includes('@')) return [];
    const bare = !/[:/]/.test(name);
    if (bare && repository !== undefined) return [`${repository}:${name}`];
    return [name.lastIndexOf(':') > name.lastIndexOf('/') ? name : `${name}:latest`];
  });
}

/** JSON as Go writes it: what HTML would take for markup is escaped. */
export function encodeGoJson(value: unknown): Uint8Array {
  const escaped = JSON.stringify(value).replaceAll(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return Buffer.from(escaped);
}

/** An entry of `manifest.json` in a docker archive; its keys in this order. */
export interface DockerEntry {
  readonly Config: string;
  /** Null for an image without a name. */
  readonly RepoTags: readonly string[] | null;
  readonly Layers: readonly string[];
  /** Descriptors of layers that need not be in the archive, by the digest of their content unpacked. */
  readonly LayerSources?: Readonly<Record<string, unknown>>;
}

/** In the order of their names, as crane and Docker's readers expect nothing else of them. */
export function sortedEntries(entries: readonly DockerEntry[]): readonly DockerEntry[] {
  const key = ({ RepoTags }: DockerEntry): string => (RepoTags ?? []).join(',');
  return entries.toSorted((a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0));
}
