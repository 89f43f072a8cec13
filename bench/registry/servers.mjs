import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Running, freePort } from '../lib/processes.mjs';
import { Wire } from '../lib/wire.mjs';

const SERVE_OURS = fileURLToPath(new URL('serve-ours.mjs', import.meta.url));
const HOST = '127.0.0.1';
/** Longest that a server may take to answer its first request, in milliseconds. */
const PATIENCE = 20_000;

/**
 * A registry that takes part.
 * @typedef {object} Contender
 * @property {string} id
 * @property {string} label
 * @property {string | undefined} dist our build, for ours
 * @property {(folder: string, port: number) => Promise<readonly [program: string, args: readonly string[]]>} command
 */

export const PEER = 'docker-registry';

/** @type {Contender} */
const dockerRegistry = {
  id: PEER,
  label: 'docker-registry',
  dist: undefined,
  command: async (folder, port) => {
    await mkdir(folder, { recursive: true });
    const config = join(folder, 'config.yml');
    await writeFile(
      config,
      `version: 0.1
log: { level: error, accesslog: { disabled: true } }
storage:
  filesystem: { rootdirectory: ${JSON.stringify(join(folder, 'data'))} }
  delete: { enabled: true }
  cache: { blobdescriptor: inmemory }
http: { addr: "${HOST}:${port}" }
`,
    );
    return ['docker-registry', ['serve', config]];
  },
};

/**
 * @param {string} id
 * @param {string} label
 * @param {string} dist
 * @param {'auto' | 'leveldb'} kind
 * @returns {Contender}
 */
const ours = (id, label, dist, kind) => ({
  id,
  label,
  dist,
  command: async (folder, port) => [process.execPath, [SERVE_OURS, dist, kind, folder, String(port)]],
});

/**
 * @param {{ dist: string, versus: string | undefined }} builds
 * @returns {Contender[]}
 */
export function contendersOf({ dist, versus }) {
  return [
    ours('auto', 'ocilot', dist, 'auto'),
    ...(versus === undefined ? [] : [ours('versus', 'other build', versus, 'auto')]),
    dockerRegistry,
    ours('leveldb', 'ocilot --blobs leveldb', dist, 'leveldb'),
  ];
}

/** A registry that runs. */
export class Server {
  /** What rows keep about it: content that has been pushed. @type {Map<string, unknown>} */
  state = new Map();
  #noted = 0;

  /**
   * @param {Contender} contender
   * @param {Running} process
   * @param {number} port
   * @param {string} folder
   * @param {number} startTime milliseconds from spawn to the first 200 of `/v2/`
   */
  constructor(contender, process, port, folder, startTime) {
    this.contender = contender;
    this.process = process;
    this.port = port;
    this.folder = folder;
    this.startTime = startTime;
    this.host = `${HOST}:${port}`;
    this.url = `http://${this.host}`;
  }

  /** Highest resident memory of this server and of those that stood in for it, in MiB. */
  get peakMemory() {
    return Math.max(this.#noted, this.process.peakMemory());
  }

  /** @param {number} peak of a server of the same contender that is about to end */
  notePeak(peak) {
    this.#noted = Math.max(this.#noted, peak);
  }

  connect() {
    return new Wire(HOST, this.port);
  }

  /** Ends it and removes what it stored. */
  async stop() {
    await this.process.stop();
    await rm(this.folder, { recursive: true, force: true });
  }
}

/**
 * Starts a registry on an empty folder and waits until it answers.
 * @param {Contender} contender
 * @param {string} folder
 * @returns {Promise<Server>}
 */
export async function startServer(contender, folder) {
  const port = await freePort();
  const [program, args] = await contender.command(folder, port);
  const started = performance.now();
  const child = new Running(program, args);
  for (;;) {
    if (await answers(port)) return new Server(contender, child, port, folder, performance.now() - started);
    if (!child.alive) throw new Error(`${contender.label} did not start: ${child.complaint}`);
    if (performance.now() - started > PATIENCE) {
      await child.stop();
      throw new Error(`${contender.label} did not answer within ${PATIENCE / 1000} s: ${child.complaint}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** @param {number} port */
async function answers(port) {
  const wire = new Wire(HOST, port);
  try {
    return (await wire.send({ method: 'GET', path: '/v2/' })).status === 200;
  } catch {
    return false;
  } finally {
    wire.close();
  }
}
