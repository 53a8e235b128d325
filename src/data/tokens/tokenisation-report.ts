import type { Tokenizer } from '../../tokenizer/index.ts';
import { createDistribution, type Spread } from '../distribution.ts';
import type { TokenizedCompletion, TokenizedRanking, TokenizedPair } from '../row.ts';
import { createTokenSpeller } from './spell-tokens.ts';
import type { DropReason, SideName, SideNotes, TokenizedRow } from './tokenize-row.ts';
import type { TruncationOptions } from './truncate.ts';

/** How many rows something happened to, and the ids of the first MAX_LISTED_ROWS of them. */
export interface RowCount {
  readonly count: number;
  readonly rows: readonly string[];
}

export const MAX_LISTED_ROWS = 20;

/** How many rows a report shows as tokens. */
export const EXAMPLE_ROWS = 3;

/** A token of an example: its text, and whether the loss counts it. */
export interface ExampleToken {
  readonly id: number;
  readonly text: string;
  readonly scored: boolean;
}

export interface TokenisationExample {
  readonly row: string;
  readonly side: SideName;
  /** Prompt and answer; of long ones the start, the tokens around the boundary and the end. */
  readonly tokens: readonly ExampleToken[];
  /** Where tokens were left out: behind `tokens[after]`, so many. */
  readonly gaps: readonly { readonly after: number; readonly omitted: number }[];
  readonly tokenCount: number;
  readonly scoredCount: number;
}

/**
 * The tokenisation proof: what became of every row between text and tokens. JSON-safe. Rows are those that passed
 * validation; sides are counted one by one where the two can differ.
 */
export interface TokenisationReport {
  readonly rows: number;
  /** Rows kept; a long plain text counts once, whatever its blocks. */
  readonly kept: number;
  /** Sequences to train on: pairs, completions, blocks. */
  readonly sequences: number;
  readonly limits: TruncationOptions;
  readonly dropped: Readonly<Partial<Record<DropReason, RowCount>>>;
  /** Answers that lost their end, by side. */
  readonly truncated: Readonly<Partial<Record<SideName, RowCount>>>;
  readonly promptCut: RowCount;
  /** Pairs whose two sides have different prompt ids, and so stand in two sequences. */
  readonly promptTokensDiffer: RowCount;
  /** Rows with a side where a token reaches over the end of the prompt; that token is scored. */
  readonly boundaryMoved: RowCount;
  /** Rows where the chat template writes another text behind the prompt once an answer follows. */
  readonly templateDiffers: RowCount;
  /** Rows with a side that ends without a stop token though nothing was cut: the model would not learn to stop. */
  readonly noStopToken: RowCount;
  /** Rows with a stop token inside an answer. */
  readonly stopInside: RowCount;
  readonly stopAppended: RowCount;
  readonly duplicatedBos: RowCount;
  /** Rows that open with BOS. */
  readonly withBos: number;
  readonly longest: { readonly row: string; readonly tokens: number } | undefined;
  /** Tokens per row of each part. */
  readonly tokens: Readonly<Partial<Record<'prompt' | SideName, Spread>>>;
  readonly examples: readonly TokenisationExample[];
}

/** Collects a report, in constant memory, while rows are tokenised. */
export interface TokenisationLog {
  pair(id: string, row: TokenizedRow<TokenizedPair>): void;
  completion(id: string, row: TokenizedRow<TokenizedCompletion>): void;
  list(id: string, row: TokenizedRow<TokenizedRanking>): void;
  report(): TokenisationReport;
}

/** Tokens that an example shows on each side of the boundary and at each end. */
const EXAMPLE_WINDOW = 24;

export function createTokenisationLog(tokenizer: Tokenizer, limits: TruncationOptions): TokenisationLog {
  const speller = createTokenSpeller(tokenizer);
  const counters = new Map<string, { count: number; rows: string[] }>();
  const parts = new Map<'prompt' | SideName, ReturnType<typeof createDistribution>>();
  const examples: TokenisationExample[] = [];
  let longest: TokenisationReport['longest'];
  const totals = { rows: 0, kept: 0, sequences: 0, withBos: 0 };
  const mark = (name: string, id: string): void => {
    const counter = counters.get(name) ?? { count: 0, rows: [] };
    counters.set(name, counter);
    counter.count++;
    if (counter.rows.length < MAX_LISTED_ROWS) counter.rows.push(id);
  };
  const counted = (name: string): RowCount => {
    const { count, rows } = counters.get(name) ?? { count: 0, rows: [] };
    return { count, rows: [...rows] };
  };
  const named = (prefix: string): Record<string, RowCount> =>
    Object.fromEntries(
      [...counters.keys()]
        .filter((name) => name.startsWith(`${prefix} `))
        .map((name) => [name.slice(prefix.length + 1), counted(name)]),
    );
  const measure = (part: 'prompt' | SideName, tokens: number): void => {
    let distribution = parts.get(part);
    if (distribution === undefined) parts.set(part, (distribution = createDistribution()));
    distribution.add(tokens);
  };
  const note = (id: string, notes: readonly SideNotes[]): void => {
    const any = (test: (side: SideNotes) => boolean): boolean => notes.some(test);
    for (const side of notes) if (side.answerCut) mark(`truncated ${side.side}`, id);
    if (any((side) => side.noStopToken && !side.answerCut)) mark('noStopToken', id);
    for (const name of BOOLEAN_NOTES) if (any((side) => side[name])) mark(name, id);
    if (any((side) => side.hasBos)) totals.withBos++;
  };
  const show = (row: string, side: SideName, ids: ExampleIds): void => {
    if (totals.kept <= EXAMPLE_ROWS) examples.push(exampleOf(speller, { row, side, ...ids }));
  };
  const size = (row: string, tokens: number): void => {
    if (longest === undefined || tokens > longest.tokens) longest = { row, tokens };
  };
  /** True when the row is kept. */
  const begin = <T>(id: string, row: TokenizedRow<T>): row is TokenizedRow<T> & { kind: 'kept' } => {
    totals.rows++;
    if (row.kind === 'dropped') {
      mark(`dropped ${row.reason}`, id);
      return false;
    }
    totals.kept++;
    totals.sequences += row.rows.length;
    note(id, row.notes);
    return true;
  };
  return {
    pair(id, row) {
      if (!begin(id, row)) return;
      for (const { prompt, chosen, rejected, rejectedPrompt, chosenMask, rejectedMask } of row.rows) {
        if (rejectedPrompt !== undefined) mark('promptTokensDiffer', id);
        measure('prompt', prompt.length);
        measure('chosen', chosen.length);
        measure('rejected', rejected.length);
        const other = rejectedPrompt ?? prompt;
        size(id, Math.max(prompt.length + chosen.length, other.length + rejected.length));
        show(id, 'chosen', { prompt, answer: chosen, mask: chosenMask });
        show(id, 'rejected', { prompt: other, answer: rejected, mask: rejectedMask });
      }
    },
    completion(id, row) {
      if (!begin(id, row)) return;
      for (const { id: blockId, prompt, completion, completionMask } of row.rows) {
        measure('prompt', prompt.length);
        measure('completion', completion.length);
        size(blockId, prompt.length + completion.length);
        if (blockId === id) show(id, 'completion', { prompt, answer: completion, mask: completionMask });
      }
    },
    list(id, row) {
      if (!begin(id, row)) return;
      for (const { prompt, answers } of row.rows) {
        measure('prompt', prompt.length);
        for (const answer of answers) {
          measure('completion', answer.ids.length);
          size(id, answer.prompt.length + answer.ids.length);
          show(id, 'completion', { prompt: answer.prompt, answer: answer.ids, mask: answer.mask });
        }
      }
    },
    report() {
      const counts = Object.fromEntries(
        [...BOOLEAN_NOTES, 'noStopToken', 'promptTokensDiffer'].map((name) => [name, counted(name)]),
      ) as Record<(typeof BOOLEAN_NOTES)[number] | 'noStopToken' | 'promptTokensDiffer', RowCount>;
      return {
        ...totals,
        limits,
        dropped: named('dropped'),
        truncated: named('truncated'),
        ...counts,
        longest,
        tokens: Object.fromEntries([...parts].map(([part, distribution]) => [part, distribution.spread()])),
        examples: [...examples],
      };
    },
  };
}

const BOOLEAN_NOTES = [
  'promptCut',
  'boundaryMoved',
  'templateDiffers',
  'stopInside',
  'stopAppended',
  'duplicatedBos',
] as const;

interface ExampleIds {
  readonly prompt: Int32Array;
  readonly answer: Int32Array;
  readonly mask: Int32Array | undefined;
}

function exampleOf(
  spell: (id: number) => string,
  side: ExampleIds & { readonly row: string; readonly side: SideName },
): TokenisationExample {
  const { prompt, answer, mask } = side;
  const ids = [...prompt, ...answer];
  // The first token of an empty prompt's completion is predicted by nothing.
  const firstScored = Math.max(prompt.length, 1);
  const isScored = (index: number): boolean => index >= firstScored && mask?.[index - prompt.length] !== 0;
  const places = [0, prompt.length, ids.length];
  const tokens: ExampleToken[] = [];
  const gaps: { after: number; omitted: number }[] = [];
  ids.forEach((id, index) => {
    // Half a token on, so that a window has as many tokens before its place as behind it.
    if (places.some((place) => Math.abs(index + 0.5 - place) < EXAMPLE_WINDOW)) {
      tokens.push({ id, text: spell(id), scored: isScored(index) });
      return;
    }
    const last = gaps.at(-1);
    if (last?.after === tokens.length - 1) last.omitted++;
    else gaps.push({ after: tokens.length - 1, omitted: 1 });
  });
  const scoredCount = ids.filter((_, index) => isScored(index)).length;
  return { row: side.row, side: side.side, tokens, gaps, tokenCount: ids.length, scoredCount };
}
