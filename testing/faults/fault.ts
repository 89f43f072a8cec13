/** Faults are data, so that they can also stand in a file. Positions count bytes of a body, from 0. */
export type Fault = StatusFault | ResetFault | TruncateFault | StallFault | BitFlipFault;

interface BeforeAnswer {
  /**
   * True: the registry does its work first, and only its answer is lost; such is the failure that makes a client
   * repeat what is done already. Default false: the registry never sees the request.
   */
  readonly handled?: boolean;
}

/** Another answer than the registry's. */
export interface StatusFault extends BeforeAnswer {
  readonly kind: 'status';
  /** From 200 to 599. */
  readonly status: number;
  /** Text, or an object to send as JSON. Default: an error in the envelope of the spec; its code fits the status. */
  readonly body?: string | object;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as `Retry-After`: seconds, or an HTTP date. Default: no such header. */
  readonly retryAfter?: number | string;
}

/**
 * Resets the connection: with TCP's RST on a socket, with a network error without one. By default before any answer;
 * with `after`, when so many bytes of the body have gone out, or, with `of: 'request'`, have come in and are kept. Clients
 * built on libuv, such as another node, may show a reset right behind bytes as a plain end.
 */
export type ResetFault =
  | ({ readonly kind: 'reset' } & BeforeAnswer)
  | { readonly kind: 'reset'; readonly after: number; readonly of?: 'answer' | 'request' };

/** Ends the connection in good order after so many bytes of the body, though `Content-Length` promised more. */
export interface TruncateFault {
  readonly kind: 'truncate';
  readonly after: number;
}

/** Silence: before the answer or, with `after`, within its body. It lasts until it is released or either side leaves. */
export type StallFault =
  | ({ readonly kind: 'stall' } & BeforeAnswer)
  | { readonly kind: 'stall'; readonly after: number };

/** Turns one bit of the body; its length and all headers stay right. */
export interface BitFlipFault {
  readonly kind: 'bitFlip';
  /** The byte; from the end when negative. Default 0. */
  readonly at?: number;
  /** 0 is the lowest bit. Default 0. */
  readonly bit?: number;
}

/** A fault that strikes before the registry is asked, or instead. */
export type RequestFault = Extract<Fault, { readonly kind: 'status' | 'reset' | 'stall' }>;
/** A fault in the body of an answer. */
export type AnswerFault =
  | Extract<Fault, { readonly kind: 'truncate' | 'bitFlip' }>
  | Extract<Fault, { readonly kind: 'reset' | 'stall'; readonly after: number }>;

/** Where a fault strikes. */
export type Phase = 'request' | 'answer';

/** Where a fault strikes: `of` and `after` tell. */
export function phaseOf(fault: Fault): Phase {
  if (fault.kind === 'status') return 'request';
  if (fault.kind === 'truncate' || fault.kind === 'bitFlip') return 'answer';
  return 'after' in fault && !('of' in fault && fault.of === 'request') ? 'answer' : 'request';
}

/** True when a body of `size` bytes is long enough to be struck; one of unknown size may be. */
export function reaches(fault: Fault, size: number | undefined): boolean {
  if (size === undefined) return true;
  if (fault.kind === 'bitFlip') {
    const at = fault.at ?? 0;
    return at < 0 ? -at <= size : at < size;
  }
  return !('after' in fault) || fault.after < size;
}
