import { freemem } from 'node:os';

/** Memory that this process may still take; a container's limit counts. */
export function availableBytes(): number {
  const available = (process as { availableMemory?: () => number }).availableMemory?.();
  return available ?? freemem();
}
