import { percent } from '../core/index.ts';
import { signTest, wilsonInterval, type Interval } from '../statistics/index.ts';
import { NO_PLACES, counted, type DataFinding, type FindingKind, type Severity } from './finding.ts';
import { languageName } from '../answers/index.ts';
import { FLAG, type RowTable } from './row-table.ts';

/** How far a rule that never reads the texts gets: how often it names the chosen answer, among the pairs that it decides. */
export interface Cue {
  readonly name: string;
  readonly accuracy: number;
  /** Wilson, 95 %. */
  readonly interval: Interval;
  /** Pairs that it decides, of all. */
  readonly decided: number;
  readonly pairs: number;
  /** Of the exact sign test. */
  readonly p: number;
}

/** Rows with a value of a category, most frequent first. */
export interface Part {
  readonly name: string;
  readonly rows: number;
  /** Of the pairs among them: how often the longer answer is chosen; null without decided pairs. */
  readonly longerChosen: number | null;
}

/** The rules `pick the longer one`, `pick the one with Markdown`, `pick the one that does not refuse`; none that decides no pair. */
export function cuesOf(table: RowTable): Cue[] {
  const { flags, firstLength, secondLength } = table;
  const bit = (row: number, flag: number): number => ((flags[row]! & flag) === 0 ? 0 : 1);
  return [
    cueOf(table, 'the longer answer', (row) => firstLength[row]! - secondLength[row]!),
    cueOf(table, 'the answer with Markdown', (row) => bit(row, FLAG.firstMarkdown) - bit(row, FLAG.secondMarkdown)),
    cueOf(
      table,
      'the answer that does not refuse',
      (row) => bit(row, FLAG.secondRefusal) - bit(row, FLAG.firstRefusal),
    ),
  ].filter((cue) => cue !== undefined);
}

function cueOf({ count, flags }: RowTable, name: string, leadOf: (row: number) => number): Cue | undefined {
  let [pairs, wins, losses] = [0, 0, 0];
  for (let row = 0; row < count; row++) {
    if ((flags[row]! & FLAG.pair) === 0 || (flags[row]! & FLAG.tie) !== 0) continue;
    pairs++;
    const lead = leadOf(row);
    if (lead > 0) wins++;
    else if (lead < 0) losses++;
  }
  const decided = wins + losses;
  if (decided === 0) return undefined;
  const interval = wilsonInterval(wins, decided)!;
  return { name, accuracy: wins / decided, interval, decided, pairs, p: signTest(wins, losses)! };
}

interface BiasText {
  readonly kind: FindingKind;
  readonly cue: string;
  readonly advice: string;
}

const BIASES: readonly BiasText[] = [
  {
    kind: 'length-bias',
    cue: 'the longer answer',
    advice:
      'a model can win by length alone: balance the pairs, use a loss that counts per token, and compare lengths before and after training',
  },
  {
    kind: 'markdown-bias',
    cue: 'the answer with Markdown',
    advice: 'layout will be learned before content: add pairs where both or neither use Markdown',
  },
  {
    kind: 'refusal-bias',
    cue: 'the answer that does not refuse',
    advice:
      'check that this is what you want: where refusing always wins the model refuses more, where it always loses it refuses less',
  },
];

/** How far the interval must be from one half: severe where the rule alone is right in three of four pairs. */
function biasSeverity({ interval, decided, pairs }: Cue): Severity {
  const distance = Math.max(interval.low - 0.5, 0.5 - interval.high);
  // A rule that decides few pairs can teach little.
  if (decided / pairs < 0.02) return 'note';
  return distance >= 0.25 ? 'serious' : distance >= 0.08 ? 'warning' : 'note';
}

/** Biases whose interval leaves out one half. */
export function findBias(cues: readonly Cue[]): DataFinding[] {
  return BIASES.flatMap(({ kind, cue: name, advice }) => {
    const cue = cues.find((each) => each.name === name);
    if (cue === undefined || (cue.interval.low <= 0.5 && cue.interval.high >= 0.5)) return [];
    const { accuracy, interval, decided, pairs, p } = cue;
    return [
      {
        kind,
        severity: biasSeverity(cue),
        count: decided,
        sentence: `"pick ${name}" is right in ${percent(accuracy)} (${percent(interval.low)} to ${percent(interval.high)}) of ${counted(decided, 'pair')} where it decides, of ${pairs.toLocaleString('en-US')}`,
        advice,
        places: NO_PLACES,
        values: { accuracy, low: interval.low, high: interval.high, decided, pairs, p },
      },
    ];
  });
}

/** Languages of the answers (of the chosen ones, in pairs). */
export function languagesOf(table: RowTable): Part[] {
  return partsOf(table, table.firstLanguage, (index) => languageName(table.languages[index]!));
}

/** Named sources; empty where no row names one. */
export function sourcesOf(table: RowTable): Part[] {
  return table.sources.length > 1
    ? partsOf(table, table.source, (index) => (index === 0 ? 'unnamed' : table.sources[index]!))
    : [];
}

function partsOf(table: RowTable, column: ArrayLike<number>, nameOf: (index: number) => string): Part[] {
  const parts = new Map<number, { rows: number; longer: number; decided: number }>();
  for (let row = 0; row < table.count; row++) {
    let part = parts.get(column[row]!);
    if (part === undefined) parts.set(column[row]!, (part = { rows: 0, longer: 0, decided: 0 }));
    part.rows++;
    const lead = table.firstLength[row]! - table.secondLength[row]!;
    if ((table.flags[row]! & FLAG.pair) === 0 || lead === 0) continue;
    part.decided++;
    if (lead > 0) part.longer++;
  }
  return [...parts]
    .map(([index, { rows, longer, decided }]) => ({
      name: nameOf(index),
      rows,
      longerChosen: decided === 0 ? null : longer / decided,
    }))
    .toSorted((a, b) => b.rows - a.rows);
}

/** A mix of languages, and sources of which one has nearly everything or leans otherwise than the rest. */
export function findMixes(table: RowTable): DataFinding[] {
  const known = languagesOf(table).filter(({ name }) => name !== 'unknown');
  const findings: DataFinding[] = [];
  const minor = known.slice(1).reduce((sum, { rows }) => sum + rows, 0);
  const all = minor + (known[0]?.rows ?? 0);
  if (all > 0 && minor / all >= 0.005) {
    findings.push({
      kind: 'language-mix',
      severity: 'note',
      count: known.length,
      sentence: `answers are in ${counted(known.length, 'language')}: ${shares(known, all)}`,
      advice: 'evaluate each language on its own; a language with few rows may get worse unnoticed',
      places: NO_PLACES,
      values: Object.fromEntries(known.map(({ name, rows }) => [name, rows])),
    });
  }
  const sources = sourcesOf(table);
  const top = sources[0];
  if (top !== undefined && sources.length > 1) {
    const leans = sources.flatMap(({ longerChosen, rows }) =>
      longerChosen === null || rows < 30 ? [] : [longerChosen],
    );
    const spread = leans.length > 1 ? Math.max(...leans) - Math.min(...leans) : 0;
    const isUneven = top.rows / table.count > 0.9 || spread > 0.25;
    findings.push({
      kind: 'source-balance',
      severity: isUneven ? 'warning' : 'note',
      count: sources.length,
      sentence:
        `rows come from ${counted(sources.length, 'source')}: ${shares(sources, table.count)}` +
        (spread > 0.25 ? `; how often the longer answer is chosen differs by ${(100 * spread).toFixed(0)} points` : ''),
      advice: 'weigh or sample the sources, and evaluate each on its own: the largest decides what is learned',
      places: NO_PLACES,
      values: Object.fromEntries(sources.slice(0, 100).map(({ name, rows }) => [name, rows])),
    });
  }
  return findings;
}

function shares(parts: readonly Part[], all: number): string {
  const shown = parts.slice(0, 4).map(({ name, rows }) => `${name} ${percent(rows / all)}`);
  return [...shown, ...(parts.length > 4 ? [`${parts.length - 4} more`] : [])].join(', ');
}
