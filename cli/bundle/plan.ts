import { statfs } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import {
  parsePinned,
  planCopy,
  type CopySet,
  type CopySetOptions,
  type Destination,
} from '../../bundle/index.js';
import { showSize } from '../values/size.js';
import type { Work } from './work.js';
import { showCount } from '../values/count.js';

/** What is said of where a set comes from and goes to. */
interface Ways {
  readonly referrers?: boolean;
  readonly toTar?: string;
  readonly toRepo?: string;
}

/** Whether a copy leaves every registry that it reads from: then what speaks of images would be lost. */
export function leavesRegistry(set: CopySet, { toTar, toRepo = '' }: Ways): boolean {
  if (toTar !== undefined) return true;
  const registries = set.items.map(({ reference }) => parsePinned(reference).registry);
  return !registries.every((registry) => toRepo.startsWith(`${registry}/`));
}

/**
 * Tells what a copy would move, and where there is a file to be written, whether there is room for it.
 * @param destination undefined for an archive, at `target`
 */
export async function tellPlan(
  { ui }: Work,
  set: CopySet,
  destination: Destination | undefined,
  { target, ...options }: CopySetOptions & { readonly target?: string },
): Promise<void> {
  const { manifests, sent, present, carried, left } = await planCopy(set, destination, options);
  const lines = [
    ...set.items.map(({ reference }) => reference),
    `would copy ${showCount(manifests.put, 'manifest')} and ${showCount(sent.blobs, 'blob')} of ${showSize(sent.bytes)}`,
    `already there: ${showCount(manifests.present, 'manifest')} and ${showCount(present.blobs, 'blob')} of ${showSize(present.bytes)}`,
    ...(carried.length === 0
      ? []
      : [`signatures and other referrers among the manifests: ${carried.length}`]),
    ...(left.length === 0
      ? []
      : [`left out, since they may not be distributed: ${showCount(left.length, 'layer')}`]),
    ...(target === undefined || target === '-' ? [] : [await roomFor(target, sent.bytes)]),
  ];
  ui.block(lines.map((line) => `${line}\n`).join(''));
}

async function roomFor(target: string, bytes: number): Promise<string> {
  const folder = dirname(resolve(target));
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  return `${folder} has ${showSize(free)} free, ${free > bytes ? 'which is enough' : 'which is too little'}`;
}
