import { printable } from '../../oci/index.js';
import { TAG_ANNOTATION } from '../lock/annotations.js';
import { parsePinned } from '../locks/index.js';
import type { TreeNode } from '../tree.js';
import type { BundleDiff } from './diff.js';
import type { FileChange } from './files.js';
import { listedName, type ImageChange } from './images.js';

const SIGNS = { added: '+', removed: '-', changed: '~', moved: '~' } as const;

/** A difference as lines for people; none when there is none. */
export function diffAsText({ from, to, same, bundles, images }: BundleDiff): readonly string[] {
  if (same) return [];
  const root = bundles.find((one) => one.from === from);
  const sections = bundles.map((one) => [
    '',
    one === root ? 'files' : `files of ${repositoryOf(one.to)}`,
    ...one.files.map((file) => `${SIGNS[file.change]} ${file.path}${detailsOf(file)}`),
  ]);
  const listed = images.length === 0 ? [] : ['', 'images', ...images.map(imageLine)];
  const found = [...sections.flat(), ...listed];
  const rest = found.length > 0 ? [] : ['', 'files and images are the same; labels or packing differ'];
  return [`--- ${from.reference}`, `+++ ${to.reference}`, ...found, ...rest].map(printable);
}

function detailsOf({ what = [], modes = ['', ''] }: FileChange): string {
  const details = what.map((fact) => (fact === 'mode' ? `mode ${modes[0]} → ${modes[1]}` : fact));
  return details.length === 0 ? '' : `  ${details.join(', ')}`;
}

function imageLine({ change, from, to }: ImageChange): string {
  if (from === undefined || to === undefined) {
    const node = from ?? to;
    return `${SIGNS[change]} ${node === undefined ? '' : `${listedName(node)}${kindOf(node)}`}`;
  }
  const [before, after] = [repositoryOf(from), repositoryOf(to)];
  const place = before === after ? after : `${before} → ${after}`;
  const digests = from.digest === to.digest ? from.digest : `${from.digest} → ${to.digest}`;
  const tags = [from, to].map(({ annotations }) => annotations?.[TAG_ANNOTATION]);
  const tag = tags.includes(undefined) || tags[0] === tags[1] ? '' : `  ${tags[0]} → ${tags[1]}`;
  return `${SIGNS[change]} ${place}${tag}  ${digests}${kindOf(to)}`;
}

const kindOf = ({ kind }: TreeNode): string => (kind === 'image' ? '' : `  ${kind}`);

function repositoryOf(node: TreeNode): string {
  const { registry, repository } = parsePinned(listedName(node));
  return `${registry}/${repository}`;
}

/** A difference as plain data, for JSON. */
export function diffAsData({ from, to, same, bundles, images }: BundleDiff): Record<string, unknown> {
  return {
    from: from.reference,
    to: to.reference,
    same,
    files: bundles.flatMap((one) =>
      one.files.map((file) => ({ ...(one.from !== from && { bundle: repositoryOf(one.to) }), ...file })),
    ),
    images: images.map(({ change, from: before, to: after }) => ({
      change,
      kind: (after ?? before)?.kind,
      ...(before && { from: sideOf(before) }),
      ...(after && { to: sideOf(after) }),
    })),
  };
}

const sideOf = (node: TreeNode): object => ({
  image: listedName(node),
  ...(node.annotations && { annotations: node.annotations }),
});
