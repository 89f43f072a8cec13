import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseManifest, type Digest } from '../../oci/index.js';
import { couriersOf, type Courier } from '../helpers/clients/couriers.js';
import { openRegistry, type OpenRegistry } from '../helpers/clients/doors.js';
import { expectNoFailure, storedDigest } from '../helpers/clients/expect.js';
import { Home } from '../helpers/clients/home.js';
import { Teardown } from '../helpers/clients/teardown.js';

const NAMES = ['skopeo', 'buildah', 'podman', 'umoci', 'containerd'] as const;

describe('what one client pushes, every client pulls', () => {
  const teardown = new Teardown();
  const pushed = new Map<string, Promise<string>>();
  let registry: OpenRegistry;
  let pushers: readonly Courier[];
  let pullers: readonly Courier[];

  beforeAll(async () => {
    registry = await openRegistry(teardown, { auth: 'none', scheme: 'tls' });
    const [here, there] = [await Home.create(teardown), await Home.create(teardown)];
    for (const home of [here, there]) await home.trust(registry);
    pushers = couriersOf(here, teardown);
    pullers = couriersOf(there, teardown);
  });
  afterAll(() => teardown.run());

  const find = (couriers: readonly Courier[], name: string): Courier => {
    const courier = couriers.find((one) => one.name === name);
    if (courier === undefined) throw new Error(`there is no courier ${name}`);
    return courier;
  };

  /** Each client pushes once, for all that pull. */
  const push = (pusher: Courier): Promise<string> => {
    const pushing = pushed.get(pusher.name) ?? pusher.push(`${registry.host}/from/${pusher.name}:1`);
    pushed.set(pusher.name, pushing);
    return pushing;
  };

  describe.each(NAMES)('%s', (from) => {
    it.for(NAMES)('to %s', async (to, ctx) => {
      const pusher = find(pushers, from);
      const puller = find(pullers, to);
      pusher.needs(ctx);
      puller.needs(ctx);
      const repo = `from/${from}`;
      const digest = await push(pusher);
      expect(await storedDigest(registry, repo, '1')).toBe(digest);
      const before = registry.requests.length;
      expect(await puller.pull(`${registry.host}/${repo}:1`)).toBe(digest);
      const fetched = registry.requests
        .slice(before)
        .filter(({ operation, status }) => operation === 'blob.get' && status === 200)
        .map(({ reference }) => reference);
      expect(fetched.toSorted()).toEqual(await blobsOf(repo, digest as Digest));
    });
  });

  async function blobsOf(repo: string, digest: Digest): Promise<string[]> {
    const stored = await registry.store.manifests.get(repo, digest);
    const manifest = parseManifest(stored?.bytes ?? new Uint8Array(0));
    if (manifest.kind === 'index') throw new Error(`${digest} is an index`);
    return [manifest.config, ...manifest.layers].map((blob) => blob.digest).toSorted();
  }

  it('caused no failure inside the registry', (ctx) => {
    if (pushed.size === 0) ctx.skip('no client is installed');
    expectNoFailure(registry);
  });
});
