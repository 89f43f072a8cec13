import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { createClient } from '../../../client/client.js';
import { RemoteRepository } from '../../../client/remote/repository.js';
import { remoteSink } from '../../../client/remote/sink.js';
import { pushBundle } from '../../../bundle/index.js';
import { startRegistry, type SeedContent, type TestRegistry } from '../../../testing/index.js';
import { fileOf } from '../../bundle/fixtures.js';
import { tempFolder } from '../../helpers/temp.js';
import { command } from '../command.js';
import type { FakeOptions } from '../context.js';

/** What a command did. */
export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** A registry that is listening, a folder, and the program between them. */
export interface Site {
  readonly registry: TestRegistry;
  /** `host:port`. */
  readonly host: string;
  path(...parts: readonly string[]): string;
  /** Runs a command line; its output speaks of `HOST`, whatever the port is. */
  run(args: readonly string[], options?: FakeOptions): Promise<Ran>;
  /** Puts an image at `repository:tag`; gives its digest. */
  image(reference: string, content?: string): Promise<string>;
  /** Pushes files as a bundle with a list of images; gives its digest. */
  bundle(reference: string, images: string, files?: Readonly<Record<string, string>>): Promise<string>;
}

/** A list of images, of the lines of its entries. */
export const listOf = (entries: string): string =>
  `apiVersion: imgpkg.carvel.dev/v1alpha1\nkind: ImagesLock\n${entries === '' ? '' : `images:\n${entries}`}`;

/** A site for one test. */
export async function site(seed: SeedContent = {}): Promise<Site> {
  const registry = await startRegistry({ seed });
  onTestFinished(() => registry.close());
  const folder = await tempFolder();
  const client = createClient();
  onTestFinished(() => client.close());
  const { host } = registry;
  const split = (reference: string): [repository: string, tag: string] => {
    const [repository = '', tag = 'latest'] = reference.split(':');
    return [repository, tag];
  };
  return {
    registry,
    host,
    path: (...parts) => join(folder, ...parts),
    async run(args, given = {}) {
      const env = { HOME: join(folder, 'home'), XDG_STATE_HOME: join(folder, 'state'), PATH: folder };
      const ran = await command(args, { ...given, env: { ...env, ...given.env } });
      const shown = (text: string): string => text.replaceAll(host, 'HOST').replaceAll(folder, 'DIR');
      return { code: ran.exitCode, out: shown(ran.written.out), err: shown(ran.written.err) };
    },
    async image(reference, content = reference) {
      const [repository, tag] = split(reference);
      const seeded = await registry.seed({ [repository]: { [tag]: { files: { name: content } } } });
      return seeded[repository]?.[tag]?.digest ?? '';
    },
    async bundle(reference, images, files = {}) {
      const [repository, tag] = split(reference);
      const inputs = await tempFolder();
      await mkdir(join(inputs, '.imgpkg'));
      await fileOf(join(inputs, '.imgpkg/images.yml'), listOf(images));
      for (const [name, text] of Object.entries(files)) await fileOf(join(inputs, name), text);
      const sink = remoteSink(new RemoteRepository(client.transport, { registry: host, repository }));
      return (await pushBundle(sink, tag, { files: [inputs] })).digest;
    },
  };
}
