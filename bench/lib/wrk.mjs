import { run } from './processes.mjs';

/**
 * Requests a second from wrk; an answer that is no success fails the sample.
 * @param {string} url
 * @param {{ connections: number, seconds: number, headers?: Record<string, string> }} options
 */
export async function requestsPerSecond(url, { connections, seconds, headers = {} }) {
  const out = await run('wrk', [
    '-t1',
    `-c${connections}`,
    `-d${seconds}s`,
    ...Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`]),
    url,
  ]);
  const bad = /Non-2xx or 3xx responses: \d+|Socket errors: .*/.exec(out);
  if (bad !== null) throw new Error(`wrk on ${new URL(url).pathname}: ${bad[0]}`);
  return Number(/Requests\/sec:\s+([\d.]+)/.exec(out)?.[1] ?? Number.NaN);
}
