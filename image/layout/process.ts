import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { isObject } from '../../oci/index.js';

/** What tells a process from every other, before and after it. */
export interface ProcessFacts {
  readonly pid: number;
  /** Start of the machine and, since pids are taken again, of the process; `''` where the system does not tell. */
  readonly start: string;
  /** The machine, and the namespace in which the pid means something. */
  readonly host: string;
}

/** The facts of this process. */
export function thisProcess(): ProcessFacts {
  return { pid: process.pid, start: startOf(process.pid) ?? '', host: `${hostname()} ${namespace()}`.trim() };
}

/** Whether a process still runs; undefined for one of another machine or container, which cannot be seen. */
export function isRunning({ pid, start, host }: ProcessFacts): boolean | undefined {
  if (host !== thisProcess().host) return undefined;
  if (start !== '') return startOf(pid) === start;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** The facts in a parsed file; undefined when it holds something else. */
export function parseFacts(value: unknown): ProcessFacts | undefined {
  if (!isObject(value)) return undefined;
  const { pid, start, host } = value;
  if (typeof pid !== 'number' || typeof start !== 'string' || typeof host !== 'string') return undefined;
  return { pid, start, host };
}

/** Undefined when there is no such process, or it is dead and only waits to be noticed. */
function startOf(pid: number): string | undefined {
  const stat = textOf(`/proc/${pid}/stat`);
  if (stat === undefined) return undefined;
  // The second field is a name in parentheses that may hold anything.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  if (fields[0] === 'Z' || fields[0] === 'X') return undefined;
  return `${textOf('/proc/sys/kernel/random/boot_id')?.trim() ?? ''}/${fields[19] ?? ''}`;
}

function namespace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return '';
  }
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
