import { writeExactJson } from '../../core/index.ts';
import type { TextStream } from './text-stream.ts';
import type { JsonValue } from '../../core/index.ts';
import { createActivity, type Activity } from './activity.ts';
import { eventLine, type UntimedEvent } from './events.ts';
import { fitLines } from './fit-lines.ts';
import { createProgress, type ProgressBar, type ProgressState } from './progress.ts';

/** Where a command writes: results to stdout, everything else to stderr. */
export interface Terminal {
  /** A result: `value` as one line of JSON with --json, else `text`. */
  result(value: JsonValue, text: string): void;
  /** A piece of a text result as it comes, with its own line ends; nothing with --json. */
  stream(text: string): void;
  /** A line for people, on stderr; above the progress bar when there is one. Left out with --json. */
  note(line: string): void;
  /** Something that went not quite as wished: `warning: ...` on stderr, with --json an event. */
  warn(line: string): void;
  /** With --json a line of JSON on stderr, of commands that have events; else nothing. */
  event(event: UntimedEvent): void;
  /** Results and events are JSON. */
  readonly isJson: boolean;
  /** A progress bar, or plain lines; with --json events, unless the work has events of its own. It ends the bar before it, and what was under way. */
  progress(label: string, options?: { readonly hasOwnEvents?: boolean }): ProgressBar;
  /** Work whose end nobody knows, shown with its seconds from the first one on; it ends the bar before it. The next one, a bar, `close` or `finish` ends it. */
  activity(label: string, options?: { readonly isTold?: boolean }): Activity;
  /** Ends a bar that an error left open. */
  close(): void;
  /** Columns for tables: those of stdout, else of stderr, else 80. */
  readonly columns: number;
}

export interface TerminalOptions {
  readonly stdout: TextStream;
  readonly stderr: TextStream;
  readonly isJson: boolean;
  /** Whether the command tells with --json how it goes on; warnings and errors it tells in any case. Default yes. */
  readonly hasEvents?: () => boolean;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly nowMs?: () => number;
  /** Stands in for the clock of events. */
  readonly now?: () => Date;
}

/** Of one bar at most one event in so long. */
const EVENT_MS = 1000;

export const DEFAULT_COLUMNS = 80;

export function createTerminal({
  stdout,
  stderr,
  isJson,
  hasEvents = () => true,
  environment,
  nowMs = () => performance.now(),
  now = () => new Date(),
}: TerminalOptions): Terminal {
  let shown: ProgressBar | Activity | undefined;
  const isLive = stderr.isTTY === true && environment['TERM'] !== 'dumb';
  const event = (one: UntimedEvent): void => {
    if (!isJson || !(hasEvents() || one.event === 'warning' || one.event === 'error')) return;
    stderr.write(`${eventLine(one, now())}\n`);
  };
  const say = (line: string): void => {
    const text = fitted(stderr, line, 2);
    if (shown === undefined || isJson) stderr.write(`${text}\n`);
    else shown.note(text);
  };
  const close = (): void => {
    shown?.finish();
    shown = undefined;
  };
  return {
    result(value, text) {
      shown?.clear();
      if (isJson) stdout.write(`${writeExactJson(value)}\n`);
      else stdout.write(fitted(stdout, text.endsWith('\n') ? text : `${text}\n`));
    },
    stream(text) {
      shown?.clear();
      if (!isJson) stdout.write(text);
    },
    note(line) {
      if (!isJson) say(line);
    },
    warn: (line) => (isJson ? event({ event: 'warning', message: line }) : say(`warning: ${line}`)),
    event,
    isJson,
    progress(label, { hasOwnEvents = false } = {}) {
      close();
      const bar = isJson
        ? eventBar(label, { event: hasOwnEvents ? () => {} : event, nowMs })
        : createProgress({
            label,
            stream: stderr,
            isLive,
            hasColor: !environment['NO_COLOR'],
            isUnicode: hasUnicode(environment),
            nowMs,
          });
      shown = bar;
      return bar;
    },
    activity(label, { isTold = false } = {}) {
      close();
      event({ event: 'load', what: label });
      const stream = isJson ? { write: () => true } : stderr;
      const activity = createActivity({ label, stream, isLive: isLive && !isJson, isTold });
      shown = activity;
      return activity;
    },
    close,
    get columns() {
      return stdout.columns ?? stderr.columns ?? DEFAULT_COLUMNS;
    },
  };
}

/** The text as a terminal takes it; a file or a pipe gets every line whole, for those that search it. */
export function fitted(stream: TextStream, text: string, rest?: number): string {
  return stream.isTTY === true && stream.columns !== undefined ? fitLines(text, stream.columns, rest) : text;
}

/** A bar as events: the first state, one a second, and the last. */
function eventBar(
  what: string,
  { event, nowMs }: { readonly event: (event: UntimedEvent) => void; readonly nowMs: () => number },
): ProgressBar {
  let toldAt = -Infinity;
  let untold: ProgressState | undefined;
  let isFinished = false;
  const tell = ({ done, total, unit = 'steps' }: ProgressState): void => {
    toldAt = nowMs();
    untold = undefined;
    event({ event: 'progress', what, done, total: total ?? null, unit });
  };
  return {
    update(state) {
      if (isFinished) return;
      untold = state;
      if (nowMs() - toldAt >= EVENT_MS) tell(state);
    },
    note: () => {},
    clear: () => {},
    finish() {
      isFinished = true;
      if (untold !== undefined) tell(untold);
    },
  };
}

/** Whether the terminal shows more than ASCII. Source: POSIX, the order in which LC_ALL, LC_CTYPE and LANG are asked. */
function hasUnicode(environment: Readonly<Record<string, string | undefined>>): boolean {
  if (process.platform === 'win32' || process.platform === 'darwin') return true;
  const locale = environment['LC_ALL'] || environment['LC_CTYPE'] || environment['LANG'] || '';
  return /utf-?8/i.test(locale);
}
