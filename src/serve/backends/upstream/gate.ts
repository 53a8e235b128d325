import { busy } from '../../../core/index.ts';

/** Lets so many in at once; others wait in line, and those beyond the line are turned away. */
export interface Gate {
  readonly inside: number;
  readonly waiting: number;
  /** Resolves to what lets the next one in. Throws busy where the line is full, and the signal's reason where it is aborted. */
  enter(signal: AbortSignal): Promise<() => void>;
}

export function createGate({ most, mostWaiting }: { readonly most: number; readonly mostWaiting: number }): Gate {
  let inside = 0;
  const line = new Set<() => void>();
  const leaveOnce = (): (() => void) => {
    let isInside = true;
    return () => {
      if (!isInside) return;
      isInside = false;
      inside--;
      const [next] = line;
      next?.();
    };
  };
  return {
    get inside() {
      return inside;
    },
    get waiting() {
      return line.size;
    },
    enter: async (signal) => {
      signal.throwIfAborted();
      if (inside >= most) {
        if (line.size >= mostWaiting) throw busy('the server behind this model has as many requests as it may');
        await new Promise<void>((resolve, reject) => {
          const next = (): void => {
            line.delete(next);
            signal.removeEventListener('abort', gone);
            inside++;
            resolve();
          };
          const gone = (): void => {
            line.delete(next);
            reject(signal.reason as Error);
          };
          signal.addEventListener('abort', gone, { once: true });
          line.add(next);
        });
      } else inside++;
      return leaveOnce();
    },
  };
}
