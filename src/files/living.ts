import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { errnoOf } from './disk.ts';

/** A process of some computer. */
export interface KnownProcess {
  readonly pid: number;
  /** The computer that the pid belongs to. */
  readonly host: string;
  /** What tells two processes with the same pid apart: boot id and start ticks on Linux, empty where the system does not say. */
  readonly processStart: string;
}

/** This process. */
export function thisProcess(): KnownProcess {
  return { pid: process.pid, host: hostname(), processStart: processStart(process.pid) ?? '' };
}

/** Whether the process may still run. One on another computer may: only its user can tell. */
export function isAlive({ host, ...known }: KnownProcess): boolean {
  return host !== hostname() || isAliveHere(known, (start) => start);
}

/** The same for a process of this computer, of whose start `form` gives what is known. */
export function isAliveHere(
  { pid, processStart: known }: Omit<KnownProcess, 'host'>,
  form: (processStart: string) => string,
): boolean {
  if (pid <= 0) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (errnoOf(error) === 'ESRCH') return false;
  }
  const start = processStart(pid);
  return start === undefined || known === form('') || form(start) === known;
}

/**
 * Boot id and start ticks of a process, empty for one that has ended and waits for its parent; undefined where the system does not say.
 * Source: proc(5), /proc/pid/stat fields 3 (state) and 22 (starttime).
 */
export function processStart(pid: number): string | undefined {
  if (process.platform !== 'linux') return undefined;
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is the program's name in brackets and may hold spaces and brackets itself.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z' || fields[0] === 'X') return 'ended';
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}/${fields[19]}`;
  } catch {
    return undefined;
  }
}

/** What a pid is unique in: the computer, or one of its containers. */
export function pidSpace(): string {
  try {
    return `${hostname()} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return hostname();
  }
}
