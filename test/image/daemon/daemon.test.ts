import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { copy } from '../../../image/copy/index.js';
import { createDaemonSink, daemonAddress, openDaemonImage } from '../../../image/daemon/index.js';
import { memoryStore } from '../../../image/memory.js';
import { collect, type ByteStream } from '../../../oci/index.js';
import { tempFolder } from '../../helpers/temp.js';
import { all, blobFrom, failure, putImage, putIndex } from '../content.js';
import { entriesOf, fixture } from '../tar/helpers.js';

/** A daemon that answers as it is told; what it got is kept. */
async function daemon(
  answer: (request: IncomingMessage, response: ServerResponse) => Promise<void> | void,
): Promise<{ host: string; seen: string[] }> {
  const path = join(await tempFolder(), 'docker.sock');
  const seen: string[] = [];
  const server = createServer((request, response) => {
    seen.push(`${request.method} ${request.url}`);
    void Promise.resolve(answer(request, response)).catch((error: unknown) =>
      response.destroy(error as Error),
    );
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return { host: `unix://${path}`, seen };
}

describe('an image of a daemon', () => {
  it('is saved and read as a docker archive', async () => {
    const { host, seen } = await daemon((_, response) => void response.end(fixture('two.docker.tar')));
    const source = await openDaemonImage('registry.example:5000/two:1', { host });
    expect(seen).toEqual(['GET /images/registry.example:5000/two:1/get']);
    const descriptor = await source.resolve('registry.example:5000/two:1');
    if (descriptor === undefined) throw new Error('not found');
    expect((await copy(source, memoryStore(), [{ descriptor }])).sent.blobs).toBe(3);
    expect(await all(source.tags?.())).toEqual(['127.0.0.1:5900/c/two:1']);
    expect((await all(source.roots?.())).map((root) => root.descriptor)).toEqual([descriptor]);
    await source.close();
  });

  it.each([
    [404, '{"message":"No such image: x"}', 'MANIFEST_UNKNOWN', 'No such image: x'],
    [500, '{"message":"disk is gone"}', 'UNKNOWN', 'disk is gone'],
    [403, 'not for you', 'DENIED', 'not for you'],
    [204, '', 'UNKNOWN', 'answered 204'],
  ])('that it does not give: status %i', async (status, text, code, message) => {
    const { host } = await daemon((_, response) => void response.writeHead(status).end(text || undefined));
    const error = await failure(openDaemonImage('x', { host }));
    expect(error.code).toBe(code);
    expect(error.message).toContain(message);
  });

  it('leaves nothing behind when the answer ends early', async () => {
    const { host } = await daemon((_, response) => {
      response.writeHead(200, { 'content-length': '5120' });
      response.write(fixture('two.docker.tar').subarray(0, 1500), () => response.destroy());
    });
    expect(await failure(openDaemonImage('x', { host }))).toMatchObject({ code: 'NETWORK' });
  });

  it('stops with its signal', async () => {
    const stop = new AbortController();
    const { host } = await daemon(() => stop.abort(new Error('enough')));
    await expect(openDaemonImage('x', { host, signal: stop.signal })).rejects.toThrow('enough');
  });

  it('has a name that fits into a path', async () => {
    const { host, seen } = await daemon((_, response) => void response.end());
    for (const name of ['', '../../containers', 'a b', 'a?b', 'a\r\nb', '-x'])
      expect((await failure(openDaemonImage(name, { host }))).code).toBe('REFERENCE_INVALID');
    expect((await failure(openDaemonImage('a/../../x', { host }))).code).toBe('REFERENCE_INVALID');
    expect(seen).toEqual([]);
  });
});

describe('images for a daemon', () => {
  it('are loaded as a docker archive', async () => {
    let got: Uint8Array | undefined;
    const { host, seen } = await daemon(async (request, response) => {
      expect(request.headers['content-type']).toBe('application/x-tar');
      got = await collect(request as ByteStream, 1 << 20, 'body');
      response.end('{"stream":"Loaded image: x:1"}\n');
    });
    const sink = await createDaemonSink({ host, repository: 'x' });
    const image = await putImage(sink, { seed: 'a', tags: ['1'] });
    expect(await sink.hasManifest(image)).toBe(true);
    expect((await sink.resolve('x:1'))?.digest).toBe(image.digest);
    await sink.finish?.();
    expect(seen).toEqual(['POST /images/load?quiet=1']);
    const entries = await entriesOf([got ?? Buffer.of()]);
    expect(Buffer.concat(entries.at(-1)?.body ?? []).toString()).toContain('"RepoTags":["x:1"]');
  });

  it.each([
    [
      200,
      '{"stream":"Loading"}\n{"errorDetail":{"message":"no space"},"error":"no space left"}\n',
      'no space',
    ],
    [200, '{"error":"invalid tar header"}', 'invalid tar header'],
    [500, '{"message":"broken"}', 'broken'],
  ])('that it does not take are an error: status %i, %s', async (status, text, message) => {
    const { host } = await daemon(async (request, response) => {
      await collect(request as ByteStream, 1 << 20, 'body');
      response.writeHead(status).end(text);
    });
    const sink = await createDaemonSink({ host });
    await putImage(sink, { seed: 'a', tags: ['a:1'] });
    const error = await failure(Promise.resolve(sink.finish?.()));
    expect(error.code).toBe('UNKNOWN');
    expect(error.message).toContain(message);
  });

  it('that it refuses at once are an error that says why', async () => {
    const { host } = await daemon((_, response) => {
      response.writeHead(500, { connection: 'close' }).end('{"message":"no more room"}');
    });
    const load = async (): Promise<void> => {
      const sink = await createDaemonSink({ host });
      const bytes = Buffer.alloc(1 << 20);
      for (let at = 0; at < 200; at++) {
        bytes.writeUInt32BE(at);
        await sink.putBlob(blobFrom('text/plain', Buffer.from(bytes)));
      }
      await putImage(sink, { seed: 'a', tags: ['a:1'] });
      await sink.finish?.();
    };
    const error = await failure(load());
    expect(error.message).toContain('no more room');
    expect(error.code).toBe('UNKNOWN');
  });

  it('are refused as in any docker archive, and the call is broken off', async () => {
    const closed = new Promise<void>((resolve) => {
      void daemon((request) => void request.on('close', resolve).resume()).then(async ({ host }) => {
        const sink = await createDaemonSink({ host });
        const image = await putImage(sink, { seed: 'a' });
        await sink.putBlob(blobFrom('text/plain', Buffer.alloc(100_000)));
        expect((await failure(putIndex(sink, [image], { top: true }))).code).toBe('UNSUPPORTED');
        await sink.abandon?.();
      });
    });
    await closed;
  });

  it('fail plainly where no daemon listens', async () => {
    const path = join(await tempFolder(), 'none.sock');
    const error = await failure(openDaemonImage('x', { host: `unix://${path}` }));
    expect(error.code).toBe('NETWORK');
    expect(error.message).toContain(path);
    const load = async (): Promise<void> => {
      const sink = await createDaemonSink({ host: `unix://${path}` });
      await putImage(sink, { seed: 'a', tags: ['a:1'] });
      await sink.finish?.();
    };
    expect((await failure(load())).code).toBe('NETWORK');
  });
});

describe('the address of a daemon', () => {
  it.each([
    ['unix:///run/user/1/d.sock', { socketPath: '/run/user/1/d.sock' }],
    ['tcp://127.0.0.1:2375', { host: '127.0.0.1', port: 2375 }],
    ['tcp://docker.example', { host: 'docker.example', port: 2375 }],
    ['tcp://[::1]:99', { host: '::1', port: 99 }],
  ])('is what DOCKER_HOST says: %s', (text, address) => {
    expect(daemonAddress(undefined, { DOCKER_HOST: text })).toEqual(address);
    expect(daemonAddress(text, { DOCKER_HOST: 'tcp://other:1' })).toEqual(address);
  });

  it.each([
    ['ssh://me@host', 'UNSUPPORTED'],
    ['npipe:////./pipe/docker', 'UNSUPPORTED'],
    ['unix://relative', 'INVALID_OPTION'],
    ['tcp://', 'INVALID_OPTION'],
    ['tcp://host:1/path', 'INVALID_OPTION'],
    ['/var/run/docker.sock', 'INVALID_OPTION'],
  ])('is refused: %s', async (text, code) => {
    expect((await failure(Promise.resolve().then(() => daemonAddress(text, {})))).code).toBe(code);
  });

  it('is refused over TLS, and found at the socket of podman', async () => {
    const env = { DOCKER_HOST: 'tcp://a:1', DOCKER_TLS_VERIFY: '1' };
    expect((await failure(Promise.resolve().then(() => daemonAddress(undefined, env)))).code).toBe(
      'UNSUPPORTED',
    );
    const folder = await tempFolder();
    await mkdir(join(folder, 'podman'));
    await writeFile(join(folder, 'podman/podman.sock'), '');
    // Docker's own comes first, where there is one.
    const docker = '/var/run/docker.sock';
    const socketPath = existsSync(docker) ? docker : join(folder, 'podman/podman.sock');
    expect(daemonAddress(undefined, { XDG_RUNTIME_DIR: folder })).toEqual({ socketPath });
  });
});
