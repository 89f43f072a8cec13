import { mkdir, readFile, writeFile } from 'node:fs/promises';
import type { TestContext } from 'vitest';
import { Containerd } from './containerd.js';
import type { Home } from './home.js';
import { makeImage } from './images.js';
import { Layout, tagOf } from './layout.js';
import { needs, needsMounts } from './process.js';
import { Skopeo } from './skopeo.js';
import type { Teardown } from './teardown.js';

/** A client reduced to what all have in common: it makes an image and pushes it, and it pulls one whole. */
export interface Courier {
  readonly name: string;
  /** Skips a test where the client cannot run. */
  needs(ctx: TestContext): void;
  /** Makes an image of its own and pushes it; returns the digest that the client believes in. */
  push(target: string): Promise<string>;
  /** Pulls into an empty storage; returns the digest of what is there then. */
  pull(name: string): Promise<string | undefined>;
}

/** What couriers share: a home, and names for files in it that were not used before. */
class Workplace {
  readonly home: Home;
  readonly teardown: Teardown;
  #count = 0;

  constructor(home: Home, teardown: Teardown) {
    this.home = home;
    this.teardown = teardown;
  }

  fresh(name: string): string {
    return this.home.path(`${name}-${this.#count++}`);
  }

  async run(command: string, ...args: readonly string[]): Promise<string> {
    return (await this.home.succeed(command, args)).stdout.trim();
  }

  /** Runs something that writes a digest into a file. */
  async digest(write: (file: string) => Promise<unknown>): Promise<string> {
    const file = this.fresh('digest');
    await write(file);
    return (await readFile(file, 'utf8')).trim();
  }

  /** A folder with a file and the Dockerfile that takes it. */
  async content(text: string): Promise<string> {
    const folder = this.fresh('content');
    await mkdir(folder);
    await writeFile(`${folder}/file`, `content of ${text}`);
    await writeFile(`${folder}/Dockerfile`, 'FROM scratch\nCOPY file /file\n');
    return folder;
  }

  /** A layout with an image tagged `made`. */
  async layout(seed: string): Promise<string> {
    const layout = await Layout.create(this.fresh('layout'));
    await makeImage(layout, { seed, tag: 'made' });
    return layout.folder;
  }
}

/** Every client there is, in a home of theirs. */
export function couriersOf(home: Home, teardown: Teardown): readonly Courier[] {
  const place = new Workplace(home, teardown);
  return [skopeo(place), buildah(place), podman(place), umoci(place), containerd(place)];
}

function skopeo(place: Workplace): Courier {
  const client = new Skopeo(place.home);
  return {
    name: 'skopeo',
    needs: (ctx) => needs(ctx, 'skopeo'),
    push: async (target) => {
      const from = `oci:${await place.layout('skopeo')}:made`;
      return await place.digest((file) =>
        client.run('copy', '--digestfile', file, from, `docker://${target}`),
      );
    },
    pull: async (name) => {
      const folder = place.fresh('pulled');
      await client.run('copy', `docker://${name}`, `oci:${folder}:pulled`);
      return (await tagOf(folder)).digest;
    },
  };
}

function buildah(place: Workplace): Courier {
  return {
    name: 'buildah',
    needs: (ctx) => needsMounts(ctx, 'buildah'),
    push: async (target) => {
      const container = await place.run('buildah', 'from', 'scratch');
      await place.run('buildah', 'copy', container, `${await place.content('buildah')}/file`, '/file');
      await place.run('buildah', 'commit', '--quiet', '--rm', container, 'localhost/buildah');
      return await place.digest((file) =>
        place.run('buildah', 'push', '--digestfile', file, 'localhost/buildah', `docker://${target}`),
      );
    },
    pull: async (name) => {
      await place.run('buildah', 'pull', '--quiet', name);
      const all = JSON.parse(await place.run('buildah', 'images', '--json')) as {
        names: string[];
        digest: string;
      }[];
      await place.run('buildah', 'rmi', '--all', '--force');
      return all.find(({ names }) => names.includes(name))?.digest;
    },
  };
}

function podman(place: Workplace): Courier {
  return {
    name: 'podman',
    needs: (ctx) => needsMounts(ctx, 'podman'),
    push: async (target) => {
      const folder = await place.content('podman');
      await place.run('podman', 'build', '--quiet', '--tag', 'localhost/podman', folder);
      return await place.digest((file) =>
        place.run('podman', 'push', '--digestfile', file, 'localhost/podman', target),
      );
    },
    pull: async (name) => {
      await place.run('podman', 'pull', '--quiet', name);
      const digest = await place.run('podman', 'image', 'inspect', '--format', '{{.Digest}}', name);
      await place.run('podman', 'rmi', '--all', '--force');
      return digest;
    },
  };
}

/** umoci knows layouts only; skopeo carries them, as umoci's own guide has it. */
function umoci(place: Workplace): Courier {
  const client = new Skopeo(place.home);
  return {
    name: 'umoci',
    needs: (ctx) => needs(ctx, 'umoci', 'skopeo'),
    push: async (target) => {
      const folder = place.fresh('umoci');
      const image = ['--image', `${folder}:made`];
      await place.run('umoci', 'init', '--layout', folder);
      await place.run('umoci', 'new', ...image);
      await place.run(
        'umoci',
        'insert',
        '--rootless',
        ...image,
        `${await place.content('umoci')}/file`,
        '/file',
      );
      await client.run('copy', `oci:${folder}:made`, `docker://${target}`);
      return (await tagOf(folder, 'made')).digest;
    },
    pull: async (name) => {
      const folder = place.fresh('pulled');
      await client.run('copy', `docker://${name}`, `oci:${folder}:pulled`);
      await place.run('umoci', 'unpack', '--rootless', '--image', `${folder}:pulled`, place.fresh('bundle'));
      return (await tagOf(folder)).digest;
    },
  };
}

function containerd(place: Workplace): Courier {
  let started: Promise<Containerd> | undefined;
  const daemon = (): Promise<Containerd> => (started ??= Containerd.start(place.home, place.teardown));
  const hosts = ['--hosts-dir', place.home.hostsFolder];
  return {
    name: 'containerd',
    needs: (ctx) => needsMounts(ctx, 'containerd'),
    push: async (target) => {
      const client = await daemon();
      const folder = await place.layout('containerd');
      await place.run('tar', '-cf', `${folder}.tar`, '-C', folder, '.');
      await client.ctr('images', 'import', '--no-unpack', '--base-name', 'local/made', `${folder}.tar`);
      await client.ctr('images', 'push', ...hosts, target, 'local/made:made');
      return (await tagOf(folder, 'made')).digest;
    },
    pull: async (name) => {
      const client = await daemon();
      await client.ctr('images', 'pull', '--snapshotter', 'native', ...hosts, name);
      const digest = await client.digestOf(name);
      await client.ctr('images', 'rm', '--sync', name);
      return digest;
    },
  };
}
