import { median } from '../statistics.ts';

/** What one side did. */
export interface SideResult {
  readonly name: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly threads: number;
  /** From the start of the process until it could step, the reference left out. */
  readonly startSeconds: number;
  /** Null where the reference is computed inside the steps. */
  readonly referencePairsPerSecond: number | null;
  /** Of every step, the first one (which warms up and counts in no rate) included. */
  readonly seconds: readonly number[];
  readonly losses: readonly number[];
  readonly tokens: readonly number[];
  readonly minorPageFaultsPerStep: readonly number[];
  readonly minorPageFaults: number;
  readonly peakRssMib: number;
}

export interface Comparison {
  readonly date: string;
  readonly machine: string;
  readonly model: string;
  readonly data: string;
  readonly pairsPerStep: number;
  readonly maxLength: number;
  readonly settings: Readonly<Record<string, number>>;
  readonly notes: readonly string[];
  /** Ours first. */
  readonly sides: readonly SideResult[];
}

/** Pairs per second of the measured steps: the best and the median. */
export function pairsPerSecond({ seconds }: SideResult, pairs: number): { best: number; median: number } {
  const measured = seconds.slice(1);
  return { best: pairs / Math.min(...measured), median: pairs / median(measured) };
}

/** The targets of the comparison: how many times the peer's rate ours must be, and the share of its memory. */
export interface Ratios {
  readonly peer: string;
  readonly pairsPerSecondMedian: number;
  readonly pairsPerSecondBest: number;
  readonly peakRss: number;
  readonly referencePairsPerSecond: number | null;
  readonly start: number;
}

/** Ours over each peer's. */
export function ratiosOf({ sides, pairsPerStep }: Comparison): Ratios[] {
  const [ours, ...peers] = sides;
  const our = pairsPerSecond(ours!, pairsPerStep);
  return peers.map((peer) => {
    const their = pairsPerSecond(peer, pairsPerStep);
    const [a, b] = [ours!.referencePairsPerSecond, peer.referencePairsPerSecond];
    return {
      peer: peer.name,
      pairsPerSecondMedian: our.median / their.median,
      pairsPerSecondBest: our.best / their.best,
      peakRss: ours!.peakRssMib / peer.peakRssMib,
      referencePairsPerSecond: a === null || b === null ? null : a / b,
      start: ours!.startSeconds / peer.startSeconds,
    };
  });
}

const LABEL_WIDTH = 34;
const CELL_WIDTH = 16;

/** Lines of at most 100 columns: one column a side, then the ratios, then losses and seconds of every step. */
export function renderComparison(comparison: Comparison): string {
  const { sides, pairsPerStep, notes } = comparison;
  const row = (label: string, cell: (side: SideResult) => string): string => line(label, sides.map(cell));
  const ratios = ratiosOf(comparison);
  const ratio = (label: string, value: (ratios: Ratios) => number | null): string =>
    line(label, ['', ...ratios.map((one) => multiple(value(one)))]);
  const steps = Array.from({ length: sides[0]!.seconds.length }, (_, step) => step);
  return [
    `machine  ${comparison.machine}`,
    `model    ${comparison.model}`,
    `data     ${comparison.data}, ${pairsPerStep} pairs a step, max length ${comparison.maxLength}`,
    ...sides.map(({ name, versions }) => `${name}: ${pairsOf(versions)}`),
    ...notes.map((note) => `note: ${note}`),
    '',
    line(
      '',
      sides.map(({ name }) => name),
    ),
    row('pairs/s, median', (side) => pairsPerSecond(side, pairsPerStep).median.toFixed(3)),
    row('pairs/s, best', (side) => pairsPerSecond(side, pairsPerStep).best.toFixed(3)),
    row('reference, pairs/s', ({ referencePairsPerSecond: rate }) => (rate === null ? 'in the step' : rate.toFixed(2))),
    row('peak RSS, MiB', ({ peakRssMib }) => grouped(peakRssMib)),
    row('minor page faults', ({ minorPageFaults }) => grouped(minorPageFaults)),
    row('of them a step, median', ({ minorPageFaultsPerStep: faults }) => grouped(median(faults.slice(1)))),
    row('tokens computed a step, mean', ({ tokens }) => grouped(tokens.reduce((a, b) => a + b, 0) / tokens.length)),
    row('start without the reference, s', ({ startSeconds }) => startSeconds.toFixed(1)),
    row('threads', ({ threads }) => String(threads)),
    '',
    ratio('ours / theirs, pairs/s, median', ({ pairsPerSecondMedian }) => pairsPerSecondMedian),
    ratio('ours / theirs, pairs/s, best', ({ pairsPerSecondBest }) => pairsPerSecondBest),
    ratio('ours / theirs, reference pairs/s', ({ referencePairsPerSecond }) => referencePairsPerSecond),
    ratio('ours / theirs, peak RSS', ({ peakRss }) => peakRss),
    ratio('ours / theirs, start', ({ start }) => start),
    '',
    ...steps.map((step) =>
      row(
        `step ${step + 1}${step === 0 ? ' (warms up)' : ''}, loss and seconds`,
        ({ losses, seconds }) => `${losses[step]!.toFixed(4)} ${seconds[step]!.toFixed(2).padStart(7)}`,
      ),
    ),
  ].join('\n');
}

function line(label: string, cells: readonly string[]): string {
  return `${label.padEnd(LABEL_WIDTH)}${cells.map((cell) => cell.padStart(CELL_WIDTH)).join('')}`.trimEnd();
}

function multiple(value: number | null): string {
  return value === null ? '-' : `${value.toFixed(2)}x`;
}

function grouped(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

function pairsOf(versions: Readonly<Record<string, string>>): string {
  return Object.entries(versions)
    .map(([name, version]) => `${name} ${version}`)
    .join(', ');
}
