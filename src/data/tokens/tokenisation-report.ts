import type { Tokenizer } from '../../tokenizer/index.ts';
import { createDistribution, type Spread } from '../distribution.ts';
import type { TokenizedCompletion, TokenizedRanking, TokenizedPair } from '../row.ts';
import type { LostText } from '../row-texts/lost-text.ts';
import type { RowScan } from '../row-texts/scan-row.ts';
import type { TextUse } from '../row-texts/text-turns.ts';
import { createTokenSpeller } from './spell-tokens.ts';
import { exampleOf, type ExampleIds, type TokenisationExample } from './tokenisation-example.ts';
import type { DropReason, SideName, SideNotes } from './tokenize-answer.ts';
import type { TokenizedRow } from '../row-texts/row-tokenizer.ts';
import type { TruncationOptions } from './truncate.ts';

/** How many rows something happened to, and the ids of the first MAX_LISTED_ROWS of them. */
export interface RowCount {
  readonly count: number;
  readonly rows: readonly string[];
}

/** Something found in texts: the rows, and the first MAX_LISTED_ROWS places with what was found. */
export interface TextCount extends RowCount {
  readonly places: readonly { readonly row: string; readonly field: string; readonly text: string }[];
}

export const MAX_LISTED_ROWS = 20;

/** How many rows a report shows as tokens. */
export const EXAMPLE_ROWS = 3;

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
  /** Rows with a stop token before the end of a turn of the assistant. */
  readonly stopInside: RowCount;
  /** Rows with a piece of an answer that no token spells, by who left it out; dropped rows too. */
  readonly lost: Readonly<Partial<Record<LostText['by'], TextCount>>>;
  /** Rows that the template, when it asks the model, opens the answer of with a text that no trained token has. */
  readonly untrainedOpening: TextCount;
  /** Rows whose own texts become control tokens, without the tokens that end an answer or open a plain text anyway. */
  readonly controlTokens: TextCount;
  /** Rows with a turn whose text the template has written before, so that it stands there twice. */
  readonly renderedAlready: TextCount;
  /** Plain texts that were made with the template. */
  readonly renderedAsText: RowCount;
  /** Rows with an answer that spells the token that ends it; it stands once. */
  readonly endWritten: RowCount;
  /** Rankings that lost answers, since a better one has the same ids. */
  readonly answersLeftOut: RowCount;
  /** Rows of texts by what became of them. */
  readonly texts: Readonly<Partial<Record<TextUse, RowCount>>>;
  /** Rows of texts of whose answers white space is left out. */
  readonly answersTrimmed: RowCount;
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

const BOOLEAN_NOTES = [
  'promptCut',
  'boundaryMoved',
  'templateDiffers',
  'stopInside',
  'stopAppended',
  'duplicatedBos',
] as const;

const COUNTED_NOTES = [
  ...BOOLEAN_NOTES,
  'noStopToken',
  'promptTokensDiffer',
  'renderedAsText',
  'endWritten',
  'answersLeftOut',
  'answersTrimmed',
] as const;
type CountedNote = (typeof COUNTED_NOTES)[number];

const TEXT_NOTES = ['untrainedOpening', 'controlTokens', 'renderedAlready'] as const;
type TextNote = (typeof TEXT_NOTES)[number];

export function createTokenisationLog(tokenizer: Tokenizer, limits: TruncationOptions): TokenisationLog {
  const seen = createSeen(createTokenSpeller(tokenizer));
  return {
    pair(id, row) {
      if (!seen.begin(id, row)) return;
      for (const { prompt, chosen, rejected, rejectedPrompt, chosenMask, rejectedMask } of row.rows) {
        if (rejectedPrompt !== undefined) seen.counters.mark('promptTokensDiffer', id);
        seen.measure('prompt', prompt.length);
        seen.measure('chosen', chosen.length);
        seen.measure('rejected', rejected.length);
        const other = rejectedPrompt ?? prompt;
        seen.size(id, Math.max(prompt.length + chosen.length, other.length + rejected.length));
        seen.show(id, 'chosen', { prompt, answer: chosen, mask: chosenMask });
        seen.show(id, 'rejected', { prompt: other, answer: rejected, mask: rejectedMask });
      }
    },
    completion(id, row) {
      if (!seen.begin(id, row)) return;
      for (const { id: blockId, prompt, completion, completionMask } of row.rows) {
        seen.measure('prompt', prompt.length);
        seen.measure('completion', completion.length);
        seen.size(blockId, prompt.length + completion.length);
        if (blockId === id) seen.show(id, 'completion', { prompt, answer: completion, mask: completionMask });
      }
    },
    list(id, row) {
      if (!seen.begin(id, row)) return;
      for (const { prompt, answers } of row.rows) {
        seen.measure('prompt', prompt.length);
        for (const answer of answers) {
          seen.measure('completion', answer.ids.length);
          seen.size(id, answer.prompt.length + answer.ids.length);
          seen.show(id, 'completion', { prompt: answer.prompt, answer: answer.ids, mask: answer.mask });
        }
      }
    },
    report: () => seen.report(limits),
  };
}

/** What was seen of rows of every kind so far. */
function createSeen(spell: (id: number) => string) {
  const counters = createCounters();
  const texts = createTextCounters();
  const parts = new Map<'prompt' | SideName, ReturnType<typeof createDistribution>>();
  const examples: TokenisationExample[] = [];
  let longest: TokenisationReport['longest'];
  const totals = { rows: 0, kept: 0, sequences: 0, withBos: 0 };
  const note = (id: string, notes: readonly SideNotes[]): void => {
    const any = (test: (side: SideNotes) => boolean): boolean => notes.some(test);
    for (const side of notes) if (side.answerCut) counters.mark(`truncated ${side.side}`, id);
    if (any((side) => side.noStopToken && !side.answerCut)) counters.mark('noStopToken', id);
    for (const name of BOOLEAN_NOTES) if (any((side) => side[name])) counters.mark(name, id);
    if (any((side) => side.hasBos)) totals.withBos++;
    for (const { side, lost, untrainedOpening } of notes) {
      if (lost !== undefined) texts.add(`lost ${lost.by}`, { row: id, field: side, text: lost.text });
      if (untrainedOpening !== undefined)
        texts.add('untrainedOpening', { row: id, field: side, text: untrainedOpening });
    }
  };
  const noteScan = (id: string, scan: RowScan): void => {
    for (const name of ['controlTokens', 'renderedAlready'] as const)
      for (const found of scan[name]) texts.add(name, { row: id, ...found });
    for (const name of ['renderedAsText', 'endWritten'] as const) if (scan[name]) counters.mark(name, id);
  };
  return {
    counters,
    /** True when the row is kept. */
    begin<T>(id: string, row: TokenizedRow<T>): row is TokenizedRow<T> & { kind: 'kept' } {
      totals.rows++;
      if (row.kind === 'dropped') {
        counters.mark(`dropped ${row.reason}`, id);
        for (const { by, text } of row.lost) texts.add(`lost ${by}`, { row: id, field: 'answer', text });
        return false;
      }
      totals.kept++;
      totals.sequences += row.rows.length;
      note(id, row.notes);
      noteScan(id, row.scan);
      if (row.leftOut !== undefined) counters.mark('answersLeftOut', id);
      if (row.texts !== undefined) counters.mark(`texts ${row.texts}`, id);
      if (row.isTrimmed) counters.mark('answersTrimmed', id);
      return true;
    },
    measure(part: 'prompt' | SideName, tokens: number): void {
      let distribution = parts.get(part);
      if (distribution === undefined) parts.set(part, (distribution = createDistribution()));
      distribution.add(tokens);
    },
    size(row: string, tokens: number): void {
      if (longest === undefined || tokens > longest.tokens) longest = { row, tokens };
    },
    show(row: string, side: SideName, ids: ExampleIds): void {
      if (totals.kept <= EXAMPLE_ROWS) examples.push(exampleOf(spell, { row, side, ...ids }));
    },
    report: (limits: TruncationOptions): TokenisationReport => ({
      ...totals,
      limits,
      dropped: counters.named('dropped'),
      truncated: counters.named('truncated'),
      texts: counters.named('texts'),
      ...(Object.fromEntries(COUNTED_NOTES.map((name) => [name, counters.of(name)])) as Record<CountedNote, RowCount>),
      lost: texts.named('lost'),
      ...(Object.fromEntries(TEXT_NOTES.map((name) => [name, texts.of(name)])) as Record<TextNote, TextCount>),
      longest,
      tokens: Object.fromEntries([...parts].map(([part, distribution]) => [part, distribution.spread()])),
      examples: [...examples],
    }),
  };
}

/** Rows that something happened to, by its name. */
function createCounters() {
  const counters = new Map<string, { count: number; rows: string[] }>();
  const of = (name: string): RowCount => {
    const { count, rows } = counters.get(name) ?? { count: 0, rows: [] };
    return { count, rows: [...rows] };
  };
  return {
    of,
    mark(name: string, id: string): void {
      let counter = counters.get(name);
      if (counter === undefined) counters.set(name, (counter = { count: 0, rows: [] }));
      counter.count++;
      if (counter.rows.length < MAX_LISTED_ROWS) counter.rows.push(id);
    },
    /** Those whose name has a first word, by the rest. */
    named(prefix: string): Record<string, RowCount> {
      const names = [...counters.keys()].filter((name) => name.startsWith(`${prefix} `));
      return Object.fromEntries(names.map((name) => [name.slice(prefix.length + 1), of(name)]));
    },
  };
}

type TextPlace = TextCount['places'][number];

/** Texts that were found in rows, by the name of the finding; a row counts once. */
function createTextCounters() {
  const counters = createCounters();
  const places = new Map<string, TextPlace[]>();
  const last = new Map<string, string>();
  const of = (name: string): TextCount => ({ ...counters.of(name), places: [...(places.get(name) ?? [])] });
  return {
    of,
    /** The places of a row come one after the other. */
    add(name: string, place: TextPlace): void {
      if (last.get(name) !== place.row) counters.mark(name, place.row);
      last.set(name, place.row);
      const list = places.get(name) ?? [];
      places.set(name, list);
      if (list.length < MAX_LISTED_ROWS) list.push(place);
    },
    named: (prefix: string): Record<string, TextCount> =>
      Object.fromEntries(Object.keys(counters.named(prefix)).map((name) => [name, of(`${prefix} ${name}`)])),
  };
}
