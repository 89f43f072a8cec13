import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { startRegistry, type SeedContent, type TestRegistry } from '../../../testing/index.js';
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
  /** Puts a bundle of files with a list of images at `repository:tag`; gives its digest. */
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
      const config = { Labels: { 'dev.carvel.imgpkg.bundle': 'true' } };
      const all = { '.imgpkg/images.yml': listOf(images), ...files };
      const seeded = await registry.seed({ [repository]: { [tag]: { config, files: all } } });
      return seeded[repository]?.[tag]?.digest ?? '';
    },
  };
}
