import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';

/**
 * First line of what a program says, or undefined when there is no such program.
 * @param {string} program
 * @param {readonly string[]} args
 */
export function firstLine(program, args) {
  try {
    return execFileSync(program, [...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).split(
      '\n',
      1,
    )[0];
  } catch (error) {
    // Some programs print their version and fail.
    const { stdout = '', code } = /** @type {{ stdout?: string, code?: string }} */ (error);
    return code === 'ENOENT' ? undefined : stdout.split('\n', 1)[0];
  }
}

/** @param {string} program */
export const has = (program) => firstLine(program, ['--version']) !== undefined;

/**
 * Lets the disk finish what earlier samples left: deleted files are trimmed when the journal is next written, and that
 * must not be on the clock of whoever comes next.
 * @param {string} folder
 */
export function settle(folder) {
  spawnSync('sync', ['-f', folder], { stdio: 'ignore' });
}

/**
 * What a reader must know of the machine that gave the figures.
 * @param {string} folder on the disk that was measured
 * @returns {Record<string, string>}
 */
export function machineFacts(folder) {
  const processors = cpus();
  return {
    date: new Date().toISOString().slice(0, 10),
    processor: `${processors.length} × ${processors[0]?.model ?? 'unknown'}`,
    memory: `${Math.round(totalmem() / 1024 ** 3)} GiB`,
    kernel: `${process.platform} ${release()}`,
    disk: fileSystemOf(folder),
    node: process.version,
  };
}

/** @param {string} folder */
function fileSystemOf(folder) {
  try {
    const mounts = readFileSync('/proc/mounts', 'utf8')
      .split('\n')
      .map((line) => line.split(' '))
      .filter(([, point = '']) => point === '/' || `${folder}/`.startsWith(`${point}/`));
    const longest = mounts.toSorted((a, b) => (b[1]?.length ?? 0) - (a[1]?.length ?? 0))[0];
    return longest?.[2] ?? 'unknown';
  } catch {
    return 'unknown';
  }
}
