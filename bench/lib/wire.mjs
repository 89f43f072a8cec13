import { connect } from 'node:net';

const READ = 256 * 1024;
/** Body writes under way at once. */
const AHEAD = 4;

/**
 * @typedef {object} Answer
 * @property {number} status
 * @property {Map<string, string>} headers
 * @property {number} length bytes of the body
 *
 * @typedef {object} Request
 * @property {string} method
 * @property {string} path
 * @property {Record<string, string | number>} [headers]
 * @property {Iterable<Uint8Array>} [body] as it goes on the wire: framed by the caller when it is chunked
 * @property {(bytes: Uint8Array) => void} [onBody] gets bytes that are only valid during the call
 */

/**
 * One HTTP/1.1 connection, one request at a time, with next to no work of its own: a load generator on the machine of the
 * server must not be what is measured.
 */
export class Wire {
  #socket;
  #host;
  #head = Buffer.alloc(0);
  /** @type {{ request: Request, resolve: (answer: Answer) => void, reject: (error: Error) => void, answer?: Answer, left: number, chunked?: Buffer } | undefined} */
  #open;
  /** @type {Error | undefined} */
  #error;

  /**
   * @param {string} host
   * @param {number} port
   */
  constructor(host, port) {
    this.#host = `${host}:${port}`;
    this.#socket = connect({
      host,
      port,
      noDelay: true,
      onread: {
        buffer: Buffer.allocUnsafeSlow(READ),
        callback: (count, buffer) => {
          this.#take(/** @type {Buffer} */ (buffer).subarray(0, count));
          return true;
        },
      },
    });
    this.#socket.on('error', (error) => this.#fail(error));
    this.#socket.on('close', () => this.#fail(new Error('the server closed the connection')));
  }

  /**
   * @param {Request} request
   * @returns {Promise<Answer>}
   */
  async send(request) {
    if (this.#error !== undefined) throw this.#error;
    const lines = Object.entries(request.headers ?? {}).map(([name, value]) => `${name}: ${value}\r\n`);
    /** @type {Promise<Answer>} */
    const answered = new Promise((resolve, reject) => {
      this.#open = { request, resolve, reject, left: 0 };
    });
    answered.catch(() => undefined);
    this.#socket.cork();
    this.#socket.write(
      `${request.method} ${request.path} HTTP/1.1\r\nhost: ${this.#host}\r\n${lines.join('')}\r\n`,
      'latin1',
    );
    if (request.body !== undefined) await this.#pour(request.body);
    this.#socket.uncork();
    return await answered;
  }

  close() {
    this.#open = undefined;
    this.#socket.destroy();
  }

  /** @param {Iterable<Uint8Array>} body */
  async #pour(body) {
    let under = 0;
    let wake = () => {};
    const written = () => {
      under--;
      wake();
    };
    for (const piece of body) {
      if (this.#error !== undefined) throw this.#error;
      under++;
      this.#socket.write(piece, written);
      this.#socket.uncork();
      if (under >= AHEAD) {
        await new Promise((resolve) => {
          wake = () => resolve(undefined);
        });
      }
    }
  }

  /** @param {Error} error */
  #fail(error) {
    this.#error ??= error;
    this.#open?.reject(error);
    this.#open = undefined;
  }

  /** @param {Buffer} bytes */
  #take(bytes) {
    const open = this.#open;
    if (open === undefined) return this.#fail(new Error('the server sent bytes that nobody asked for'));
    if (open.answer !== undefined) return this.#body(bytes);
    const whole = this.#head.length === 0 ? bytes : Buffer.concat([this.#head, bytes]);
    const end = whole.indexOf('\r\n\r\n');
    if (end < 0) {
      this.#head = Buffer.from(whole);
      return undefined;
    }
    this.#head = Buffer.alloc(0);
    open.answer = parseHead(whole.toString('latin1', 0, end));
    const bare = open.request.method === 'HEAD' || open.answer.status === 204 || open.answer.status === 304;
    const chunked = open.answer.headers.get('transfer-encoding') === 'chunked';
    open.left = bare ? 0 : Number(open.answer.headers.get('content-length') ?? 0);
    if (chunked && !bare) open.chunked = Buffer.alloc(0);
    return this.#body(whole.subarray(end + 4));
  }

  /** @param {Buffer} bytes */
  #body(bytes) {
    const open = /** @type {NonNullable<typeof this.#open>} */ (this.#open);
    const answer = /** @type {Answer} */ (open.answer);
    if (open.chunked !== undefined) {
      open.chunked = Buffer.concat([open.chunked, bytes]);
      if (!open.chunked.subarray(-5).equals(LAST_CHUNK)) return undefined;
      const body = unchunk(open.chunked);
      answer.length = body.length;
      open.request.onBody?.(body);
    } else {
      answer.length += bytes.length;
      open.left -= bytes.length;
      if (bytes.length > 0) open.request.onBody?.(bytes);
      if (open.left > 0) return undefined;
      if (open.left < 0) return this.#fail(new Error('the server sent more than it had announced'));
    }
    this.#open = undefined;
    open.resolve(answer);
    return undefined;
  }
}

const LAST_CHUNK = Buffer.from('0\r\n\r\n');

/**
 * @param {string} text
 * @returns {Answer}
 */
function parseHead(text) {
  const [first = '', ...lines] = text.split('\r\n');
  const headers = new Map(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  return { status: Number(first.split(' ')[1]), headers, length: 0 };
}

/** @param {Buffer} bytes a whole chunked body */
function unchunk(bytes) {
  const parts = [];
  for (let at = 0; ;) {
    const line = bytes.indexOf('\r\n', at);
    const size = Number.parseInt(bytes.toString('latin1', at, line), 16);
    if (!(size > 0)) return Buffer.concat(parts);
    parts.push(bytes.subarray(line + 2, line + 2 + size));
    at = line + 4 + size;
  }
}
