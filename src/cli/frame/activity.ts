import { duration } from './progress.ts';
import type { TextStream } from './text-stream.ts';

/** Work under way whose end nobody knows. */
export interface Activity {
  /** A line of text above it. */
  note(line: string): void;
  /** Takes it off the screen until the next second. */
  clear(): void;
  /** Takes it off the screen for good. */
  finish(): void;
}

export interface ActivityOptions {
  readonly label: string;
  readonly stream: TextStream;
  /** A line that redraws itself; else plain lines, ever more seldom. */
  readonly isLive: boolean;
  /** A line has said already what begins: without a terminal there is no other before ten seconds. Default false. */
  readonly isTold?: boolean;
}

/** What is over sooner is not worth a line. */
const FIRST_LINE_MS = 700;
const REDRAW_MS = 1000;
/** Without a terminal: the first line after so long, the second after so long more, then twice as long each time. */
const FIRST_PLAIN_MS = 3000;
const SECOND_PLAIN_MS = 10_000;

/** Shows `label ... 3s`: on a terminal after less than a second, counting on, and gone at the end; else as a plain line now and then. */
export function createActivity({ label, stream, isLive, isTold = false }: ActivityOptions): Activity {
  const started = performance.now();
  let isVisible = false;
  let timer: NodeJS.Timeout | undefined;
  const draw = (): void => {
    const seconds = (performance.now() - started) / 1000;
    const tail = seconds < 1 ? ' ...' : ` ... ${duration(Math.floor(seconds))}`;
    if (!isLive) return void stream.write(`${label}${tail}\n`);
    // A narrow terminal loses the end of the name, not the time.
    const room = Math.max(0, (stream.columns ?? 80) - 1 - tail.length);
    stream.write(`\r${label.slice(0, room)}${tail}\u001b[K`);
    isVisible = true;
  };
  const clear = (): void => {
    if (isVisible) stream.write('\r\u001b[K');
    isVisible = false;
  };
  const later = (waitMs: number, next: (waitMs: number) => number): void => {
    timer = setTimeout(() => {
      draw();
      later(next(waitMs), next);
    }, waitMs);
    // It must not keep a process alive that has nothing else to do.
    timer.unref();
  };
  const firstMs = isLive ? FIRST_LINE_MS : isTold ? SECOND_PLAIN_MS : FIRST_PLAIN_MS;
  later(firstMs, isLive ? () => REDRAW_MS : (waitMs) => (waitMs < SECOND_PLAIN_MS ? SECOND_PLAIN_MS : 2 * waitMs));
  return {
    note(line) {
      const wasVisible = isVisible;
      clear();
      stream.write(`${line}\n`);
      if (wasVisible) draw();
    },
    clear,
    finish() {
      clearTimeout(timer);
      clear();
    },
  };
}
