import { stat } from 'node:fs/promises';
import type { InventoryPlace } from '../bundle/inventory/index.js';
import { isArchiveThere, openVerifiedArchive } from '../image/archive/index.js';
import { parsePlace } from '../image/place.js';
import { isHost } from '../oci/index.js';
import { isSpelledOut, nameIn } from './image/place-names.js';
import type { Media } from './image/media.js';

/** A place as a person named it. */
export type NamedPlace =
  | { readonly kind: 'registry'; readonly host: string; readonly reference: string }
  | { readonly kind: 'folder'; readonly path: string; readonly reference?: undefined }
  | { readonly kind: 'archive'; readonly path: string; readonly reference?: undefined }
  | { readonly kind: 'place'; readonly text: string; readonly reference: string };

/**
 * What is meant: a path that is there; else a whole registry, which a host stands for, one without a dot with a `/` behind
 * it; else any place that has a name.
 */
export async function classify(text: string): Promise<NamedPlace> {
  if (!isSpelledOut(text)) {
    const found = await stat(text).catch(() => undefined);
    if (found?.isDirectory() === true) return { kind: 'folder', path: text };
    if (found !== undefined || (await isArchiveThere(text))) return { kind: 'archive', path: text };
    const host = text.replace(/\/$/, '');
    const alone = host !== text || /^localhost(?::|$)|^\[|\./.test(host);
    if (alone && isHost(host)) return { kind: 'registry', host, reference: `${host}/all` };
  }
  return { kind: 'place', text, reference: text };
}

/** The places in it: of a registry, every repository. */
export async function placesToCount(media: Media, named: NamedPlace): Promise<readonly InventoryPlace[]> {
  if (named.kind === 'registry') return await repositories(media, named.host);
  if (named.kind === 'folder') return [{ source: await media.path(named.path) }];
  return [await (named.kind === 'place' ? place(media, named.text) : archive(media, named.path))];
}

async function repositories(media: Media, host: string): Promise<InventoryPlace[]> {
  const { catalog } = await import('../client/index.js');
  const { registry } = media.session.place(media.reference(`${host}/all`));
  const found: InventoryPlace[] = [];
  const names = catalog(media.session.client.transport, registry, { signal: media.signal, pageSize: 1000 });
  for await (const name of names) found.push({ source: await media.source(`${host}/${name}`) });
  return found;
}

/** An archive counts when it is whole, and then with what it relies on. */
async function archive(media: Media, path: string): Promise<InventoryPlace> {
  const { source, report } = await openVerifiedArchive(path, { signal: media.signal });
  media.after(() => source.close());
  return { source, ...(report.base && { base: report.base }) };
}

async function place(media: Media, text: string): Promise<InventoryPlace> {
  const parsed = parsePlace(text);
  const whole =
    parsed.medium === 'registry'
      ? parsed.reference.tag === undefined && parsed.reference.digest === undefined
      : parsed.name === '';
  const { source, base } =
    parsed.medium === 'oci-archive'
      ? await archive(media, parsed.path)
      : { source: await media.source(text), base: undefined };
  const one = whole ? undefined : (await media.findIn(source, nameIn(text), text)).descriptor;
  return { source, ...(one && { roots: [one] }), ...(base && { base }) };
}
