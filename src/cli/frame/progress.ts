import type { TextStream } from './text-stream.ts';

/** One figure beside the bar. Where the line is too long, the last ones go first. */
export interface Figure {
  readonly label: string;
  readonly text: string;
}

export interface ProgressState {
  readonly done: number;
  /** Undefined where nobody knows. */
  readonly total: number | undefined;
  /** Most important first. */
  readonly figures?: readonly Figure[];
  /** What `done` counts, where it is not steps. */
  readonly unit?: 'steps' | 'bytes' | 'rows';
}

/** Long work, shown as it goes. */
export interface ProgressBar {
  update(state: ProgressState): void;
  /** A line of text above the bar. */
  note(line: string): void;
  /** Takes the bar off the screen until the next update. */
  clear(): void;
  /** Draws the last state and goes to the next line. */
  finish(): void;
}

export interface ProgressOptions {
  readonly label: string;
  readonly stream: TextStream;
  /** A bar that redraws itself; else one plain line now and then. */
  readonly isLive: boolean;
  readonly hasColor: boolean;
  readonly isUnicode: boolean;
  readonly nowMs?: () => number;
}

const REDRAW_MS = 100;
const PLAIN_LINE_MS = 5000;
/** Time left is estimated from the speed of about this long, so that it follows a change but does not jump. */
const SPEED_WINDOW_MS = 30_000;
const MIN_BAR_COLUMNS = 6;
const MAX_BAR_COLUMNS = 30;
const NARROW_COLUMNS = 56;
/** Loss, accuracy and margin count more than the step's number, speed less. */
const IMPORTANT_FIGURES = 3;

export function createProgress(options: ProgressOptions): ProgressBar {
  const { stream, isLive, label, nowMs = () => performance.now() } = options;
  const remaining = estimateRemaining();
  let state: ProgressState | undefined;
  let secondsLeft: number | undefined;
  let drawnAt = -Infinity;
  let isVisible = false;
  let isFinished = false;
  let isStale = false;

  const draw = (): void => {
    if (state === undefined) return;
    drawnAt = nowMs();
    isStale = false;
    if (!isLive) {
      stream.write(`${plainLine(label, state, secondsLeft)}\n`);
      return;
    }
    // The last column stays free: a terminal wraps when it is written to.
    const line = barLine({ label, state, secondsLeft, columns: (stream.columns ?? 80) - 1, options });
    // Written over the old line and then cleared to its end: no moment without a bar, so no flicker.
    stream.write(`\r${line}\u001b[K`);
    isVisible = true;
  };
  const clear = (): void => {
    if (isVisible) stream.write('\r\u001b[K');
    isVisible = false;
  };
  return {
    update(next) {
      if (isFinished) return;
      const isFirst = state === undefined;
      state = next;
      secondsLeft = remaining(next, nowMs());
      isStale = true;
      if (isFirst || nowMs() - drawnAt >= (isLive ? REDRAW_MS : PLAIN_LINE_MS)) draw();
    },
    note(line) {
      const wasVisible = isVisible;
      clear();
      stream.write(`${line}\n`);
      if (wasVisible) draw();
    },
    clear,
    finish() {
      if (isFinished) return;
      isFinished = true;
      if (isStale || (isLive && !isVisible)) draw();
      if (isVisible) stream.write('\n');
      isVisible = false;
    },
  };
}

/** Seconds left from the speed over the last half minute; undefined until two different states were seen. */
function estimateRemaining(): (state: ProgressState, now: number) => number | undefined {
  let marks: { at: number; done: number }[] = [];
  return ({ done, total }, now) => {
    marks.push({ at: now, done });
    const firstKept = marks.findLastIndex((mark) => now - mark.at >= SPEED_WINDOW_MS);
    if (firstKept > 0) marks = marks.slice(firstKept);
    const first = marks[0]!;
    if (total === undefined || done <= first.done || now <= first.at) return undefined;
    return ((total - done) * (now - first.at)) / (done - first.done) / 1000;
  };
}

interface LineParts {
  readonly label: string;
  readonly state: ProgressState;
  readonly secondsLeft: number | undefined;
  readonly columns: number;
  readonly options: Pick<ProgressOptions, 'hasColor' | 'isUnicode'>;
}

/**
 * The bar's line, at most `columns` wide. What does not fit goes in this order: figures beyond the third, the count, the label,
 * then the last of the figures; the bar shrinks before anything is dropped, and takes what is free up to thirty columns. Below 56
 * columns everything stands closer.
 */
export function barLine({ label, state, secondsLeft, columns, options }: LineParts): string {
  const { done, total, figures = [] } = state;
  const isNarrow = columns < NARROW_COLUMNS;
  const separator = isNarrow ? ' ' : '  ';
  const percent = total === undefined ? '' : `${Math.floor(share(done, total) * 100)}%`.padStart(4);
  const left = secondsLeft === undefined ? '' : `${duration(secondsLeft)}${isNarrow ? '' : ' left'}`;
  const texts = figures.map((figure) => (figure.label === '' ? figure.text : `${figure.label} ${figure.text}`));
  const barColumns = total === undefined ? 0 : isNarrow ? MIN_BAR_COLUMNS - 2 : MIN_BAR_COLUMNS;
  const join = (bar: string, before: string, after: readonly string[]): string =>
    [before, bar, percent, ...after, left].filter((part) => part !== '').join(separator);
  for (const { shownLabel, shownCount, kept } of attempts(label, countText(state), texts.length)) {
    const after = [shownCount, ...texts.slice(0, kept)];
    const free = columns - join('x'.repeat(barColumns), shownLabel, after).length;
    if (free < 0) continue;
    const width = barColumns + Math.min(MAX_BAR_COLUMNS - barColumns, free);
    return join(barColumns === 0 ? '' : drawBar(share(done, total!), width, options), shownLabel, after);
  }
  return `${percent.trim()} ${left}`.trim().slice(0, Math.max(columns, 0));
}

/** What to show beside bar, percent and time, best first. */
function* attempts(
  label: string,
  count: string,
  figures: number,
): Generator<{ shownLabel: string; shownCount: string; kept: number }> {
  const important = Math.min(figures, IMPORTANT_FIGURES);
  for (let kept = figures; kept >= important; kept--) yield { shownLabel: label, shownCount: count, kept };
  yield { shownLabel: label, shownCount: '', kept: important };
  for (let kept = important; kept >= 0; kept--) yield { shownLabel: '', shownCount: '', kept };
}

function drawBar(fraction: number, columns: number, { hasColor, isUnicode }: LineParts['options']): string {
  const full = Math.floor(fraction * columns);
  const [on, off] = isUnicode ? ['━', '─'] : ['#', '-'];
  const done = on.repeat(full);
  const open = off.repeat(columns - full);
  return hasColor ? `\u001b[36m${done}\u001b[90m${open}\u001b[39m` : done + open;
}

function plainLine(label: string, state: ProgressState, secondsLeft: number | undefined): string {
  const { done, total, figures = [] } = state;
  return [
    `${label}: ${countText(state)}`,
    ...(total === undefined ? [] : [`${Math.floor(share(done, total) * 100)}%`]),
    ...figures.map((figure) => (figure.label === '' ? figure.text : `${figure.label} ${figure.text}`)),
    ...(secondsLeft === undefined ? [] : [`${duration(secondsLeft)} left`]),
  ].join('  ');
}

function countText({ done, total, unit = 'steps' }: ProgressState): string {
  const show = unit === 'bytes' ? sizeText : (count: number) => count.toLocaleString('en-US');
  return total === undefined ? show(done) : `${show(done)}/${show(total)}`;
}

function share(done: number, total: number): number {
  return total <= 0 ? 1 : Math.min(Math.max(done / total, 0), 1);
}

/** `7s`, `2m 05s`, `3h 07m`, `2d 4h`. */
export function duration(seconds: number): string {
  const whole = Math.ceil(Math.max(seconds, 0));
  if (whole < 60) return `${whole}s`;
  if (whole < 3600) return `${Math.floor(whole / 60)}m ${two(whole % 60)}s`;
  if (whole < 86_400) return `${Math.floor(whole / 3600)}h ${two((whole % 3600) / 60)}m`;
  return `${Math.floor(whole / 86_400)}d ${Math.floor((whole % 86_400) / 3600)}h`;
}

function two(value: number): string {
  return String(Math.floor(value)).padStart(2, '0');
}

/** `512 B`, `1.4 MB`, `270 MB`, `4.9 GB`: decimal units, as download pages give them. */
export function sizeText(sizeBytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const power = sizeBytes < 1000 ? 0 : Math.min(Math.floor(Math.log10(sizeBytes) / 3), units.length - 1);
  const value = sizeBytes / 1000 ** power;
  return `${power === 0 || value >= 99.95 ? Math.round(value) : value.toFixed(1)} ${units[power]}`;
}

/** A number with so many decimals, never `-0.000`. */
export function fixed(value: number, decimals: number): string {
  return value.toFixed(decimals).replace(/^-(0(?:\.0*)?)$/, '$1');
}

/** What a training step is shown with, most important first; what the recipe does not have is left out. */
export function trainingFigures(values: {
  readonly loss?: number;
  readonly accuracy?: number;
  readonly margin?: number;
  readonly tokensPerSecond?: number;
}): Figure[] {
  const { loss, accuracy, margin, tokensPerSecond } = values;
  return [
    ...(loss === undefined ? [] : [{ label: 'loss', text: loss.toFixed(4) }]),
    ...(accuracy === undefined ? [] : [{ label: 'acc', text: accuracy.toFixed(2) }]),
    ...(margin === undefined ? [] : [{ label: 'margin', text: fixed(margin, 3) }]),
    ...(tokensPerSecond === undefined
      ? []
      : [{ label: '', text: `${Math.round(tokensPerSecond).toLocaleString('en-US')} tok/s` }]),
  ];
}
