import { Worker } from 'node:worker_threads';
import { ThreadDigester, type Message } from './thread-digester.js';
import type { DigestAlgorithm } from '../../oci/index.js';

/** What the thread does: a hash for every id, fed in order. It frees what it has hashed, as `spend` does. */
const PROGRAM = `
const { parentPort, MessageChannel } = require('node:worker_threads');
const { createHash } = require('node:crypto');
const { port1, port2 } = new MessageChannel();
port2.close();
const hashes = new Map();
parentPort.on('message', ({ id, algorithm, chunks, ask }) => {
  if (chunks === undefined) return void hashes.delete(id);
  let hash = hashes.get(id);
  if (hash === undefined) hashes.set(id, (hash = createHash(algorithm)));
  let bytes = 0;
  for (const chunk of chunks) {
    hash.update(chunk);
    bytes += chunk.byteLength;
    port1.postMessage(undefined, [chunk.buffer]);
  }
  parentPort.postMessage({ id, bytes, hex: ask ? hash.copy().digest('hex') : undefined });
});
`;

const ENDED = new Error('the thread that hashes has ended');

/** What the thread says when it has done with a message. */
interface Answer {
  readonly id: number;
  readonly bytes: number;
  readonly hex?: string;
}

/**
 * Hashes large uploads beside the thread that serves: hashing is near half the work of taking one in. The thread starts
 * when it is first needed, and keeps no process alive that waits for nothing.
 */
export class HashThread {
  #worker: Worker | undefined;
  #last = 0;
  #unanswered = 0;
  /** Those that wait for an answer. */
  readonly #waiting = new Map<number, ThreadDigester>();
  readonly #forgotten = new FinalizationRegistry<number>((id) => this.#worker?.postMessage({ id }));

  /** Begins a digest. */
  digester(algorithm: DigestAlgorithm): ThreadDigester {
    const id = ++this.#last;
    let worker: Worker | undefined;
    const digester: ThreadDigester = new ThreadDigester(algorithm, (message) => {
      worker ??= this.#worker ??= this.#start();
      // A thread that was started since knows nothing of the bytes before.
      if (worker === this.#worker) this.#send(worker, id, digester, message);
      else digester.fail(ENDED);
    });
    this.#forgotten.register(digester, id);
    return digester;
  }

  /** Ends the thread; digests under way fail. */
  async close(): Promise<void> {
    await this.#worker?.terminate();
  }

  #send(worker: Worker, id: number, digester: ThreadDigester, { memory, ...message }: Message): void {
    if (this.#unanswered++ === 0) worker.ref();
    this.#waiting.set(id, digester);
    worker.postMessage({ id, ...message }, memory);
  }

  #start(): Worker {
    const worker = new Worker(PROGRAM, { eval: true, execArgv: [], env: {} });
    worker.on('message', ({ id, bytes, hex }: Answer) => {
      if (--this.#unanswered === 0) worker.unref();
      if (this.#waiting.get(id)?.answered(bytes, hex) === 0) this.#waiting.delete(id);
    });
    const fail = (error: Error): void => {
      const waiting = [...this.#waiting.values()];
      this.#worker = undefined;
      this.#unanswered = 0;
      this.#waiting.clear();
      for (const digester of waiting) digester.fail(error);
    };
    worker.once('error', fail);
    worker.once('exit', () => fail(ENDED));
    return worker;
  }
}
