import { describe, expect, it } from 'vitest';
import { OciError } from '../../../oci/index.js';
import {
  JOB_TYPE,
  jobResponse,
  resultOf,
  runJob,
  type Job,
  type JobLine,
} from '../../../registry/operations/jobs.js';

async function linesOf(job: Job): Promise<JobLine[]> {
  const lines: JobLine[] = [];
  for await (const line of runJob(job)) lines.push(line);
  return lines;
}

/** A job that reports and ends when it is told to stop. */
const endless: Job = (report, signal) =>
  new Promise((_resolve, reject) => {
    report({ step: 1 });
    signal.addEventListener('abort', () => reject(signal.reason as Error));
  });

describe('a job', () => {
  it('tells how far it is, then what came of it', async () => {
    const lines = await linesOf((report) => {
      report({ step: 1 });
      report({ step: 2 });
      return Promise.resolve({ done: true });
    });
    expect(lines).toEqual([{ progress: { step: 2 } }, { result: { done: true } }]);
  });

  it('tells a failure with its code; of one that nobody foresaw somebody is told', async () => {
    const told: unknown[] = [];
    const fail = async (error: unknown): Promise<JobLine | undefined> => {
      let last: JobLine | undefined;
      const job: Job = () => Promise.reject(error);
      for await (const line of runJob(job, { onFailure: (failure) => told.push(failure) })) last = line;
      return last;
    };
    expect(await fail(new OciError('STORE_FULL', 'full'))).toEqual({
      error: { code: 'STORE_FULL', message: 'full' },
    });
    const bug = new TypeError('oops');
    expect(await fail(bug)).toEqual({ error: { code: 'UNKNOWN', message: 'oops' } });
    expect(told).toEqual([bug]);
  });

  it('stops when nobody listens any more', async () => {
    let reason: unknown;
    const watched: Job = (report, signal) => {
      signal.addEventListener('abort', () => (reason = signal.reason));
      return endless(report, signal);
    };
    for await (const line of runJob(watched)) {
      expect(line).toEqual({ progress: { step: 1 } });
      break;
    }
    expect(reason).toMatchObject({ code: 'ABORTED' });
  });

  it('stops when it is told to', async () => {
    const abort = new AbortController();
    const result = resultOf(runJob(endless, { signal: abort.signal }), () =>
      abort.abort(new OciError('ABORTED', 'interrupted')),
    );
    await expect(result).rejects.toMatchObject({ code: 'ABORTED', message: 'interrupted' });
  });

  it('travels as lines of JSON, and its cancelled answer stops it', async () => {
    const answer = jobResponse(runJob(() => Promise.resolve({ n: 1 })));
    expect(answer.headers.get('content-type')).toBe(JOB_TYPE);
    expect(await answer.text()).toBe('{"progress":{}}\n{"result":{"n":1}}\n');
    const stopped = jobResponse(runJob(endless));
    const reader = stopped.body?.getReader();
    expect(Buffer.from((await reader?.read())?.value ?? []).toString()).toBe('{"progress":{"step":1}}\n');
    await reader?.cancel();
  });
});

describe('the result of lines', () => {
  const of = async function* (...lines: readonly JobLine[]): AsyncGenerator<JobLine> {
    yield* lines;
  };

  it('is what the last one says', async () => {
    const heard: object[] = [];
    const lines = of({ progress: { a: 1 } }, { result: { b: 2 } });
    expect(await resultOf(lines, (progress) => heard.push(progress))).toEqual({ b: 2 });
    expect(heard).toEqual([{ a: 1 }]);
  });

  it('is a failure when they end without', async () => {
    await expect(resultOf(of({ progress: {} }))).rejects.toMatchObject({ code: 'ABORTED' });
    await expect(resultOf(of({ error: { code: 'DENIED', message: 'no' } }))).rejects.toMatchObject({
      code: 'DENIED',
    });
  });
});
