import { OciError, streamOf, type ByteStream } from '../oci/index.js';
import type { NodeBindings } from '../registry/call.js';
import type { RequestEntry } from '../registry/index.js';
import { faultAnswer } from './faults/answers.js';
import { CutBody, faultyBody, streamFrom } from './faults/body.js';
import { DirectLine } from './faults/direct-line.js';
import type { AnswerFault, RequestFault } from './faults/fault.js';
import type { Ending, Incoming, Line } from './faults/line.js';
import type { FaultRules } from './faults/rules.js';
import { SocketLine } from './faults/socket-line.js';
import type { Stalls } from './faults/stalls.js';
import type { Outcome, RequestRecorder, Visit } from './requests/log.js';
import { factsOf } from './requests/operations.js';

/** What a request meets on its way. */
export interface Interception {
  /** The registry itself, and what it says of the request. */
  readonly ask: (incoming: Incoming) => Promise<{ answer: Response; entry: RequestEntry | undefined }>;
  readonly recorder: RequestRecorder;
  readonly rules: FaultRules;
  readonly stalls: Stalls;
}

/** Stands before a registry: logs each request and lets faults strike. */
export function intercept(parts: Interception): (request: Request, env?: unknown) => Promise<Response> {
  return (request, env) => new Passage(parts, { request, env: env as NodeBindings | undefined }).run();
}

/** One request on its way through. */
class Passage {
  readonly #parts: Interception;
  readonly #incoming: Incoming;
  readonly #visit: Visit;
  readonly #line: Line;
  /** What the registry said of it. */
  #outcome: Outcome = {};

  constructor(parts: Interception, incoming: Incoming) {
    const { request, env } = incoming;
    this.#parts = parts;
    this.#incoming = incoming;
    this.#visit = parts.recorder.arrive(factsOf(request), request.headers);
    this.#line =
      env?.incoming === undefined || env.outgoing === undefined
        ? new DirectLine(request)
        : new SocketLine(env.incoming, env.outgoing);
  }

  async run(): Promise<Response> {
    const { rules } = this.#parts;
    const strike = rules.strike('request', this.#visit.facts, sizeOf(this.#incoming.request));
    if (strike === undefined) return await this.#answer(await this.#ask(this.#incoming));
    return await this.#strike(strike.name, strike.fault as RequestFault);
  }

  /** A fault before the answer. */
  async #strike(name: string, fault: RequestFault): Promise<Response> {
    if (fault.kind === 'reset' && 'after' in fault) return await this.#cut(name, fault.after);
    const handled = 'handled' in fault && fault.handled;
    const done = handled ? await this.#ask(this.#incoming) : undefined;
    if (fault.kind === 'stall') {
      this.#note({ faulted: name });
      if (await this.#wait(this.#line.gone))
        return await this.#answer(done ?? (await this.#ask(this.#incoming)));
      await done?.body?.cancel();
      return this.#line.drop();
    }
    await done?.body?.cancel();
    if (fault.kind === 'reset') {
      this.#note({ faulted: name });
      return this.#line.reset();
    }
    const answer = faultAnswer(fault, name, this.#visit.facts.method);
    this.#note({ faulted: name, status: answer.status, sent: this.#bodySize(answer) });
    return answer;
  }

  /** The registry gets the first bytes of the body and keeps them; then the connection is reset. */
  async #cut(name: string, after: number): Promise<Response> {
    const { request, env } = this.#incoming;
    const { incoming: socket, ...rest } = env ?? {};
    const source = socket?.iterator({ destroyOnReturn: false }) ?? request.body ?? streamOf();
    const body = new CutBody(source as ByteStream, after);
    const init: RequestInit & { duplex: 'half' } = { body: streamFrom(body), duplex: 'half' };
    const { method, headers, signal } = request;
    // Without `incoming` the registry reads the body of the request itself.
    const answer = await this.#ask({
      request: new Request(request.url, { method, headers, signal, ...init }),
      env: env === undefined ? env : rest,
    });
    if (!body.cut) return await this.#answer(answer);
    await answer.body?.cancel();
    this.#note({ faulted: name });
    return this.#line.reset();
  }

  async #ask(incoming: Incoming): Promise<Response> {
    const { answer, entry } = await this.#parts.ask(incoming);
    if (entry !== undefined) {
      const { received, user } = entry;
      this.#outcome = user === undefined ? { received } : { received, user };
    }
    return answer;
  }

  /** Gives the registry's answer on, or what a fault makes of its body. */
  async #answer(answer: Response): Promise<Response> {
    const { status } = answer;
    const size = this.#bodySize(answer);
    const strike =
      answer.ok && size > 0 ? this.#parts.rules.strike('answer', this.#visit.facts, size) : undefined;
    this.#note({ status, ...(strike === undefined ? { sent: size } : { faulted: strike.name }) });
    return strike === undefined ? answer : this.#faulty(answer, strike.fault as AnswerFault, size);
  }

  #faulty(answer: Response, fault: AnswerFault, size: number): Response {
    const reader = new AbortController();
    const gone = AbortSignal.any([this.#line.gone, reader.signal]);
    const source = answer.body as unknown as ByteStream;
    const body = faultyBody(source, fault, size, async () => {
      if (await this.#wait(gone)) return;
      this.#line.drop();
      throw new OciError('NETWORK', 'nobody waits for the answer any more');
    });
    const ending = fault.kind === 'truncate' ? 'short' : fault.kind === 'reset' ? 'reset' : 'whole';
    const stream = streamFrom(this.#counted(body, ending), async () => {
      reader.abort();
      // A body that was never read has nobody else to end it.
      if (answer.body?.locked === false) await answer.body.cancel();
    });
    return new Response(stream, { status: answer.status, headers: answer.headers });
  }

  async *#counted(body: ByteStream, ending: Ending): AsyncGenerator<Uint8Array> {
    let sent = 0;
    for await (const chunk of body) {
      sent += chunk.byteLength;
      this.#note({ sent });
      yield chunk;
    }
    await this.#line.finish(ending);
  }

  #note(outcome: Outcome): void {
    this.#visit.note({ ...this.#outcome, ...outcome });
  }

  /** Bytes of the body that the client will see. */
  #bodySize(answer: Response): number {
    return this.#visit.facts.method === 'HEAD' ? 0 : (sizeOf(answer) ?? 0);
  }

  /** Waits out a stall; false when it is over because one of the two sides has left. */
  async #wait(gone: AbortSignal): Promise<boolean> {
    this.#line.rest();
    const released = await this.#parts.stalls.wait(gone);
    if (released) this.#line.resume();
    return released;
  }
}

/** The declared length of a body. */
function sizeOf({ headers }: { readonly headers: Headers }): number | undefined {
  const length = headers.get('content-length');
  return length === null ? undefined : Number(length);
}
