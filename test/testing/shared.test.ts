import { describe, expect, it } from 'vitest';
import { globalRegistry, shareRegistry, sharedRegistry, type SharedRegistry } from '../../testing/index.js';
import { useRegistry as useInJest } from '../../testing/jest.js';
import { useRegistry } from '../../testing/node.js';

describe('a registry for a whole run', () => {
  it('is found until the end of the run', async () => {
    const { globalSetup, globalTeardown } = shareRegistry({ users: { bob: 'pw' } });
    await globalSetup();
    const { url, host, dockerConfigDir, env } = sharedRegistry();
    expect((await fetch(`${url}/v2/`)).status).toBe(401);
    expect(url).toBe(`http://${host}`);
    expect(env['DOCKER_CONFIG']).toBe(dockerConfigDir);
    await globalTeardown();
    await expect(fetch(`${url}/v2/`)).rejects.toThrow('fetch failed');
    expect(() => sharedRegistry()).toThrow('call shareRegistry() in its global set-up');
  });

  it('is provided to vitest', async () => {
    const provided = new Map<string, SharedRegistry>();
    const provide = (key: string, value: SharedRegistry): void => void provided.set(key, value);
    const tearDown = await globalRegistry()({ provide });
    expect((await fetch(`${provided.get('ocilot')?.url ?? ''}/v2/`)).status).toBe(200);
    await tearDown();
  });
});

describe('a registry for one test of node:test', () => {
  it('ends with the test', async () => {
    const ends: (() => Promise<void>)[] = [];
    const registry = await useRegistry({ after: (run) => void ends.push(run) }, { readOnly: true });
    expect((await fetch(`${registry.url}/v2/app/blobs/uploads/`, { method: 'POST' })).status).toBe(403);
    expect(ends).toHaveLength(1);
    await ends[0]?.();
    await expect(fetch(`${registry.url}/v2/`)).rejects.toThrow('fetch failed');
  });
});

describe('a registry for a file of jest', () => {
  it('is put back before each test', async () => {
    const hooks: Record<string, () => Promise<void>> = {};
    const hook = (name: string) => (run: () => Promise<void>) => {
      hooks[name] = run;
    };
    const registry = useInJest(
      { socket: false, faults: [{ times: 1, fault: { kind: 'status', status: 500 } }] },
      { beforeAll: hook('beforeAll'), beforeEach: hook('beforeEach'), afterAll: hook('afterAll') },
    );
    expect(() => registry()).toThrow('ask for it inside of a test or a hook');
    await hooks['beforeAll']?.();
    for (let test = 0; test < 2; test++) {
      await hooks['beforeEach']?.();
      expect(registry().requests.length).toBe(0);
      expect((await registry().fetch('/v2/')).status).toBe(500);
      expect((await registry().fetch('/v2/app/tags/list')).status).toBe(404);
      await registry().seed({ app: { one: {} } });
      registry().readOnly(true);
    }
    await hooks['afterAll']?.();
    expect(() => useInJest({}, {})).toThrow('call it in a test file');
  });
});
