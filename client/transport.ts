import type { ByteStream } from '../oci/index.js';

/** The body of a request. It opens as often as it is sent, so that retries, redirects and challenges replay it. */
export interface RequestBody {
  /** Bytes, if known: sent as `Content-Length`. Without it the body travels in chunks. */
  readonly length?: number;
  /** A fresh stream from the first byte. */
  open(): ByteStream;
}

/** What layers know about a request that does not travel. */
export interface RequestContext {
  /**
   * The registry the request is meant for, `host[:port]` as references spell it: its credentials go with the request,
   * and whether it is asked over HTTP or HTTPS is chosen for it. Without it the URL is taken as it stands, and no
   * credentials are added.
   */
  readonly registry?: string;
  /** The repository the request is about: credentials may be kept by path. */
  readonly repository?: string;
  /** What a token must allow, as `repository:team/app:pull`; the most important first. */
  readonly scopes?: readonly string[];
  /** False: it carries no credentials, and a challenge is given back as it is. Default true. */
  readonly auth?: boolean;
  /** False: this request is sent once. Default true. */
  readonly retry?: boolean;
  /**
   * So many bytes of the answer are read before it is given back, so that an answer that breaks off is asked for again.
   * For documents: who reads a blob goes on where it breaks off. Default 0.
   */
  readonly whole?: number;
  /** False: an answer that leads elsewhere is given back as it is. Default true. */
  readonly redirect?: boolean;
  /** True: it waits in no line, since what waits for it may stand in one itself. Default false. */
  readonly aside?: boolean;
}

/** One request, before any layer. */
export interface TransportRequest {
  readonly method: string;
  readonly url: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: RequestBody;
  readonly signal?: AbortSignal;
  readonly context?: RequestContext;
}

/** An answer. Its body is read to the end or discarded: until then it holds a connection. */
export interface TransportResponse {
  readonly status: number;
  /** Where the answer came from, after redirects. */
  readonly url: string;
  /** The value of a header, its name in lower case; several of one name are joined by commas. */
  header(name: string): string | undefined;
  /** The names of all headers, in lower case. */
  headerNames(): Iterable<string>;
  /** To be read once. It throws OciError `NETWORK` when it breaks off, or the reason of the signal. */
  readonly body: ByteStream;
  /** Gives up the body. Does nothing after its end. */
  discard(): Promise<void>;
}

/**
 * Sends a request.
 * @throws OciError `NETWORK` when there is no answer; the reason of the signal when it aborts
 */
export type Transport = (request: TransportRequest) => Promise<TransportResponse>;

/** Something to do before, after or instead of sending. */
export type TransportLayer = (next: Transport) => Transport;

/** A transport that holds connections. */
export interface Driver {
  readonly transport: Transport;
  /** Ends every connection at once; requests under way fail. */
  close(): Promise<void>;
}

/** Puts layers over a driver. The first sees a request first and its answer last. */
export function fold(driver: Transport, layers: readonly TransportLayer[]): Transport {
  return layers.reduceRight((next, layer) => layer(next), driver);
}

/** The same answer with another body; `discard` must give up both. */
export function withBody(
  response: TransportResponse,
  parts: Pick<TransportResponse, 'body' | 'discard'>,
): TransportResponse {
  const { status, url } = response;
  return {
    status,
    url,
    header: (name) => response.header(name),
    headerNames: () => response.headerNames(),
    ...parts,
  };
}
