import { Digester, type CallOptions, type Digest } from '../../oci/index.js';
import { flattenedEntries } from '../../image/files/index.js';
import type { TarType } from '../../image/tar/index.js';
import { imageFrom } from '../../image/views/image.js';
import type { TreeNode } from '../tree.js';

/** What there is to say of a file. */
interface FileFacts {
  readonly type: TarType;
  readonly mode: number;
  readonly content: Digest | string;
}

/** A file or a folder of a bundle that differs. */
export interface FileChange {
  readonly change: 'added' | 'changed' | 'removed';
  readonly path: string;
  /** What of it changed: its bytes or where it leads, its mode, what kind of thing it is. */
  readonly what?: readonly ('content' | 'mode' | 'type')[];
  /** Modes as octal numbers, where they changed. */
  readonly modes?: readonly [from: string, to: string];
}

/**
 * The files that differ between two bundles or images, as their layers leave them, sorted by path. Equal layers are not read.
 * @throws OciError what reading the layers throws
 */
export async function diffFiles(a: TreeNode, b: TreeNode, options: CallOptions): Promise<FileChange[]> {
  if (a.digest === b.digest || (await sameLayers(a, b, options))) return [];
  const [before, after] = await Promise.all([factsOf(a, options), factsOf(b, options)]);
  const paths = [...new Set([...before.keys(), ...after.keys()])].toSorted((x, y) =>
    Buffer.compare(Buffer.from(x), Buffer.from(y)),
  );
  return paths.flatMap((path) => {
    const change = changeOf(path, before.get(path), after.get(path));
    return change === undefined ? [] : [change];
  });
}

async function sameLayers(a: TreeNode, b: TreeNode, options: CallOptions): Promise<boolean> {
  const [left, right] = await Promise.all(
    [a, b].map(async ({ source, descriptor }) =>
      (await imageFrom(source, descriptor).layers(options)).map((layer) => layer.descriptor.digest),
    ),
  );
  return JSON.stringify(left) === JSON.stringify(right);
}

async function factsOf(
  { source, descriptor }: TreeNode,
  options: CallOptions,
): Promise<Map<string, FileFacts>> {
  const facts = new Map<string, FileFacts>();
  for await (const { name, type, mode = 0, body, linkname = '' } of flattenedEntries(
    imageFrom(source, descriptor),
    options,
  )) {
    const path = name.replace(/\/$/, '');
    if (path === '' || path === '.') continue;
    const digester = new Digester();
    for await (const chunk of body ?? []) digester.update(chunk);
    facts.set(path, { type, mode: mode & 0o7777, content: linkname || digester.digest() });
  }
  return facts;
}

function changeOf(
  path: string,
  before: FileFacts | undefined,
  after: FileFacts | undefined,
): FileChange | undefined {
  if (before === undefined) return { change: 'added', path };
  if (after === undefined) return { change: 'removed', path };
  const what = (['type', 'content', 'mode'] as const).filter((fact) => before[fact] !== after[fact]);
  if (what.length === 0) return undefined;
  const modes = [octal(before.mode), octal(after.mode)] as const;
  return { change: 'changed', path, what, ...(what.includes('mode') && { modes }) };
}

const octal = (mode: number): string => mode.toString(8).padStart(4, '0');
