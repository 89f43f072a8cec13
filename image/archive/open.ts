import {
  OciError,
  childrenOf,
  isManifestType,
  isNonDistributable,
  isOciError,
  parseManifest,
  type CallOptions,
  type Descriptor,
} from '../../oci/index.js';
import { LayoutSource } from '../layout/source.js';
import type { Source } from '../media.js';
import { readManifest } from '../read.js';
import { BASE_NAME } from './base.js';
import type { ArchiveInput } from './bytes.js';
import { parseDockerImage, readManifestJson } from './docker-manifest.js';
import { DockerSource } from './docker-source.js';
import { imgpkgSource, isImgpkgList, type ImgpkgArchive } from './imgpkg-source.js';
import { LayoutTar } from './layout-archive.js';
import { TarFile } from './tar-file.js';

/** A source that is to be closed. */
export type ArchiveSource = Source & { close(): Promise<void> };

/**
 * Opens an archive of images of any format that is known: an OCI layout, Docker's, imgpkg's.
 * @throws OciError `INVALID_OPTION` for what is none, `CONTENT_INVALID` for a damaged or hostile one, `SIZE_LIMIT`,
 * `STORE_FULL`, `UNSUPPORTED`
 */
export function openArchive(input: ArchiveInput, options: CallOptions = {}): Promise<ArchiveSource> {
  return opened(input, options, (tar) => openTarSource(tar, options));
}

/**
 * Opens a docker archive (`docker save`, crane, skopeo, podman). Names are compared as Docker does. Where Docker has put
 * an OCI layout of the same images beside (25 and later), and it is whole, that is read: its manifests keep their digests.
 * @throws OciError as `openArchive`
 */
export function openDockerArchive(input: ArchiveInput, options: CallOptions = {}): Promise<ArchiveSource> {
  return opened(input, options, async (tar) => {
    const layout = await wholeLayout(tar, options);
    if (layout !== undefined && tar.follow('manifest.json') !== undefined) return layout;
    const list = await readManifestJson(tar, options);
    if (list === undefined || isImgpkgList(list)) throw notAn(tar, 'a docker archive');
    return dockerSource(tar, list);
  });
}

/**
 * Opens a tar that imgpkg wrote.
 * @throws OciError as `openArchive`
 */
export function openImgpkgArchive(input: ArchiveInput, options: CallOptions = {}): Promise<ImgpkgArchive> {
  return opened(input, options, async (tar) => {
    const list = await readManifestJson(tar, options);
    if (list === undefined || !isImgpkgList(list)) throw notAn(tar, "an archive of imgpkg's");
    return imgpkgSource(tar, list);
  });
}

/** What `openArchive` does with a tar that is open already. */
export async function openTarSource(tar: TarFile, options: CallOptions = {}): Promise<ArchiveSource> {
  const layout = new LayoutTar(tar);
  const list = tar.follow('manifest.json') === undefined ? undefined : await readManifestJson(tar, options);
  if (tar.file('index.json') !== undefined && (list === undefined || (await isWhole(layout, options)))) {
    await layout.check(options);
    return new LayoutSource(layout);
  }
  if (list === undefined)
    throw notAn(tar, 'an archive of images: it has neither index.json nor manifest.json');
  return isImgpkgList(list) ? imgpkgSource(tar, list) : dockerSource(tar, list);
}

async function opened<T>(
  input: ArchiveInput,
  options: CallOptions,
  read: (tar: TarFile) => Promise<T>,
): Promise<T> {
  const tar = await TarFile.open(input, options);
  try {
    return await read(tar);
  } catch (error) {
    await tar.close();
    throw error;
  }
}

function notAn(tar: TarFile, expected: string): OciError {
  return new OciError('INVALID_OPTION', `${tar.name} is not ${expected}`);
}

function dockerSource(tar: TarFile, list: readonly unknown[]): DockerSource {
  return new DockerSource(
    tar,
    list.map((value, at) => parseDockerImage(value, at, tar.name)),
  );
}

async function wholeLayout(tar: TarFile, options: CallOptions): Promise<LayoutSource | undefined> {
  const layout = new LayoutTar(tar, `docker-archive:${tar.name}`);
  if (tar.file('index.json') === undefined || !(await isWhole(layout, options))) return undefined;
  return new LayoutSource(layout);
}

/**
 * Whether everything is there, in its size, that the index of a layout leads to; a differential archive says itself what
 * is not.
 */
async function isWhole(layout: LayoutTar, options: CallOptions): Promise<boolean> {
  if (layout.tar.file(BASE_NAME) !== undefined) return true;
  const source = new LayoutSource(layout);
  const waiting: Descriptor[] = [...(await source.entries(options))];
  const seen = new Set<string>();
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (seen.has(next.digest)) continue;
    seen.add(next.digest);
    // oxlint-disable-next-line no-await-in-loop -- what comes next stands in it
    const size = await layout.size(next.digest);
    if (size !== next.size && !(size === undefined && isNonDistributable(next.mediaType))) return false;
    if (!isManifestType(next.mediaType)) continue;
    try {
      // oxlint-disable-next-line no-await-in-loop
      waiting.push(...childrenOf(parseManifest(await readManifest(source, next, options), next.mediaType)));
    } catch (error) {
      if (isOciError(error)) return false;
      throw error;
    }
  }
  return seen.size > 0;
}
