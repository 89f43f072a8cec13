import { request as httpRequest, type IncomingMessage } from 'node:http';
import { OciError, collect, quote, type ByteStream, type ErrorCode } from '../../oci/index.js';
import { controlPath } from './control-path.js';
import { JOB_TYPE, type JobLine } from './jobs.js';
import { ADMIN_PREFIX } from './prefix.js';

/** Work for the server of a data folder. */
export interface ControlRequest {
  /** Below `/_ocilot/`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | boolean | undefined>>;
  readonly signal?: AbortSignal;
}

/** Longest answer that is read when it is a refusal, in bytes. */
const REFUSAL_LIMIT = 64 * 1024;

/** What a refused or missing connection means: nobody serves the folder. */
const NOBODY = new Set(['ENOENT', 'ECONNREFUSED', 'ENOTSOCK']);

/**
 * Asks the server of a data folder to do something.
 * @returns the lines of the job, or undefined when nobody serves the folder
 * @throws OciError `DENIED` when the socket is another user's, or what the server answers
 */
export async function askServer(
  folder: string,
  request: ControlRequest,
): Promise<AsyncIterable<JobLine> | undefined> {
  const socketPath = await controlPath(folder);
  let answer: IncomingMessage;
  try {
    answer = await send(socketPath, request);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? '';
    if (NOBODY.has(code)) return undefined;
    if (code !== 'EACCES' && code !== 'EPERM') throw cause;
    throw new OciError(
      'DENIED',
      `the server of ${folder} is another user's: run this as that user, or as root`,
      {
        cause,
      },
    );
  }
  if (answer.statusCode === 200 && answer.headers['content-type'] === JOB_TYPE)
    return readLines(answer, request.signal);
  throw await refusal(answer);
}

function send(socketPath: string, { path, query = {}, signal }: ControlRequest): Promise<IncomingMessage> {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) parameters.set(name, String(value));
  }
  return new Promise((resolve, reject) => {
    const request = httpRequest({
      socketPath,
      method: 'POST',
      path: `${ADMIN_PREFIX}${path}?${parameters.toString()}`,
      headers: { host: 'localhost', connection: 'close' },
      ...(signal === undefined ? {} : { signal }),
    });
    request.on('response', resolve);
    request.on('error', reject);
    request.end();
  });
}

async function* readLines(answer: IncomingMessage, signal?: AbortSignal): AsyncGenerator<JobLine> {
  const decoder = new TextDecoder();
  let rest = '';
  try {
    for await (const chunk of answer as ByteStream) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) yield JSON.parse(line) as JobLine;
    }
  } catch (error) {
    signal?.throwIfAborted();
    // The server is gone: whoever reads the lines misses the last one and says so.
    if ((error as NodeJS.ErrnoException).code !== 'ECONNRESET') throw error;
  } finally {
    answer.destroy();
  }
}

/** What the server said instead of doing it. */
async function refusal(answer: IncomingMessage): Promise<OciError> {
  const body = Buffer.from(await collect(answer, REFUSAL_LIMIT, 'the answer')).toString();
  try {
    const { errors } = JSON.parse(body) as { errors: readonly { code: ErrorCode; message: string }[] };
    const [first] = errors;
    if (first !== undefined) return new OciError(first.code, first.message);
  } catch {
    // Not ours: shown as it is.
  }
  return new OciError('UNKNOWN', `the server answered ${answer.statusCode}: ${quote(body, 100)}`);
}
