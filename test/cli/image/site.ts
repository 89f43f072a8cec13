import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { readTar } from '../../../image/tar/index.js';
import { streamOf } from '../../../oci/index.js';
import { startRegistry, type StartOptions, type TestRegistry } from '../../../testing/index.js';
import { tempFolder } from '../../helpers/temp.js';
import { command } from '../command.js';
import type { FakeOptions } from '../context.js';

/** What a command did. */
export interface Ran {
  readonly code: number;
  /** Text and bytes of the output, whichever the command wrote. */
  readonly out: string;
  readonly bytes: Buffer;
  readonly err: string;
}

/** A registry, a folder, and `ocilot image` between them. */
export interface Site {
  readonly registry: TestRegistry;
  /** `host:port`. */
  readonly host: string;
  readonly folder: string;
  readonly path: (...parts: readonly string[]) => string;
  /** Runs a command line of `image`; it may fail. */
  readonly run: (args: readonly string[], options?: FakeOptions) => Promise<Ran>;
  /** Runs one that has to succeed; gives what it printed. */
  readonly ok: (args: readonly string[], options?: FakeOptions) => Promise<Ran>;
}

/** A site for one test. */
export async function site(options: StartOptions = {}): Promise<Site> {
  const registry = await startRegistry(options);
  onTestFinished(() => registry.close());
  const folder = await tempFolder();
  const env = { HOME: join(folder, 'home'), XDG_STATE_HOME: join(folder, 'state') };
  const run: Site['run'] = async (args, given = {}) => {
    const context = await command(['image', ...args], { ...given, env: { ...env, ...given.env } });
    const { written, bytes, exitCode } = context;
    return { code: exitCode, out: written.out + bytes.toString('latin1'), bytes, err: written.err };
  };
  return {
    registry,
    host: registry.host,
    folder,
    path: (...parts) => join(folder, ...parts),
    run,
    async ok(args, given) {
      const ran = await run(args, given);
      if (ran.code !== 0) throw new Error(`image ${args.join(' ')}: exit ${ran.code}\n${ran.err}${ran.out}`);
      return ran;
    },
  };
}

/** A file of the fixtures. */
export const fixture = (name: string): string =>
  fileURLToPath(new URL(`../../fixtures/${name}`, import.meta.url));

/** The documents of an image in a place. */
export async function documentsOf(
  { ok }: Site,
  image: string,
  ...flags: readonly string[]
): Promise<{ readonly manifest: Document; readonly config: Document }> {
  const [manifest, config] = [
    await ok(['manifest', image, ...flags]),
    await ok(['config', image, ...flags]),
  ].map(({ bytes }) => JSON.parse(bytes.toString('utf8')) as Document);
  return { manifest: manifest ?? {}, config: config ?? {} };
}

/** A JSON object. */
// oxlint-disable-next-line typescript/no-explicit-any -- tests look into it and compare
export type Document = Record<string, any>;

/** Names in a tar. */
export async function namesIn(tar: Uint8Array): Promise<string[]> {
  const names: string[] = [];
  for await (const { header } of readTar(streamOf(tar))) names.push(header.name);
  return names;
}
