import { describe, expect, it } from 'vitest';
import { redact } from '../../cli/redact.js';
import { createLogger, logRequest } from '../../cli/serve/logger.js';
import { formatRecord } from '../../cli/serve/text-log.js';
import type { RequestEntry } from '../../registry/index.js';
import { fakeContext } from './context.js';

const ENTRY: RequestEntry = {
  id: '0123456789abcdef',
  method: 'GET',
  path: '/v2/team/app/manifests/1',
  operation: 'manifest.get',
  repository: 'team/app',
  reference: '1',
  user: 'alice',
  client: '127.0.0.1',
  status: 200,
  received: 0,
  sent: 512,
  duration: 1.2345,
};

describe('credentials', () => {
  it.each([
    ['https://me:hunter2@host/path', 'https://***@host/path'],
    ['Authorization: Bearer abc.def-123456', 'Authorization: Bearer ***'],
    ['Basic bWU6aHVudGVyMg==', 'Basic ***'],
    ['GET /v2/?token=abc123&scope=x', 'GET /v2/?token=***&scope=x'],
    ['{"access_token":"abc123","a":1}', '{"access_token":"***","a":1}'],
    ['{"text":"{\\"password\\":\\"abc\\"}"}', '{"text":"{\\"password\\":\\"***\\"}"}'],
    ['client_secret=abc123;', 'client_secret=***;'],
    ['htpasswd: /etc/users', 'htpasswd: /etc/users'],
    ['"repository":"my-secret","reference":"1"', '"repository":"my-secret","reference":"1"'],
    ['a basic need', 'a basic need'],
  ])('in %s', (text, shown) => {
    expect(redact(text)).toBe(shown);
  });
});

describe('lines for machines', () => {
  it('are JSON with what is known of a request', () => {
    const context = fakeContext();
    logRequest(createLogger({ level: 'info', format: 'auto' }, context), ENTRY);
    const line = JSON.parse(context.written.err) as Record<string, unknown>;
    expect(line).toMatchObject({ level: 'info', msg: 'request', ...ENTRY, duration: 1.2 });
    expect(Date.parse(String(line.time))).not.toBeNaN();
  });

  it('have the stack of an error and its cause, without credentials', () => {
    const context = fakeContext();
    const cause = new Error('GET https://me:hunter2@upstream failed');
    createLogger({ level: 'info', format: 'json' }, context).error(
      { err: new Error('outer', { cause }) },
      'failed',
    );
    expect(JSON.parse(context.written.err)).toMatchObject({
      level: 'error',
      err: { message: expect.stringContaining('outer'), stack: expect.stringContaining('caused by') },
    });
    expect(context.written.err).not.toContain('hunter2');
  });

  it.each([
    ['info', { status: 200, operation: 'livez' }, ''],
    ['debug', { status: 200, operation: 'livez' }, 'debug'],
    ['error', { status: 404 }, ''],
    ['error', { status: 500 }, 'error'],
    ['silent', { status: 500 }, ''],
  ] as const)('at level %s of %j', (level, change, expected) => {
    const context = fakeContext();
    logRequest(createLogger({ level, format: 'json' }, context), { ...ENTRY, ...change });
    const logged = context.written.err;
    expect(logged === '' ? '' : (JSON.parse(logged) as { level: string }).level).toBe(expected);
  });
});

describe('lines for people', () => {
  const RECORD = {
    level: 'warn',
    time: '2026-01-02T03:04:05.678Z',
    id: 'abc',
    msg: 'request',
    status: 200,
    path: '/v2/ x',
  };

  it('have one form', () => {
    expect(formatRecord(RECORD, false)).toBe(
      '2026-01-02T03:04:05.678Z WARN  [abc] request status=200 path="/v2/ x"\n',
    );
  });

  it('put a stack below, and let nothing move the cursor', () => {
    const err = { type: 'Error', message: 'm', stack: 'Error: m\u001B[2J\n    at x' };
    expect(formatRecord({ ...RECORD, err, path: '/\u001B[2J' }, false)).toBe(
      '2026-01-02T03:04:05.678Z WARN  [abc] request status=200 path=/\\u001b[2J\n    Error: m\\u001b[2J\n        at x\n',
    );
  });

  it('come in colours on a terminal, unless NO_COLOR says no', () => {
    const written = (terminal: boolean, env: Readonly<Record<string, string>>): string => {
      const context = fakeContext({ terminal, env });
      createLogger({ level: 'info', format: 'text' }, context).info('hello');
      return context.written.err;
    };
    expect(written(true, {})).toContain('\u001B[32mINFO');
    expect(written(true, { NO_COLOR: '1' })).toMatch(/^\S+Z INFO {2}hello\n$/);
    expect(written(false, {})).toMatch(/^\S+Z INFO {2}hello\n$/);
  });
});
