import { digestOf, isObject, type Digest } from '../../../oci/index.js';
import type { Home } from './home.js';
import type { RunResult } from './process.js';

/**
 * Its cache of where blobs were seen lies below the home of a user who is not root; for root it would be this
 * machine's, and one suite would see what another one left.
 */
const ENV = { _CONTAINERS_ROOTLESS_UID: '1000' };

/** skopeo at home. */
export class Skopeo {
  readonly #home: Home;

  constructor(home: Home) {
    this.#home = home;
  }

  /** Runs it; it has to succeed. */
  run(...args: readonly string[]): Promise<RunResult> {
    return this.#home.succeed('skopeo', args, { env: ENV });
  }

  /** Runs it with something to read from its input. */
  feed(input: string, ...args: readonly string[]): Promise<RunResult> {
    return this.#home.succeed('skopeo', args, { env: ENV, input });
  }

  /** Runs it; it has to fail and say why. */
  fails(reason: RegExp, ...args: readonly string[]): Promise<RunResult> {
    return this.#home.fail('skopeo', args, reason, { env: ENV });
  }

  /** The digest and the document of what a name leads to, an index included. */
  async raw(
    name: string,
    ...flags: readonly string[]
  ): Promise<{ digest: Digest; document: Record<string, unknown> }> {
    const { stdout } = await this.run('inspect', '--raw', ...flags, name);
    const document: unknown = JSON.parse(stdout);
    if (!isObject(document)) throw new Error(`${name} is not a JSON object: ${stdout}`);
    return { digest: digestOf(stdout), document };
  }

  /** Tags of a repository. */
  async tags(repository: string): Promise<readonly string[]> {
    const { stdout } = await this.run('list-tags', `docker://${repository}`);
    return (JSON.parse(stdout) as { Tags: string[] }).Tags;
  }
}
