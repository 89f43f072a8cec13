import { once } from 'node:events';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { request, type ClientRequest, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { digestOf } from '../../oci/index.js';
import { bytesOf } from '../helpers/content.js';
import { tempFolder } from '../helpers/temp.js';
import { run, serve, start } from './run.js';

const BLOB = bytesOf('serve', 200_000);
const DIGEST = digestOf(BLOB);

interface Upload {
  readonly request: ClientRequest;
  readonly answer: Promise<IncomingMessage>;
}

/** Begins an upload: the registry reads its body, which is not whole yet. */
async function beginUpload(url: string): Promise<Upload> {
  const upload = request(`${url}/v2/app/blobs/uploads/?digest=${DIGEST}`, {
    method: 'POST',
    headers: { 'content-length': BLOB.byteLength, expect: '100-continue' },
  });
  const answer = new Promise<IncomingMessage>((resolve, reject) => {
    upload.on('response', (response) => resolve(response.resume()));
    upload.on('error', reject);
  });
  upload.flushHeaders();
  await once(upload, 'continue');
  upload.write(BLOB.subarray(0, 100_000));
  return { request: upload, answer };
}

describe('the start', () => {
  it('prints the URL, then where the data lie; --print-url nothing else', async () => {
    const data = join(await tempFolder(), 'new');
    const first = await serve(['--data', data]);
    expect((await fetch(`${first.url}/v2/`)).status).toBe(200);
    expect((await first.stop()).out).toBe(`${first.url}\ndata: ${data}\n`);
    const second = await serve(['--data', data, '--print-url']);
    expect((await second.stop()).out).toBe(`${second.url}\n`);
  });

  it('prints with --hints how to point others here', async () => {
    const { url, stop } = await serve(['--blobs', 'memory', '--hints']);
    const { out, code } = await stop('SIGINT');
    const host = new URL(url).host;
    expect(out).toContain('data: in memory, gone at the end\n');
    expect(out).toContain(`{"insecure-registries":["${host}"]}\n`);
    expect(out).toContain(`[[registry]]\nlocation = "${host}"\ninsecure = true\n`);
    expect(out).toContain(`/etc/containerd/certs.d/${host}/hosts.toml\n`);
    expect(out).toContain(
      `server = "${url}"\n\n[host."${url}"]\n  capabilities = ["pull", "resolve", "push"]\n`,
    );
    expect(code).toBe(0);
  });

  it('says that a port is taken and names --port', async () => {
    const { url } = await serve(['--blobs', 'memory']);
    const { port } = new URL(url);
    expect(await run(['serve', '--blobs', 'memory', '--port', port])).toEqual({
      code: 3,
      out: '',
      err: `ocilot: port ${port} on 127.0.0.1 is taken: choose another with --port, or --port 0 for any\n`,
    });
  });

  it('makes no data folder when the port is taken', async () => {
    const { url } = await serve(['--blobs', 'memory']);
    const folder = await tempFolder();
    const data = join(folder, 'new');
    expect((await run(['serve', '--data', data, '--port', new URL(url).port])).code).toBe(3);
    expect(await readdir(folder)).toEqual([]);
  });

  it('says who has the data folder open', async () => {
    const data = await tempFolder();
    const { child } = await serve(['--data', data]);
    const { code, err } = await run(['serve', '--port', '0', '--data', data]);
    expect([code, err]).toEqual([
      3,
      expect.stringContaining(`data folder ${data} is in use: process ${child.pid} `),
    ]);
    expect(err.split('\n')).toHaveLength(2);
  });

  it('warns when everybody may come in from elsewhere', async () => {
    const { stop } = await serve(['--blobs', 'memory', '--host', '0.0.0.0', '--log-format', 'json']);
    const { out, err } = await stop();
    expect(JSON.parse(err.split('\n')[0] ?? '')).toMatchObject({
      level: 'warn',
      msg: expect.stringContaining('everybody who can reach 0.0.0.0 may pull, push and delete'),
    });
    expect(out).toMatch(/^http:\/\/127\.0\.0\.1:\d+\n/);
  });

  it('imports a folder of docker-registry', async () => {
    const folder = await tempFolder();
    await mkdir(join(folder, 'docker/registry/v2/repositories'), { recursive: true });
    const { stop } = await serve(['--blobs', 'memory', '--load', folder]);
    expect((await stop()).err).toContain('"msg":"imported"');
    const { code, err } = await run([
      'serve',
      '--blobs',
      'memory',
      '--port',
      '0',
      '--load',
      join(folder, 'docker'),
    ]);
    expect([code, err.trimEnd().split('\n').at(-1)]).toEqual([
      2,
      expect.stringContaining('is not the data folder of a docker-registry'),
    ]);
  });
});

describe('settings', () => {
  it('come from flags, variables and a file; what is wrong ends it with 2 and one line', async () => {
    const folder = await tempFolder();
    const config = join(folder, 'ocilot.yaml');
    await writeFile(config, 'readOnly: true\nblobs: memory\n');
    const { url, stop } = await serve(['--log-level', 'warn'], {
      env: { OCILOT_CONFIG: config, OCILOT_LOG_FORMAT: 'text' },
    });
    const refused = await fetch(`${url}/v2/app/blobs/uploads/`, { method: 'POST' });
    expect([refused.status, (await stop()).err]).toEqual([403, '']);
    expect(
      await run(['serve', '--print-config', '--grace', 'soon'], { env: { OCILOT_CONFIG: config } }),
    ).toEqual({
      code: 2,
      out: '',
      err: 'ocilot: --grace is "soon": expected a time with its unit such as 30s, 15m, 1h30m or 7d\n',
    });
  });

  it('of the library that do not fit together are one line too', async () => {
    const { code, err } = await run(['serve', '--port', '0', '--blobs', 'memory', '--access-realm', 'x']);
    expect([code, err]).toEqual([
      2,
      'ocilot: access mode none has no use for realm: choose basic or bearer\n',
    ]);
  });

  it('--print-config and --print-schema end at once', async () => {
    const config = await run(['serve', '--print-config', '--port', '7']);
    expect([config.code, config.err, config.out]).toEqual([
      0,
      '',
      expect.stringContaining('port: 7 # --port\n'),
    ]);
    const schema = await run(['serve', '--print-schema']);
    expect(JSON.parse(schema.out)).toMatchObject({ type: 'object' });
  });
});

describe('the log', () => {
  it('has a line for each request with its id and user, and no credentials', async () => {
    const data = await tempFolder();
    const password = 'correct-horse-7';
    await run(['user', 'add', 'alice', '--data', data, '--password-stdin'], { input: password });
    const { url, stop } = await serve(['--data', data, '--access-mode', 'bearer', '--log-level', 'trace']);
    const basic = Buffer.from(`alice:${password}`).toString('base64');
    const authorization = `Basic ${basic}`;
    const scope = 'scope=repository:app:pull,push';
    const token = await fetch(`${url}/v2/?password=${password}`, { headers: { authorization } }).then(
      async () => {
        const answer = await fetch(`${url}/_ocilot/token?service=x&${scope}&password=${password}`, {
          headers: { authorization },
        });
        return ((await answer.json()) as { token: string }).token;
      },
    );
    const answer = await fetch(`${url}/v2/app/tags/list?token=${token}`, {
      headers: { authorization: `Bearer ${token}` },
    });
    const id = answer.headers.get('x-request-id');
    const { err } = await stop();
    const lines = err
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines.find((line) => line.id === id)).toMatchObject({
      operation: 'tags.list',
      user: 'alice',
      status: 404,
    });
    for (const secret of [password, basic, token, token.slice(-20)]) expect(err).not.toContain(secret);
  });
});

describe('the end', () => {
  it('lets a transfer end, takes no new one, and exits with 0', async () => {
    const data = await tempFolder();
    const served = await serve(['--data', data]);
    const upload = await beginUpload(served.url);
    const ended = served.stop();
    await served.said(/"msg":"stopping/, 'err');
    await expect(fetch(`${served.url}/v2/`)).rejects.toThrow();
    upload.request.end(BLOB.subarray(100_000));
    expect((await upload.answer).statusCode).toBe(201);
    expect((await ended).code).toBe(0);
    const again = await serve(['--data', data]);
    const blob = await fetch(`${again.url}/v2/app/blobs/${DIGEST}`);
    expect(Buffer.from(await blob.arrayBuffer()).equals(BLOB)).toBe(true);
  });

  it('cuts what lasts longer than the grace', async () => {
    const served = await serve(['--blobs', 'memory', '--grace', '1ms']);
    const upload = await beginUpload(served.url);
    const failed = expect(upload.answer).rejects.toThrow();
    await served.stop();
    await failed;
    expect((await served.ended).code).toBe(0);
  });

  it('comes at once at the second signal', async () => {
    const served = await serve(['--data', await tempFolder(), '--grace', '1h']);
    const upload = await beginUpload(served.url);
    const failed = expect(upload.answer).rejects.toThrow();
    served.child.kill('SIGTERM');
    await served.said(/"msg":"stopping/, 'err');
    expect((await served.stop('SIGINT')).code).toBe(0);
    await failed;
  });
});

describe('a reverse proxy', () => {
  it('decides on scheme and host only when it is trusted', async () => {
    const headers = { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'registry.example' };
    const realm = async (args: readonly string[]): Promise<string> => {
      const data = await tempFolder();
      await run(['user', 'add', 'alice', '--data', data, '--password-stdin'], { input: 'secret' });
      const { url } = await serve(['--data', data, '--access-mode', 'bearer', ...args]);
      const answer = await fetch(`${url}/v2/`, { headers });
      return /realm="(https?:\/\/[^/"]+)/.exec(answer.headers.get('www-authenticate') ?? '')?.[1] ?? '';
    };
    expect(await realm(['--trust-proxy'])).toBe('https://registry.example');
    expect(await realm([])).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(await realm(['--public-url', 'https://public.example'])).toBe('https://public.example');
  });
});

describe('unknown commands and flags', () => {
  it.each([
    [['sevre'], "ocilot: unknown command 'sevre' (did you mean serve?); `ocilot help` lists what there is\n"],
    [
      ['serve', '--prot', '1'],
      "ocilot: unknown option '--prot' (did you mean --port?); `ocilot help serve` lists what there is\n",
    ],
    [
      ['serve', 'extra'],
      "ocilot: too many arguments for 'serve'. Expected 0 arguments but got 1; `ocilot help serve` lists what there is\n",
    ],
    [
      ['user', 'add', '--nothing'],
      "ocilot: unknown option '--nothing'; `ocilot help user add` lists what there is\n",
    ],
  ] as const)('%j', async (args, err) => {
    expect(await start(args).ended).toEqual({ code: 2, out: '', err });
  });
});
