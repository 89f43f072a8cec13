import { OciError, streamOf, type ByteStream } from '../oci/index.js';
import type { NodeBindings } from '../registry/call.js';
import type { Clock } from './clock.js';
import { faultAnswer } from './faults/answers.js';
import { CutBody, faultyBody, slowBody, streamFrom } from './faults/body.js';
import { DirectLine } from './faults/direct-line.js';
import type { AnswerFault, LatencyFault, RequestFault } from './faults/fault.js';
import { faultyHeaders, moved } from './faults/head.js';
import type { Ending, Incoming, Line } from './faults/line.js';
import type { FaultRules, Strike } from './faults/rules.js';
import { SocketLine } from './faults/socket-line.js';
import type { Stalls } from './faults/stalls.js';
import type { Ask } from './profiles.js';
import { rebuilt } from './rebuilt.js';
import type { Outcome, RequestRecorder, Visit } from './requests/log.js';
import { factsOf } from './requests/operations.js';
import { seededFraction } from './content/seeded.js';

/** What a request meets on its way. */
export interface Interception {
  /** The registry itself, and what it says of the request. */
  readonly ask: Ask;
  /** Makes the registry forget an upload session. */
  readonly forget: (repository: string, id: string) => Promise<void>;
  readonly recorder: RequestRecorder;
  readonly rules: FaultRules;
  readonly stalls: Stalls;
  readonly clock: Clock;
  /** Aborted when the registry is closed. */
  readonly closed: AbortSignal;
}

/** Stands before a registry: logs each request and lets faults strike. */
export function intercept(parts: Interception): (request: Request, env?: unknown) => Promise<Response> {
  return (request, env) => new Passage(parts, { request, env: env as NodeBindings | undefined }).run();
}

/** One request on its way through. */
class Passage {
  readonly #parts: Interception;
  readonly #visit: Visit;
  readonly #line: Line;
  /** As it came, or as faults have changed it. */
  #incoming: Incoming;
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
    const { facts } = this.#visit;
    const { headers } = this.#incoming.request;
    const session = facts.operation.startsWith('upload.') && facts.operation !== 'upload.start';
    const size = sizeOf(this.#incoming.request);
    for (const strike of this.#parts.rules.strikes('request', facts, { size, headers, session })) {
      const answer = await this.#strike(strike);
      if (answer !== undefined) return answer;
    }
    return await this.#answer(await this.#ask(this.#incoming));
  }

  /** A fault before the answer; undefined when the request goes on behind it. */
  async #strike({ name, fault, time }: Strike<RequestFault>): Promise<Response | undefined> {
    switch (fault.kind) {
      case 'latency':
        this.#note({ faulted: name });
        if (!(await this.#sleep(delayOf(fault, name, time), this.#line.gone))) return this.#line.drop();
        break;
      case 'throughput':
        this.#note({ faulted: name });
        this.#incoming = rebuilt(this.#incoming, {
          body: slowBody(this.#body(), fault.bytesPerSecond, (ms) => this.#pace(ms, this.#line.gone)),
        });
        break;
      case 'expiredToken': {
        this.#note({ faulted: name });
        const headers = new Headers(this.#incoming.request.headers);
        headers.set('authorization', 'Bearer expired');
        this.#incoming = rebuilt(this.#incoming, { headers });
        break;
      }
      case 'lostUpload':
        this.#note({ faulted: name });
        await this.#parts.forget(this.#visit.facts.repository ?? '', this.#visit.facts.reference ?? '');
        break;
      case 'redirect': {
        const { url } = this.#incoming.request;
        const headers = { location: moved(url, fault.to), 'content-length': '0' };
        this.#note({ faulted: name, status: fault.status ?? 307 });
        return new Response(null, { status: fault.status ?? 307, headers });
      }
      case 'status':
      case 'reset':
      case 'stall':
        return await this.#end(name, fault);
    }
    return undefined;
  }

  /** A fault that takes the place of the answer. */
  async #end(
    name: string,
    fault: Extract<RequestFault, { kind: 'status' | 'reset' | 'stall' }>,
  ): Promise<Response> {
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
    const body = new CutBody(this.#body(), after);
    const answer = await this.#ask(rebuilt(this.#incoming, { body }));
    if (!body.cut) return await this.#answer(answer);
    await answer.body?.cancel();
    this.#note({ faulted: name });
    return this.#line.reset();
  }

  #body(): ByteStream {
    const { request, env } = this.#incoming;
    const source = env?.incoming?.iterator({ destroyOnReturn: false }) ?? request.body ?? streamOf();
    return source as ByteStream;
  }

  async #ask(incoming: Incoming): Promise<Response> {
    const { answer, entry } = await this.#parts.ask(incoming, this.#visit.facts);
    if (entry !== undefined) {
      const { received, user } = entry;
      this.#outcome = user === undefined ? { received } : { received, user };
    }
    return answer;
  }

  /** Gives the registry's answer on, or what faults make of its headers and its body. */
  async #answer(given: Response): Promise<Response> {
    const { rules } = this.#parts;
    const { facts } = this.#visit;
    const target = { size: this.#bodySize(given), headers: given.headers, session: false };
    const heads = rules.strikes('head', facts, target);
    const bodies = given.ok && target.size > 0 ? rules.strikes('answer', facts, target) : [];
    const headers = heads.reduce((changed, { fault }) => faultyHeaders(changed, fault), given.headers);
    const name = [...heads, ...bodies].at(-1)?.name;
    const digest = facts.digest ?? given.headers.get('docker-content-digest') ?? undefined;
    this.#note({
      status: given.status,
      ...(digest === undefined ? {} : { digest }),
      ...(name === undefined ? {} : { faulted: name }),
      ...(bodies.length === 0 ? { sent: target.size } : {}),
    });
    if (name === undefined) return given;
    const answer = new Response(given.body, { status: given.status, headers });
    return bodies.length === 0 ? answer : this.#faulty(answer, bodies, target.size);
  }

  #faulty(answer: Response, strikes: readonly Strike<AnswerFault>[], size: number): Response {
    const reader = new AbortController();
    const gone = AbortSignal.any([this.#line.gone, reader.signal]);
    let body = answer.body as unknown as ByteStream;
    let ending: Ending = 'whole';
    // The one that changes what comes strikes before those that slow it.
    for (const { fault } of strikes.toReversed()) {
      if (fault.kind === 'throughput') {
        body = slowBody(body, fault.bytesPerSecond, (ms) => this.#pace(ms, gone));
        continue;
      }
      if (fault.kind !== 'stall' && fault.kind !== 'bitFlip')
        ending = fault.kind === 'reset' ? 'reset' : 'short';
      body = faultyBody(body, fault, size, async () => {
        if (!(await this.#wait(gone))) this.#leave();
      });
    }
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

  async #sleep(ms: number, gone: AbortSignal): Promise<boolean> {
    return await this.#parts.clock.sleep(ms, AbortSignal.any([gone, this.#parts.closed]));
  }

  /** Waits before the next piece of a slow body. */
  async #pace(ms: number, gone: AbortSignal): Promise<void> {
    this.#line.flush();
    if (!(await this.#sleep(ms, gone))) this.#leave();
  }

  #leave(): never {
    this.#line.drop();
    throw new OciError('NETWORK', 'nobody waits for the rest of a faulty transfer any more');
  }
}

/** Jitter that is the same in every run. */
const delayOf = ({ ms, jitter = 0 }: LatencyFault, name: string, time: number): number =>
  ms + Math.floor(seededFraction(`${name}/${time}`) * (jitter + 1));

/** The declared length of a body. */
function sizeOf({ headers }: { readonly headers: Headers }): number | undefined {
  const length = headers.get('content-length');
  return length === null ? undefined : Number(length);
}
