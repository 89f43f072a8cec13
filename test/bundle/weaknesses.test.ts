import { execFile } from 'node:child_process';
import { mkdir, readFile, readdir } from 'node:fs/promises';
import { createConnection, createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { createClient } from '../../client/client.js';
import { fetchDriver } from '../../client/drivers/fetch-driver.js';
import { RemoteRepository } from '../../client/remote/repository.js';
import { remoteSink } from '../../client/remote/sink.js';
import { parseWanted } from '../../bundle/names.js';
import { Places } from '../../bundle/places.js';
import { pullBundle } from '../../bundle/pull/pull.js';
import { pushBundle } from '../../bundle/push/push.js';
import { startRegistry, type TestRegistry } from '../../testing/index.js';
import { command } from '../cli/command.js';
import { tempFolder } from '../helpers/temp.js';
import { fileOf, HOST, reach } from './fixtures.js';

const IMAGES = 12;
const names = Array.from({ length: IMAGES }, (_, n) => `app${n}`);
const seed = Object.fromEntries(names.map((name) => [name, { 1: { files: { name } } }]));

/** Pushes `bundle:1`, which lists twelve images of `host`. */
async function pushTwelve(registry: TestRegistry, host: string): Promise<void> {
  const open = reach(registry);
  const digests = await Promise.all(
    names.map(async (repository) => (await open({ registry: HOST, repository }).resolve('1'))?.digest),
  );
  const folder = await tempFolder();
  const list = names.map((name, at) => `- image: ${host}/${name}@${digests[at]}\n`).join('');
  await fileOf(
    join(folder, '.imgpkg/images.yml'),
    `apiVersion: imgpkg.carvel.dev/v1alpha1\nkind: ImagesLock\nimages:\n${list}`,
  );
  const sink = remoteSink(open({ registry: HOST, repository: 'bundle' }));
  await pushBundle(sink, '1', { files: [folder] });
}

describe('where imgpkg is weak', () => {
  it('push compresses once, sends once, and leaves nothing in the temporary folder (weakness 13)', async () => {
    await using registry = await startRegistry();
    const [files, home, temporary] = [await tempFolder(), await tempFolder(), await tempFolder()];
    const cli = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));
    await fileOf(join(files, 'a'), 'a'.repeat(3 << 20));
    await promisify(execFile)(process.execPath, [cli, 'push', '-i', `${registry.host}/x:1`, '-f', files], {
      env: { HOME: home, XDG_STATE_HOME: home, TMPDIR: temporary },
    });
    const layer = (await (await registry.fetch('/v2/x/manifests/1')).json()) as {
      layers: { size: number }[];
    };
    const sent = registry.requests.filter(
      ({ received, path }) => path.includes('/blobs/') && received > 1000,
    );
    expect(sent.map(({ received }) => received)).toEqual([layer.layers[0]?.size]);
    expect(await readdir(temporary)).toEqual([]);
  });

  it('an archive is written in one pass, to a pipe as to a file (weakness 14)', async () => {
    await using registry = await startRegistry({ seed });
    await pushTwelve(registry, registry.host);
    const home = await tempFolder();
    const cli = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));
    for (const format of ['oci', 'imgpkg']) {
      const write = async (target: string): Promise<Buffer> => {
        const args = [
          cli,
          'copy',
          '-b',
          `${registry.host}/bundle:1`,
          '--to-tar',
          target,
          '--tar-format',
          format,
        ];
        const { stdout } = await promisify(execFile)(process.execPath, args, {
          encoding: 'buffer',
          env: { HOME: home, XDG_STATE_HOME: home },
        });
        return stdout;
      };
      const piped = await write('-');
      await write(join(home, 'a.tar'));
      expect(piped.length).toBeGreaterThan(10_000);
      expect(piped.equals(await readFile(join(home, 'a.tar')))).toBe(true);
    }
  });

  it('connections are kept: a copy of twelve images takes no more than go on at once (weakness 15)', async () => {
    await using registry = await startRegistry({ seed });
    let opened = 0;
    const [host = '', port = ''] = registry.host.split(':');
    const proxy = createServer((socket) => {
      opened += 1;
      const other = createConnection(Number(port), host);
      socket.on('error', () => other.destroy()).pipe(other);
      other.on('error', () => socket.destroy()).pipe(socket);
    });
    await new Promise<void>((resolve) => {
      proxy.listen(0, '127.0.0.1', resolve);
    });
    try {
      const through = `127.0.0.1:${(proxy.address() as AddressInfo).port}`;
      await pushTwelve(registry, through);
      registry.requests.clear();
      const home = await tempFolder();
      const copied = await command(['copy', '-b', `${through}/bundle:1`, '--to-repo', `${through}/dst`], {
        env: { HOME: home, XDG_STATE_HOME: home },
      });
      expect(copied.exitCode, copied.written.err).toBe(0);
      expect(registry.requests.count()).toBeGreaterThan(60);
      expect(opened).toBeLessThan(20);
    } finally {
      proxy.close();
    }
  });

  it('pull looks for images of the list together (weakness 16)', async () => {
    await using registry = await startRegistry({ socket: false, seed });
    await pushTwelve(registry, HOST);
    let asked = 0;
    let together = 0;
    const client = createClient({
      driver: fetchDriver(async (request) => {
        if (request.method !== 'HEAD') return await registry.fetch(request);
        asked += 1;
        together = Math.max(together, asked);
        try {
          return await registry.fetch(request);
        } finally {
          asked -= 1;
        }
      }),
    });
    const places = new Places((place) => new RemoteRepository(client.transport, place));
    const folder = join(await tempFolder(), 'out');
    await pullBundle(places, parseWanted(`${HOST}/bundle:1`), folder);
    expect(together).toBeGreaterThan(3);
  });

  it('many images are no reason to warn of anything', async () => {
    await using registry = await startRegistry({ seed });
    await pushTwelve(registry, registry.host);
    const home = await tempFolder();
    const cli = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));
    const bundle = `${registry.host}/bundle:1`;
    const stderrOf = async (line: string): Promise<string> => {
      const env = { HOME: home, XDG_STATE_HOME: home };
      return (await promisify(execFile)(process.execPath, [cli, ...line.split(' ')], { env })).stderr;
    };
    expect(await stderrOf(`describe -b ${bundle}`)).toBe('');
    expect(await stderrOf(`copy -b ${bundle} --to-repo ${registry.host}/dst --concurrency 20`)).toBe('');
    expect(await stderrOf(`copy -b ${bundle} --to-tar ${home}/a.tar --concurrency 20`)).toBe('');
    expect(await stderrOf(`bundle diff ${bundle} ${registry.host}/dst:1`)).toBe('');
    expect(await stderrOf(`pull -b ${bundle} -o ${home}/out`)).toBe(
      'One or more images not found in bundle repo; skipping lock file update\n',
    );
    expect(await stderrOf(`lock update --dry-run ${home}/out`)).toBe('nothing moved\n');
  });

  it('misuse is one clear error, never a crash (weakness 21)', async () => {
    const home = await tempFolder();
    await mkdir(join(home, 'empty'));
    for (const line of [
      'copy -b a.io/b --to-repo a.io/c --concurrency 0',
      'copy -b a.io/b --to-repo a.io/c --concurrency -1',
      'describe -b a.io/b --concurrency 0',
      'copy --tar /dev/null --to-repo a.io/b',
      `copy --tar ${home}/empty --to-repo a.io/b`,
      `copy --lock ${home}/empty --to-repo a.io/b`,
      'push -b a.io/b:1:2 -f .',
      'pull -b @ -o x',
      `tag list -i ${'a'.repeat(300)}`,
    ]) {
      const failed = await command(line.split(' '), { env: { HOME: home, XDG_STATE_HOME: home } });
      expect([failed.exitCode, failed.written.out], line).toEqual([1, '']);
      expect(failed.written.err, line).toMatch(/^ocilot: .+\n$/);
      expect(failed.written.err, line).not.toMatch(/ {4}at /);
    }
  });
});
