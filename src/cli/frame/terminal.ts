import { writeExactJson } from '../../core/index.ts';
import type { TextStream } from './text-stream.ts';
import type { JsonValue } from '../../core/index.ts';
import { createProgress, type ProgressBar } from './progress.ts';

/** Where a command writes: results to stdout, everything else to stderr. */
export interface Terminal {
  /** A result: `value` as one line of JSON with --json, else `text`. */
  result(value: JsonValue, text: string): void;
  /** A piece of a text result as it comes, with its own line ends; nothing with --json. */
  stream(text: string): void;
  /** A line for people, on stderr; above the progress bar when there is one. Left out with --json. */
  note(line: string): void;
  /** Something that went not quite as wished: `warning: ...` on stderr, also with --json. */
  warn(line: string): void;
  /** A progress bar, or plain lines; nothing with --json. The previous one must be finished. */
  progress(label: string): ProgressBar;
  /** Ends a bar that an error left open. */
  close(): void;
  /** Columns of stderr, 80 when unknown. */
  readonly columns: number;
}

export interface TerminalOptions {
  readonly stdout: TextStream;
  readonly stderr: TextStream;
  readonly isJson: boolean;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly nowMs?: () => number;
}

export const DEFAULT_COLUMNS = 80;

export function createTerminal({ stdout, stderr, isJson, environment, nowMs }: TerminalOptions): Terminal {
  let bar: ProgressBar | undefined;
  const isLive = stderr.isTTY === true && environment['TERM'] !== 'dumb';
  const say = (line: string): void => {
    if (bar === undefined || isJson) stderr.write(`${line}\n`);
    else bar.note(line);
  };
  return {
    result(value, text) {
      bar?.clear();
      stdout.write(isJson ? `${writeExactJson(value)}\n` : text.endsWith('\n') ? text : `${text}\n`);
    },
    stream(text) {
      bar?.clear();
      if (!isJson) stdout.write(text);
    },
    note(line) {
      if (!isJson) say(line);
    },
    warn: (line) => say(`warning: ${line}`),
    progress(label) {
      bar?.finish();
      bar = createProgress({
        label,
        stream: isJson ? { write: () => true } : stderr,
        isLive: isLive && !isJson,
        hasColor: !environment['NO_COLOR'],
        isUnicode: hasUnicode(environment),
        ...(nowMs === undefined ? {} : { nowMs }),
      });
      return bar;
    },
    close() {
      bar?.finish();
      bar = undefined;
    },
    get columns() {
      return stderr.columns ?? DEFAULT_COLUMNS;
    },
  };
}

/** Whether the terminal shows more than ASCII. Source: POSIX, the order in which LC_ALL, LC_CTYPE and LANG are asked. */
function hasUnicode(environment: Readonly<Record<string, string | undefined>>): boolean {
  if (process.platform === 'win32' || process.platform === 'darwin') return true;
  const locale = environment['LC_ALL'] || environment['LC_CTYPE'] || environment['LANG'] || '';
  return /utf-?8/i.test(locale);
}
