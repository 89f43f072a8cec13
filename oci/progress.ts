import type { Descriptor } from './descriptor.js';

/** What a transfer tells while it runs. Sizes are bytes; `sent` is absolute, so a retry may go back. */
export type Progress =
  | { readonly type: 'planned'; readonly blobs: number; readonly bytes: number }
  | { readonly type: 'started' | 'done'; readonly descriptor: Descriptor }
  | { readonly type: 'skipped'; readonly descriptor: Descriptor; readonly why: 'present' | 'mounted' }
  | { readonly type: 'bytes'; readonly descriptor: Descriptor; readonly sent: number };

/** Synchronous and never awaited: a slow listener must drop events, not stall the transfer. */
export type OnProgress = (event: Progress) => void;
