import type { TransportLayer } from '../transport.js';

/** What registries warn of, for the end of a command. */
export interface Warnings {
  readonly layer: TransportLayer;
  /** The distinct texts so far, sorted. */
  list(): string[];
}

/** `299 - "text"`: the only form the spec allows (distribution-spec, "Warnings"). */
const WARNING = /299 - "((?:[^"\\]|\\.)*)"/g;

/** Longest text and largest number of warnings that are kept. */
const TEXT_LIMIT = 512;
const COUNT_LIMIT = 100;

/** Collects the warnings of all answers. */
export function warnings(): Warnings {
  const texts = new Set<string>();
  const layer: TransportLayer = (next) => async (request) => {
    const response = await next(request);
    for (const text of parseWarnings(response.header('warning') ?? ''))
      if (texts.size < COUNT_LIMIT) texts.add(text);
    return response;
  };
  return { layer, list: () => [...texts].toSorted() };
}

/** The texts of a `Warning` header; other codes and agents are none of ours. */
export function parseWarnings(header: string): string[] {
  return [...header.matchAll(WARNING)].map(([, text = '']) =>
    text.replaceAll(/\\(.)/g, '$1').slice(0, TEXT_LIMIT),
  );
}
