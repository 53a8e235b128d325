import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';

/** Whether a process of this number runs. */
function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** Lets one process at a time do something; the others wait for it. A process that ended without leaving is passed over. */
export function oneAtATime(lock: string, action: () => void): void {
  const [waitedFor, pauseMs] = [new Int32Array(new SharedArrayBuffer(4)), 100];
  for (;;) {
    try {
      writeFileSync(lock, String(process.pid), { flag: 'wx' });
      break;
    } catch {
      const owner = existsSync(lock) ? Number(readFileSync(lock, 'utf8')) : 0;
      if (owner > 0 && !isAlive(owner)) rmSync(lock, { force: true });
      else Atomics.wait(waitedFor, 0, 0, pauseMs);
    }
  }
  try {
    action();
  } finally {
    rmSync(lock, { force: true });
  }
}
