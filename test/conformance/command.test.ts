import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { runCommand } from '../../conformance/command.js';
import { serve } from './test-server.js';

const folder = mkdtempSync(join(tmpdir(), 'conformance-'));
const open: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of open.splice(0)) await close();
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

async function command(...args: readonly string[]) {
  let out = '';
  let error = '';
  const status = await runCommand(args, {
    env: {},
    isTerminal: false,
    out: (text) => {
      out += text;
    },
    error: (text) => {
      error += text;
    },
  });
  return { status, out, error };
}

/** A registry that answers every request with one status. */
async function registry(status: number, body = '{}'): Promise<string> {
  const server = await serve((request, response) => {
    request.resume();
    response.writeHead(status, { 'www-authenticate': 'Basic realm="a"' });
    response.end(body);
  });
  open.push(() => server.close());
  return server.url;
}

describe('conformance', () => {
  it('prints its help, with examples', async () => {
    const { status, out } = await command('--help');
    expect(status).toBe(0);
    expect(out).toContain('Examples:');
    expect(out).toContain('--profile strict');
  });

  it('lists the tests of a profile', async () => {
    const { status, out } = await command('--list', '--only', 'ping.*', '--profile', 'strict');
    expect(status).toBe(0);
    expect(out).toContain('ping.answers');
    expect(out).toContain('Determining Support (end-1): GET /v2/ answers 200');
    expect(out).not.toContain('blob.unknown');
  });

  it.each([
    [[], 'give the registry with --url'],
    [['--url', 'registry.test:5000'], 'is not a URL with http:// or https://'],
    [['--url', 'http://a:b@registry.test'], 'give credentials with --user'],
    [['--url', 'http://registry.test/v2/'], 'has more than scheme, host and port'],
    [['--url', 'http://127.0.0.1:1', '--user', 'robot'], '--user is not name:password'],
    [['--url', 'http://127.0.0.1:1', '--repository', 'UPPER'], 'is not a repository name'],
    [['--url', 'http://127.0.0.1:1', '--seed', 'a/b'], '--seed a/b is not'],
    [['--url', 'http://127.0.0.1:1', '--only', 'nothing.*'], 'no test fits --only nothing.*'],
    [['--url', 'http://127.0.0.1:1', '--ca', join(folder, 'absent.pem')], 'cannot read'],
    [['--profile', 'nice'], 'Allowed choices are stable, dev, strict'],
    [['--nonsense'], "unknown option '--nonsense'"],
    [['--url', 'http://127.0.0.1:1'], 'cannot reach http://127.0.0.1:1: connect ECONNREFUSED'],
  ])('refuses %j with one line', async (args, message) => {
    const { status, out, error } = await command(...args);
    expect(status).toBe(2);
    expect(out).toBe('');
    expect(error).toContain(message);
    expect(error).toMatch(/^conformance: [^\n]*\n$/);
  });

  it.each([
    [404, [], 'is not a registry: GET /v2/ answered 404'],
    [401, [], 'asks for credentials: give --user'],
    [401, ['--user', 'robot:secret'], 'refuses the credentials of --user'],
  ])('ends before the first test when the ping answers %d (%j)', async (answer, args, message) => {
    const { status, out, error } = await command('--url', await registry(answer), ...args);
    expect({ status, out }).toEqual({ status: 2, out: '' });
    expect(error).toContain(message);
    expect(error).not.toContain('secret');
  });

  it('prints the table, writes JUnit, and ends with 0 when nothing failed', async () => {
    const junit = join(folder, 'junit.xml');
    const url = await registry(200);
    const { status, out } = await command(
      '--url',
      url,
      '--only',
      'ping.answers',
      '--seed',
      's1',
      '--junit',
      junit,
    );
    expect(status).toBe(0);
    expect(out).toMatch(/^✓ ping\.answers/);
    expect(out).toContain('1 passed, 0 failed, 0 skipped');
    expect(out).toContain(`${url}, profile stable, seed s1`);
    expect(readFileSync(junit, 'utf8')).toContain('<testsuite name="ping" tests="1" failures="0"');
  });

  it('ends with 1 when something failed', async () => {
    const { status, out } = await command('--url', await registry(202), '--only', 'ping.answers');
    expect(status).toBe(1);
    expect(out).toContain('expected status 200, got 202');
  });

  it('prints nothing but JSON with --json', async () => {
    const { status, out } = await command('--url', await registry(200), '--only', 'ping.answers', '--json');
    expect(status).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ profile: 'stable', counts: { pass: 1, fail: 0, skip: 0 } });
  });

  it('says when JUnit cannot be written', async () => {
    const junit = join(folder, 'no', 'junit.xml');
    const url = await registry(200);
    const { status, error } = await command('--url', url, '--only', 'ping.answers', '--junit', junit);
    expect(status).toBe(2);
    expect(error).toContain('cannot write');
  });
});
