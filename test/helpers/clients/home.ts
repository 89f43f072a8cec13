import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fail, succeed, type RunOptions, type RunResult } from './process.js';
import type { Teardown } from './teardown.js';

/** A registry as a client has to know it. */
export interface KnownRegistry {
  /** Host and port. */
  readonly host: string;
  /** Certificate of the authority that signed the registry's; undefined for plain HTTP. */
  readonly ca?: string | undefined;
  /** Names whose pulls this registry answers for, as a mirror does. */
  readonly mirrorOf?: readonly string[];
}

/**
 * A home folder for container tools, in which nothing of this machine's shows: configuration, credentials, storage,
 * caches and temporary files of a user who has nothing yet.
 */
export class Home {
  readonly folder: string;
  /** For the tools' environment. */
  readonly env: Readonly<Record<string, string>>;
  readonly #known: KnownRegistry[] = [];

  private constructor(folder: string) {
    this.folder = folder;
    this.env = {
      PATH: process.env.PATH ?? '',
      LANG: 'C.UTF-8',
      HOME: folder,
      TMPDIR: join(folder, 'tmp'),
      XDG_RUNTIME_DIR: join(folder, 'run'),
      XDG_CONFIG_HOME: join(folder, '.config'),
      XDG_DATA_HOME: join(folder, '.local/share'),
      XDG_CACHE_HOME: join(folder, '.cache'),
      // Where tools look that do not read this variable, such as `buildah manifest inspect`.
      REGISTRY_AUTH_FILE: join(folder, 'run/containers/auth.json'),
      CONTAINERS_CONF: join(folder, '.config/containers/containers.conf'),
      CONTAINERS_STORAGE_CONF: join(folder, '.config/containers/storage.conf'),
      STORAGE_DRIVER: 'vfs',
      BUILDAH_ISOLATION: 'chroot',
    };
  }

  /** Makes a home that goes with the suite. */
  static async create(teardown: Teardown): Promise<Home> {
    const home = new Home(await mkdtemp(join(tmpdir(), 'ocilot-client-')));
    teardown.add(() => rm(home.folder, { recursive: true, force: true }));
    await home.#prepare();
    return home;
  }

  /** A path below this home. */
  path(...parts: readonly string[]): string {
    return join(this.folder, ...parts);
  }

  /** Runs a tool of this home that has to succeed. */
  succeed(command: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    return succeed(command, args, { cwd: this.folder, ...options, env: { ...this.env, ...options.env } });
  }

  /** Runs a tool of this home that has to fail and say why. */
  fail(
    command: string,
    args: readonly string[],
    reason: RegExp,
    options: RunOptions = {},
  ): Promise<RunResult> {
    return fail(command, args, reason, {
      cwd: this.folder,
      ...options,
      env: { ...this.env, ...options.env },
    });
  }

  /**
   * Makes a registry known to skopeo, buildah, podman and containerd's ctr by their own files, as an administrator
   * would: plain HTTP allowed, or its authority trusted, and what it mirrors.
   */
  async trust(registry: KnownRegistry): Promise<void> {
    this.#known.push(registry);
    await this.#writeRegistries();
    await this.#writeHosts(registry);
    if (registry.ca === undefined) return;
    const folder = this.path('.config/containers/certs.d', registry.host);
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'ca.crt'), registry.ca);
  }

  /** The folder for `ctr --hosts-dir`. */
  get hostsFolder(): string {
    return this.path('containerd-hosts');
  }

  async #prepare(): Promise<void> {
    const folders = [
      'tmp',
      'run/containers',
      '.config/containers/registries.conf.d',
      '.cache',
      '.local/share',
      'containerd-hosts',
    ];
    for (const folder of folders) await mkdir(this.path(folder), { recursive: true, mode: 0o700 });
    await writeFile(this.path('run/containers/auth.json'), '{}');
    await this.#configure('policy.json', JSON.stringify({ default: [{ type: 'insecureAcceptAnything' }] }));
    await this.#configure(
      'storage.conf',
      `[storage]\ndriver = "vfs"\ngraphroot = "${this.path('storage')}"\nrunroot = "${this.path('run/storage')}"\n`,
    );
    await this.#configure(
      'containers.conf',
      [
        '[engine]',
        'events_logger = "none"',
        'cgroup_manager = "cgroupfs"',
        `static_dir = "${this.path('libpod')}"`,
        `tmp_dir = "${this.path('run/libpod')}"`,
        `volume_path = "${this.path('volumes')}"`,
        '[network]',
        `network_config_dir = "${this.path('networks')}"`,
        '',
      ].join('\n'),
    );
    await this.#writeRegistries();
  }

  #configure(name: string, text: string): Promise<void> {
    return writeFile(this.path('.config/containers', name), text);
  }

  async #writeRegistries(): Promise<void> {
    const entries = this.#known.flatMap(({ host, ca, mirrorOf = [] }) => [
      '[[registry]]',
      `location = "${host}"`,
      `insecure = ${ca === undefined}`,
      ...mirrorOf.flatMap((name) => [
        '[[registry]]',
        `location = "${name}"`,
        '[[registry.mirror]]',
        `location = "${host}"`,
        `insecure = ${ca === undefined}`,
      ]),
    ]);
    const head = ['unqualified-search-registries = []', 'short-name-mode = "disabled"'];
    await this.#configure('registries.conf', `${[...head, ...entries].join('\n')}\n`);
  }

  async #writeHosts({ host, ca, mirrorOf = [] }: KnownRegistry): Promise<void> {
    const url = `${ca === undefined ? 'http' : 'https'}://${host}`;
    const caFile = this.path('containerd-hosts', `${host.replaceAll(/[^\w.]/g, '-')}.crt`);
    if (ca !== undefined) await writeFile(caFile, ca);
    const trust = ca === undefined ? [] : [`  ca = "${caFile}"`];
    for (const name of [host, ...mirrorOf]) {
      const folder = join(this.hostsFolder, name);
      const can = name === host ? '["pull", "resolve", "push"]' : '["pull", "resolve"]';
      await mkdir(folder, { recursive: true });
      await writeFile(
        join(folder, 'hosts.toml'),
        [
          `server = "${name === host ? url : `https://${name}`}"`,
          `[host."${url}"]`,
          `  capabilities = ${can}`,
          ...trust,
          '',
        ].join('\n'),
      );
    }
  }
}
