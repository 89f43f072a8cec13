import { fileURLToPath } from 'node:url';
import { run } from './processes.mjs';

const CHILD = fileURLToPath(new URL('heads-child.mjs', import.meta.url));

/**
 * HEAD requests a second, from a process of its own: wrk waits for the body that a HEAD announces and never gets.
 * @param {string} url
 * @param {{ connections: number, seconds: number, headers?: Record<string, string> }} options
 */
export async function headsPerSecond(url, options) {
  return Number(JSON.parse(await run(process.execPath, [CHILD, JSON.stringify({ url, ...options })])));
}
