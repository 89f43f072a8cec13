import {
  describe,
  digestOf,
  algorithmOf,
  formatPlatform,
  isManifestType,
  isObject,
  printable,
  quote,
  type Descriptor,
  type Digest,
  type Platform,
} from '../../oci/index.js';
import { platformOf } from '../mutate/image-index.js';
import { diffIdsOf, isImageConfigType, parseConfig, type ImageView } from '../views/image.js';
import type { IndexView, View } from '../views/image-index.js';
import { layerProblems } from './layer.js';
import { attempt, type Problem, type ValidateOptions } from './problem.js';

/**
 * Everything that is wrong with an image or an index: whether all of it is there, each digest and size, whether the config
 * tells of the layers there are and layers unpack to what it says, whether each entry of an index says what it points to.
 * Layers may be packed with gzip, zstd or not at all. An empty list is good news.
 * @throws OciError what reading throws for any reason but the content
 */
export async function validate(view: View, options: ValidateOptions = {}): Promise<readonly Problem[]> {
  return await viewProblems(view, options, new Set());
}

type Seen = Set<string>;

async function viewProblems(view: View, options: ValidateOptions, seen: Seen): Promise<Problem[]> {
  const { digest } = view.descriptor;
  if (seen.has(digest)) return [];
  seen.add(digest);
  const at = `${view.kind} ${digest}`;
  const problems: Problem[] = [];
  const bytes = await attempt(problems, at, view.raw(options));
  if (bytes === undefined) return problems;
  problems.push(...sizeProblems(at, view.descriptor, bytes));
  const found = await attempt(
    problems,
    at,
    view.kind === 'image' ? imageProblems(view, options, seen) : indexProblems(view, options, seen),
  );
  return [...problems, ...(found ?? [])];
}

function sizeProblems(at: string, { digest, size }: Descriptor, bytes: Uint8Array): Problem[] {
  const got = describe('', bytes);
  const problems: Problem[] = [];
  if (got.size !== size)
    problems.push({ at, message: `it has ${got.size} bytes, but its descriptor says ${size}` });
  const own = digestOf(bytes, algorithmOf(digest));
  if (own !== digest) problems.push({ at, message: `its digest is ${own}` });
  return problems;
}

async function imageProblems(image: ImageView, options: ValidateOptions, seen: Seen): Promise<Problem[]> {
  const { config } = await image.manifest(options);
  const at = `config ${config.digest}`;
  const problems: Problem[] = [];
  const bytes = await attempt(problems, at, image.config(options));
  if (bytes === undefined) return problems;
  problems.push(...sizeProblems(at, config, bytes));
  const layers = await image.layers(options);
  let diffIds: readonly Digest[] = [];
  if (isImageConfigType(config.mediaType)) {
    const document = parseConfig(bytes, config);
    const rootfs = isObject(document.rootfs) ? document.rootfs : {};
    diffIds = diffIdsOf(document);
    if (rootfs.type !== 'layers') problems.push({ at, message: 'its rootfs is not of the type "layers"' });
    if (diffIds.length !== layers.length)
      problems.push({ at, message: `it tells of ${diffIds.length} layers, but there are ${layers.length}` });
  }
  for (const [index, layer] of layers.entries()) {
    const diffId = diffIds.length === layers.length ? diffIds[index] : undefined;
    const key = `${layer.descriptor.digest} ${diffId}`;
    if (seen.has(key)) continue;
    seen.add(key);
    // oxlint-disable-next-line no-await-in-loop -- one after another: the memory of one
    problems.push(...(await layerProblems(layer, diffId, options)));
  }
  return problems;
}

async function indexProblems(index: IndexView, options: ValidateOptions, seen: Seen): Promise<Problem[]> {
  const { manifests } = await index.manifest(options);
  const problems: Problem[] = [];
  for (const entry of manifests.filter(({ mediaType }) => isManifestType(mediaType))) {
    const at = `entry ${entry.digest}`;
    // oxlint-disable-next-line no-await-in-loop
    const child = await attempt(problems, at, index.child(entry, options));
    if (child === undefined) continue;
    // oxlint-disable-next-line no-await-in-loop
    const found = await viewProblems(child, options, seen);
    problems.push(...found);
    // oxlint-disable-next-line no-await-in-loop
    if (found.length === 0) problems.push(...(await entryProblems(at, entry, child, options)));
  }
  return problems;
}

/** Whether the entry says of the child what the child says of itself. */
async function entryProblems(
  at: string,
  entry: Descriptor,
  child: View,
  options: ValidateOptions,
): Promise<Problem[]> {
  const { mediaType } = await child.manifest(options);
  const problems: Problem[] = [];
  if (mediaType !== entry.mediaType)
    problems.push({ at, message: `it says ${quote(entry.mediaType)}, but it is ${quote(mediaType)}` });
  const own = child.kind === 'image' ? await platformOf(child, options) : undefined;
  if (own !== undefined && entry.platform !== undefined && !isSame(own, entry.platform)) {
    const [said, is] = [entry.platform, own].map((platform) => printable(formatPlatform(platform)));
    problems.push({ at, message: `its platform is ${said}, but its config says ${is}` });
  }
  return problems;
}

/** What an entry leaves out is not wrong: many leave out the version. */
function isSame(own: Platform, said: Platform): boolean {
  return (['os', 'architecture', 'variant', 'os.version'] as const).every(
    (key) => !said[key] || said[key] === (own[key] ?? ''),
  );
}
