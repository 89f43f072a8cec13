/** Faults are data, so that they can also stand in a file. Positions count bytes of a body, from 0. */
export type Fault =
  | StatusFault
  | ResetFault
  | TruncateFault
  | StallFault
  | BitFlipFault
  | LatencyFault
  | ThroughputFault
  | RedirectFault
  | ExpiredTokenFault
  | LostUploadFault
  | WrongDigestFault
  | MissingHeaderFault
  | ForeignLocationFault;

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

/** Waits before the request is looked at; then it goes on, and later rules may strike it too. */
export interface LatencyFault {
  readonly kind: 'latency';
  /** Milliseconds. */
  readonly ms: number;
  /** Up to so many milliseconds more; which ones looks random, and is the same in every run. Default 0. */
  readonly jitter?: number;
}

/** Slows the body of the answer, or with `of: 'request'` that of the request; later rules may strike too. */
export interface ThroughputFault {
  readonly kind: 'throughput';
  readonly bytesPerSecond: number;
  readonly of?: 'answer' | 'request';
}

/** Sends the client elsewhere with the same path and query; the registry never sees the request. */
export interface RedirectFault {
  readonly kind: 'redirect';
  /** Scheme and host, as `http://127.0.0.1:5001`. */
  readonly to: string;
  /** Default 307. */
  readonly status?: 301 | 302 | 303 | 307 | 308;
}

/**
 * The token of the request has expired: the registry answers as to one that it no longer takes (with access mode
 * `bearer`, 401 and a challenge). Strikes only requests with a Bearer token; later rules may strike too.
 */
export interface ExpiredTokenFault {
  readonly kind: 'expiredToken';
}

/**
 * The registry has forgotten the upload session that the request names, and answers so (404, `BLOB_UPLOAD_UNKNOWN`).
 * Strikes only requests to a session; later rules may strike too.
 */
export interface LostUploadFault {
  readonly kind: 'lostUpload';
}

/** `Docker-Content-Digest` names another digest. Strikes only answers that have the header. */
export interface WrongDigestFault {
  readonly kind: 'wrongDigest';
}

/** A header of the answer is left out. Strikes only answers that have it. */
export interface MissingHeaderFault {
  readonly kind: 'missingHeader';
  readonly header: string;
}

/** `Location` leads to another host, with the same path and query. Strikes only answers that have the header. */
export interface ForeignLocationFault {
  readonly kind: 'foreignLocation';
  /** Scheme and host, as `http://127.0.0.1:5001`. */
  readonly to: string;
}

/** A fault that strikes before the registry is asked, or instead. */
export type RequestFault = Extract<
  Fault,
  {
    readonly kind:
      | 'status'
      | 'reset'
      | 'stall'
      | 'latency'
      | 'throughput'
      | 'redirect'
      | 'expiredToken'
      | 'lostUpload';
  }
>;
/** A fault in the headers of an answer. */
export type HeadFault = WrongDigestFault | MissingHeaderFault | ForeignLocationFault;
/** A fault in the body of an answer. */
export type AnswerFault =
  | Extract<Fault, { readonly kind: 'truncate' | 'bitFlip' | 'throughput' }>
  | Extract<Fault, { readonly kind: 'reset' | 'stall'; readonly after: number }>;

/** The faults that each phase may have. */
export interface PhaseFaults {
  readonly request: RequestFault;
  readonly head: HeadFault;
  readonly answer: AnswerFault;
}

/** Where a fault strikes: before the answer, in its headers, in its body. */
export type Phase = keyof PhaseFaults;

const PHASES: Readonly<Record<Fault['kind'], Phase>> = {
  status: 'request',
  redirect: 'request',
  latency: 'request',
  expiredToken: 'request',
  lostUpload: 'request',
  reset: 'request',
  stall: 'request',
  wrongDigest: 'head',
  missingHeader: 'head',
  foreignLocation: 'head',
  throughput: 'answer',
  truncate: 'answer',
  bitFlip: 'answer',
};

/** Where a fault strikes: its kind, `of` and `after` tell. */
export function phaseOf(fault: Fault): Phase {
  const ofRequest = 'of' in fault && fault.of === 'request';
  if (fault.kind === 'throughput' && ofRequest) return 'request';
  return 'after' in fault && !ofRequest ? 'answer' : PHASES[fault.kind];
}

const PASSING: ReadonlySet<Fault['kind']> = new Set<Fault['kind']>([
  'latency',
  'throughput',
  'expiredToken',
  'lostUpload',
  'wrongDigest',
  'missingHeader',
  'foreignLocation',
]);

/** True for faults behind which later rules are asked too. */
export const isPassing = ({ kind }: Fault): boolean => PASSING.has(kind);

/** What a fault would strike. */
export interface Target {
  /** Bytes of the body, when they are known. */
  readonly size: number | undefined;
  /** Of the request before the answer, else of the answer. */
  readonly headers: Headers;
  /** The request names an upload session. */
  readonly session: boolean;
}

/** True when there is something to strike: a long enough body (one of unknown size may be), the header, the session. */
export function reaches(fault: Fault, { size, headers, session }: Target): boolean {
  if (fault.kind === 'expiredToken') return /^bearer /i.test(headers.get('authorization') ?? '');
  if (fault.kind === 'lostUpload') return session;
  if (fault.kind === 'wrongDigest') return headers.has('docker-content-digest');
  if (fault.kind === 'missingHeader') return headers.has(fault.header);
  if (fault.kind === 'foreignLocation') return headers.has('location');
  if (size === undefined) return true;
  if (fault.kind !== 'bitFlip') return !('after' in fault) || fault.after < size;
  const at = fault.at ?? 0;
  return at < 0 ? -at <= size : at < size;
}
