import { streamOf } from '../../oci/index.js';
import type { RequestBody, Transport, TransportRequest, TransportResponse } from '../../client/transport.js';

/** What a fake transport answers. */
export interface FakeAnswer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** An answer in memory; `discarded` and `read` tell what became of its body. */
export class FakeResponse implements TransportResponse {
  readonly status: number;
  readonly url: string;
  discarded = false;
  read = false;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #body: string;

  constructor(url: string, { status = 200, headers = {}, body = '' }: FakeAnswer) {
    this.status = status;
    this.url = url;
    this.#headers = headers;
    this.#body = body;
  }

  header(name: string): string | undefined {
    return this.#headers[name];
  }

  headerNames(): Iterable<string> {
    return Object.keys(this.#headers);
  }

  get body(): AsyncIterable<Uint8Array> {
    this.read = true;
    return streamOf(Buffer.from(this.#body));
  }

  discard(): Promise<void> {
    this.discarded = true;
    return Promise.resolve();
  }
}

/** A transport that answers by a function and remembers what it was asked. */
export function fake(answer: (request: TransportRequest, n: number) => FakeAnswer | Error): {
  readonly transport: Transport;
  readonly sent: TransportRequest[];
  readonly answers: FakeResponse[];
} {
  const sent: TransportRequest[] = [];
  const answers: FakeResponse[] = [];
  const transport: Transport = (request) => {
    sent.push(request);
    const given = answer(request, sent.length);
    if (given instanceof Error) return Promise.reject(given);
    const response = new FakeResponse(request.url, given);
    answers.push(response);
    return Promise.resolve(response);
  };
  return { transport, sent, answers };
}

/** A read of a registry. */
export function get(url: string, rest: Partial<TransportRequest> = {}): TransportRequest {
  return { method: 'GET', url, headers: {}, ...rest };
}

/** A body in memory that counts how often it was opened. */
export function bodyOf(text: string): RequestBody & { opened: number } {
  const bytes = Buffer.from(text);
  return {
    length: bytes.byteLength,
    opened: 0,
    open() {
      this.opened++;
      return streamOf(bytes);
    },
  };
}

/** All of a body. */
export async function textOf(response: TransportResponse): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of response.body) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}
