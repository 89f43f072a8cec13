import { existsSync, readFileSync } from 'node:fs';
import { readlink } from 'node:fs/promises';
import { hostname } from 'node:os';

/** What tells a process from every other, before and after it. */
export interface ProcessFacts {
  readonly pid: number;
  /** Start of the process in the kernel's own count, since a pid may be taken again; `''` where it does not tell. */
  readonly start: string;
  readonly host: string;
  /** Pids mean nothing outside their namespace. */
  readonly namespace: string;
  /** Differs after every start of the machine; `''` where the system does not tell. */
  readonly boot: string;
}

/** The facts of this process. */
export async function describeSelf(): Promise<ProcessFacts> {
  return {
    pid: process.pid,
    start: startOf(process.pid) ?? '',
    host: hostname(),
    namespace: await readlink('/proc/self/ns/pid').catch(() => ''),
    boot: textOf('/proc/sys/kernel/random/boot_id')?.trim() ?? '',
  };
}

/** True when a process of this machine and namespace still runs. Without /proc, only whether its pid is in use. */
export function isRunning({ pid, start }: ProcessFacts): boolean {
  if (start !== '' && existsSync('/proc/self/stat')) return startOf(pid) === start;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** When a process started; undefined when there is none, or it is dead and only waits to be noticed. */
function startOf(pid: number): string | undefined {
  const text = textOf(`/proc/${pid}/stat`);
  if (text === undefined) return undefined;
  // The second field is a name in parentheses that may hold anything.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
