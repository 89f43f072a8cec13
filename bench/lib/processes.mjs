import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';

/** Every process this run has started and that has not ended. @type {Set<Running>} */
const running = new Set();

/** A process that this run started. */
export class Running {
  #child;
  #said = '';

  /**
   * @param {string} program
   * @param {readonly string[]} args
   * @param {Record<string, string>} [environment]
   */
  constructor(program, args, environment = {}) {
    this.#child = spawn(program, [...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NODE_OPTIONS: '', ...environment },
    });
    this.out = '';
    this.#child.stdout
      .setEncoding('utf8')
      .on('data', (text) => (this.out = (this.out + text).slice(-1_000_000)));
    this.#child.stderr
      .setEncoding('utf8')
      .on('data', (text) => (this.#said = (this.#said + text).slice(-4000)));
    running.add(this);
    /** @type {Promise<number>} */
    this.ended = new Promise((resolve) => {
      this.#child.once('error', (error) => {
        this.#said += error.message;
        running.delete(this);
        resolve(127);
      });
      this.#child.once('close', (code) => {
        running.delete(this);
        resolve(code ?? 1);
      });
    });
  }

  get pid() {
    return this.#child.pid ?? 0;
  }

  get alive() {
    return running.has(this);
  }

  /** The end of what it said on its error stream. */
  get complaint() {
    return this.#said.trim().split('\n').slice(-5).join(' / ');
  }

  /** Highest resident memory so far, in MiB. */
  peakMemory() {
    const status = readFileSync(`/proc/${this.pid}/status`, 'utf8');
    return Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? Number.NaN) / 1024;
  }

  /** Asks it to end, and ends it when it does not. */
  async stop() {
    if (!this.alive) return;
    this.#child.kill('SIGTERM');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), 10_000);
    await this.ended;
    clearTimeout(timer);
  }
}

/**
 * Runs a program to its end and gives what it printed.
 * @param {string} program
 * @param {readonly string[]} args
 * @param {Record<string, string>} [environment]
 */
export async function run(program, args, environment = {}) {
  const child = new Running(program, args, environment);
  const code = await child.ended;
  if (code !== 0)
    throw new Error(`${program} ended with ${code}: ${child.complaint || child.out.slice(-500)}`);
  return child.out;
}

/** How often the memory of a measured process is looked at, in milliseconds. */
const LOOK = 20;

/**
 * Runs a program to its end and measures it.
 * @param {string} program
 * @param {readonly string[]} args
 * @param {Record<string, string>} [environment]
 * @returns {Promise<{ seconds: number, peak: number }>} from spawn to end; highest resident memory in MiB, as last seen
 */
export async function measured(program, args, environment = {}) {
  const started = performance.now();
  const child = new Running(program, args, environment);
  let peak = 0;
  const timer = setInterval(() => {
    try {
      peak = Math.max(peak, child.peakMemory() || 0);
    } catch {
      // It has ended meanwhile.
    }
  }, LOOK);
  const code = await child.ended;
  const seconds = (performance.now() - started) / 1000;
  clearInterval(timer);
  if (code !== 0)
    throw new Error(`${program} ended with ${code}: ${child.complaint || child.out.slice(-500)}`);
  return { seconds, peak };
}

export async function stopAll() {
  await Promise.all([...running].map((child) => child.stop()));
}

/** A port of 127.0.0.1 that was free a moment ago. */
export async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}
