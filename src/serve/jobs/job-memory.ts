import { readFileSync } from 'node:fs';

/** Memory that a job is going to hold, and what its process holds of it by now; undefined where the system does not say. Bytes. */
export interface MemoryClaim {
  readonly peak: number;
  readonly held: number | undefined;
}

/** Bytes that are free and that no job under way is still going to take: `available - sum max(0, peak - held)`. */
export function roomBeside(claims: readonly MemoryClaim[], available: number): number {
  return claims.reduce((room, { peak, held = 0 }) => room - Math.max(0, peak - held), available);
}

/** Bytes that would be free when the jobs under way have ended. */
export function roomAfter(claims: readonly MemoryClaim[], available: number): number {
  return claims.reduce((room, { peak, held = peak }) => room + held, available);
}

/** Bytes of memory that a process holds, as Linux says; undefined elsewhere, and where the process is gone. */
export function heldBytes(pid: number | undefined): number | undefined {
  try {
    const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
  } catch {
    return undefined;
  }
}
