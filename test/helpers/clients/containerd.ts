import { mkdir, writeFile } from 'node:fs/promises';
import { startDaemon } from './daemon.js';
import type { Home } from './home.js';
import type { RunResult } from './process.js';
import type { Teardown } from './teardown.js';

/** Plugins that want a file system, devices or a network that a test has not got. */
const UNUSED = [
  'io.containerd.grpc.v1.cri',
  ...['aufs', 'btrfs', 'devmapper', 'zfs', 'overlayfs'].map((name) => `io.containerd.snapshotter.v1.${name}`),
];

/** A containerd of the suite's own, with its `ctr`. */
export class Containerd {
  readonly #home: Home;
  readonly #address: string;

  private constructor(home: Home, address: string) {
    this.#home = home;
    this.#address = address;
  }

  /** Starts one below a home; it ends with the suite. */
  static async start(home: Home, teardown: Teardown): Promise<Containerd> {
    const folder = home.path('containerd');
    await mkdir(folder, { recursive: true });
    const address = `${folder}/grpc.sock`;
    const config = [
      'version = 2',
      `root = "${folder}/root"`,
      `state = "${folder}/state"`,
      `temp = "${folder}/temp"`,
      `disabled_plugins = ${JSON.stringify(UNUSED)}`,
      '[grpc]',
      `address = "${address}"`,
      '[ttrpc]',
      `address = "${folder}/ttrpc.sock"`,
      '[plugins."io.containerd.internal.v1.opt"]',
      `path = "${folder}/opt"`,
      '',
    ].join('\n');
    await writeFile(`${folder}/config.toml`, config);
    const args = ['--config', `${folder}/config.toml`];
    await startDaemon(home, teardown, 'containerd', args, { ready: /containerd successfully booted/ });
    return new Containerd(home, address);
  }

  /** Runs `ctr`, which has to succeed. */
  ctr(...args: readonly string[]): Promise<RunResult> {
    return this.#home.succeed('ctr', ['--address', this.#address, ...args]);
  }

  /** Runs `ctr`, which has to fail and say why. */
  ctrFails(reason: RegExp, ...args: readonly string[]): Promise<RunResult> {
    return this.#home.fail('ctr', ['--address', this.#address, ...args], reason);
  }

  /** Digest that a local image name leads to. */
  async digestOf(name: string): Promise<string | undefined> {
    const { stdout } = await this.ctr('images', 'ls', `name==${name}`);
    return /sha256:[0-9a-f]{64}/.exec(stdout)?.[0];
  }
}
