/** The exit code of a program that Ctrl-C ended: 128 plus the number of SIGINT. */
export const EXIT_INTERRUPTED = 130;

/** The events of `process` that are listened to. */
export interface SignalSource {
  on(event: 'SIGINT' | 'SIGTERM', listener: () => void): unknown;
  off(event: 'SIGINT' | 'SIGTERM', listener: () => void): unknown;
}

export interface Interrupts {
  readonly signal: AbortSignal;
  /** Lets Ctrl-C end the process again. */
  dispose(): void;
}

/**
 * The first Ctrl-C (or SIGTERM) aborts the signal, which asks the work to stop after this step and save; the second calls `onSecond`, which must end the
 * process at once.
 */
export function watchInterrupts(
  source: SignalSource,
  { onFirst, onSecond }: { onFirst: () => void; onSecond: () => void },
): Interrupts {
  const controller = new AbortController();
  const listener = (): void => {
    if (controller.signal.aborted) return onSecond();
    controller.abort();
    onFirst();
  };
  source.on('SIGINT', listener);
  source.on('SIGTERM', listener);
  return {
    signal: controller.signal,
    dispose() {
      source.off('SIGINT', listener);
      source.off('SIGTERM', listener);
    },
  };
}

/**
 * Ends this process as Ctrl-C ends a program that does not listen: a shell sees 130. process.exit() would take the runtime down in the
 * middle of its work, which aborts with a core dump.
 */
export function endByInterrupt(): void {
  process.removeAllListeners('SIGINT');
  process.kill(process.pid, 'SIGINT');
}
