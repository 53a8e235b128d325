import { internal } from '../../core/index.ts';
import type { Tokenizer } from '../../tokenizer/index.ts';
import type { CompletionRow, PairRow, TokenizedCompletion, TokenizedPair, UnpairedRow } from '../row.ts';
import { turningTexts } from '../row-texts/turned-rows.ts';
import { scanningRows } from '../row-texts/scanned-rows.ts';
import type { SideName, SideNotes } from '../tokens/tokenize-answer.ts';
import { closingStop, createBlankTest } from '../tokens/tokenize-side.ts';
import type { DroppedRow, RowTokenizer } from '../row-texts/row-tokenizer.ts';
import type { TruncatedSide, TruncationOptions } from '../tokens/truncate.ts';
import { createTrlLosses } from './trl-losses.ts';
import { createTrlCut } from './trl-cut.ts';
import type { TrlRules } from './trl-rules.ts';
import { createTrlSides, type TrlParts, type TrlSide } from './trl-sides.ts';

/** An answer in ids, or why it cannot be trained on. */
interface TrlAnswer {
  readonly ids: TruncatedSide;
  /** The answer before anything was cut or added. */
  readonly uncut: readonly number[];
  readonly notes: SideNotes;
}

/**
 * Rows in the ids of a trainer of TRL: every id of an answer is scored, what stands behind the token that ends a turn included, and of
 * an answer of several turns all of them. Texts, and conversations that no prompt is parted from (`isWhole`), are trained whole, and
 * cut where they are too long. Pairs that became equal are kept, since TRL trains them.
 */
export function createTrlRowTokenizer(
  tokenizer: Tokenizer,
  truncation: TruncationOptions,
  rules: TrlRules,
): RowTokenizer {
  const sidesOf = createTrlSides(tokenizer, rules);
  const cut = createTrlCut(tokenizer, rules, truncation);
  const notesOf = createNotes(tokenizer);
  const lossOf = createTrlLosses(tokenizer);
  const answersOf = (parts: TrlParts, names: readonly SideName[]): TrlAnswer[] | DroppedRow => {
    const { maxLength = Infinity } = truncation;
    const sides = sidesOf(parts);
    const kept = cut(sides);
    const losses = sides.map((side, index) => lossOf(parts, parts.answers[index]!, side));
    const without = kept.findIndex((side) => side === undefined);
    if (without >= 0) {
      const reason = sides[without]!.prompt.length >= maxLength ? 'prompt-too-long' : 'no-answer-tokens';
      return { kind: 'dropped', reason, lost: losses.flatMap(({ lost }) => lost ?? []) };
    }
    return kept.map((ids, index) => ({
      ids: ids!,
      uncut: sides[index]!.answer,
      notes: { ...notesOf(names[index]!, sides[index]!, ids!), ...losses[index] },
    }));
  };
  const single = (row: CompletionRow | UnpairedRow, prompt: TrlParts['prompt']): TrlAnswer | DroppedRow => {
    const found = answersOf({ prompt, answers: [row.completion], inputs: row }, ['completion']);
    return 'kind' in found ? found : found[0]!;
  };
  const rows = scanningRows(tokenizer, {
    pair(row) {
      const found = answersOf({ prompt: row.prompt, answers: [row.chosen, row.rejected], inputs: row }, SIDES);
      if ('kind' in found) return found;
      return { kind: 'kept', rows: [pairOf(row, found)], notes: found.map(({ notes }) => notes) };
    },
    completion(row) {
      const one = row.prompt === '' || row.isWhole ? single(wholeOf(row), undefined) : single(row, row.prompt);
      return 'kind' in one ? one : { kind: 'kept', rows: [completionOf(row.id, one)], notes: [one.notes] };
    },
    unpaired(row) {
      const one = single(row, row.prompt);
      if ('kind' in one) return one;
      const answer = { ...completionOf(row.id, one), label: row.label ? (1 as const) : (0 as const) };
      return { kind: 'kept', rows: [{ ...answer, uncut: Int32Array.from(one.uncut) }], notes: [one.notes] };
    },
    ranking() {
      throw internal('rows of lists have no rules of TRL');
    },
  });
  return turningTexts(rows, () => ({ use: 'trl' }));
}

const SIDES = ['chosen', 'rejected'] as const;

/** A text, or a conversation with its prompt, as one answer. */
function wholeOf(row: CompletionRow): CompletionRow {
  const { prompt, completion } = row;
  return typeof prompt === 'string' || typeof completion === 'string'
    ? row
    : { ...row, completion: [...prompt, ...completion] };
}

function pairOf({ id }: PairRow, [chosen, rejected]: readonly TrlAnswer[]): TokenizedPair {
  const [prompt, rejectedPrompt] = [chosen!, rejected!].map(({ ids }) => Int32Array.from(ids.prompt));
  return {
    id,
    prompt: prompt!,
    chosen: Int32Array.from(chosen!.ids.answer),
    rejected: Int32Array.from(rejected!.ids.answer),
    ...(prompt!.join() !== rejectedPrompt!.join() && { rejectedPrompt: rejectedPrompt! }),
  };
}

function completionOf(id: string, { ids }: TrlAnswer): TokenizedCompletion {
  return { id, prompt: Int32Array.from(ids.prompt), completion: Int32Array.from(ids.answer) };
}

/** What a report says of a side. A stop token is inside where more follows it than white space and stop tokens. */
function createNotes(tokenizer: Tokenizer) {
  const stops = new Set([...tokenizer.stopIds, ...(tokenizer.eosId === undefined ? [] : [tokenizer.eosId])]);
  const isBlank = createBlankTest(tokenizer);
  return (side: SideName, { promptDiffers, stopAppended }: TrlSide, ids: TruncatedSide): SideNotes => {
    const closing = closingStop(ids.answer, stops, isBlank);
    return {
      side,
      templateDiffers: false,
      boundaryMoved: promptDiffers,
      noStopToken: closing === undefined,
      stopAppended,
      tailRemoved: 0,
      duplicatedBos: false,
      hasBos: tokenizer.bosId !== undefined && (ids.prompt[0] ?? ids.answer[0]) === tokenizer.bosId,
      promptCut: ids.promptCut,
      answerCut: ids.answerCut,
      stopInside: ids.answer.slice(0, (closing ?? ids.answer.length + 1) - 1).some((id) => stops.has(id)),
    };
  };
}
