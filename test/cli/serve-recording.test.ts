import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { digestOf } from '../../oci/index.js';
import { startRegistry, type TestRegistry } from '../../testing/index.js';
import { tempFolder } from '../helpers/temp.js';
import { run, serve } from './run.js';

async function upstream(): Promise<TestRegistry> {
  const registry = await startRegistry({ seed: { app: { '1.0': { files: { motd: 'hello' } } } } });
  onTestFinished(() => registry.close());
  return registry;
}

describe('serve --record and --replay', () => {
  it('keeps what was pulled, and serves it without the upstream', async () => {
    const folder = join(await tempFolder(), 'kept');
    const registry = await upstream();
    const recorder = await serve(['--record', registry.host, '--recording', folder]);
    await recorder.said(new RegExp(`^data: of ${registry.host}, recorded in ${folder}$`, 'm'));
    const path = '/v2/app/manifests/1.0';
    const recorded = await (await fetch(`${recorder.url}${path}`)).text();
    expect(recorded).toBe(await (await fetch(`${registry.url}${path}`)).text());
    expect((await recorder.stop()).code).toBe(0);
    await registry.close();

    const player = await serve(['--replay', folder, '--print-url']);
    const answer = await fetch(`${player.url}${path}`);
    expect(digestOf(Buffer.from(await answer.arrayBuffer()))).toBe(digestOf(Buffer.from(recorded)));
    const missing = await fetch(`${player.url}/v2/app/manifests/2.0`);
    expect(missing.status).toBe(404);
    expect(await missing.text()).toContain(
      `manifest app:2.0 is not in the recording ${folder}: ask for it once while ${registry.host} is recorded there`,
    );
    expect(await player.stop()).toMatchObject({ code: 0, out: `${player.url}\n` });
  });

  it('asks with the credentials of the user', async () => {
    const registry = await startRegistry({ users: { bob: 'pw' }, seed: { app: { '1.0': {} } } });
    onTestFinished(() => registry.close());
    const env = { DOCKER_CONFIG: registry.dockerConfigDir };
    const args = ['--record', registry.url, '--recording', join(await tempFolder(), 'kept')];
    const recorder = await serve(args, { env });
    expect((await fetch(`${recorder.url}/v2/app/manifests/1.0`)).status).toBe(200);
    expect((await recorder.stop()).code).toBe(0);
  });

  it.each<[readonly string[], string]>([
    [['--record', 'quay.io'], '--record and --recording need each other'],
    [['--recording', 'x'], '--record and --recording need each other'],
    [['--record', 'quay.io', '--recording', 'x', '--replay', 'x'], '--record and --replay are both given'],
    [['--replay', 'x', '--seed', 'y'], '--seed cannot be given with'],
    [['--replay', '/dev/null/x'], 'there is no recording in /dev/null/x'],
    [['--record', 'quay.io/team', '--recording', '/dev/null/x'], 'expected a host such as quay.io'],
  ])('refuses %j in one line', async (args, message) => {
    const { code, out, err } = await run(['serve', '--port', '0', ...args]);
    expect(code).not.toBe(0);
    expect(out).toBe('');
    expect(err).toContain(message);
    expect(err.trim().split('\n')).toHaveLength(1);
  });
});
