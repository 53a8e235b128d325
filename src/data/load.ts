import { type FieldUse, createFieldUseLog } from './field-use.ts';
import {
  ROW_KINDS,
  type CompletionRow,
  type DataRow,
  type PairRow,
  type TokenizedCompletion,
  type TokenizedPair,
} from './row.ts';
import { badInput, messageOf, PreftuneError } from '../core/index.ts';
import type { Tokenizer } from '../tokenizer/index.ts';
import type { DataLimits } from './limits.ts';
import { copiesOf, type SourceShare } from './sources/mixture.ts';
import { createProblemLog, type ProblemLog, type RecordProblem } from './problems.ts';
import { COMPLETION_PARTS, createCompletionSet, createPairSet, PAIR_PARTS, type RowSet } from './tokens/row-set.ts';
import { readRows, type DetectedFormat, type RowEvent } from './rows.ts';
import type { DataSource } from './sources/source.ts';
import { hashOfPrompt } from './split.ts';
import { createTokenArena } from './tokens/token-arena.ts';
import { dropCause } from './row-texts/drop-causes.ts';
import { createTokenisationLog, type RowCount, type TokenisationReport } from './tokens/tokenisation-report.ts';
import type { DropReason } from './tokens/tokenize-answer.ts';
import { MISSING_TEMPLATE } from './tokens/render-row.ts';
import { decidedPair, UNDECIDED } from './pair-of-ranking.ts';
import { createRowTokenizer, type RowTokenizerOptions } from './tokens/tokenize-row.ts';
import { nameOfRules, type TrlRules } from './trl/trl-rules.ts';
import { createTrlRowTokenizer } from './trl/trl-rows.ts';
import { validateTruncation, type TruncationOptions } from './tokens/truncate.ts';

export interface LoadOptions extends RowTokenizerOptions {
  readonly tokenizer: Tokenizer;
  /** Default: detected per source. */
  readonly format?: string;
  /** strict (default): any problem is one bad-input error with all of them. lenient: such rows are skipped and counted. */
  readonly mode?: 'strict' | 'lenient';
  /** Take at most so many valid rows. */
  readonly maxRows?: number;
  readonly limits?: DataLimits;
  /** Decides which rows of a source with a weight are taken; default 0. */
  readonly seed?: number;
  /** Called for every preference that is kept, in the order of the rows that come out. */
  readonly onPair?: (pair: PairRow) => void;
  /** Called about every thousand rows. */
  readonly onProgress?: (rowsRead: number) => void;
  readonly signal?: AbortSignal;
  /** The ids and scored tokens of a trainer of TRL instead of preftune's. Rows of lists have none. */
  readonly trl?: TrlRules;
}

/** Rows ready to train on, and the proof of how they came to be. */
export interface LoadedData<T> {
  readonly rows: RowSet<T>;
  readonly formats: readonly DetectedFormat[];
  readonly fieldUse: FieldUse;
  /** What each source gave. */
  readonly sources: readonly SourceShare[];
  readonly tokenisation: TokenisationReport;
  /** Rows that were skipped (lenient), and the first problems. */
  readonly skipped: number;
  readonly problems: Pick<ProblemLog, 'kept' | 'counts' | 'total'>;
  /** What was made of rows that are of another kind than the loader's, in sentences. */
  readonly notes?: readonly string[];
}

export interface LoadCompletionsOptions extends LoadOptions {
  /** Take the chosen side of pairs as completions; without it pairs are refused. */
  readonly chosenOfPairs?: boolean;
}

/**
 * Preference pairs from one or several sources, tokenised. Rows whose prompt leaves no room are dropped and counted.
 *
 * Throws bad-input with every problem in strict mode, for rows that are no preferences, and when no pair is left.
 *
 * @example
 * ```ts run
 * import { loadPairs, openModel, sourcesOfPath } from 'preftune';
 *
 * const { tokenizer, files } = await openModel('node_modules/preftune/assets/embedded-model');
 * const { rows } = await loadPairs(await sourcesOfPath('pairs.jsonl'), { tokenizer, maxLength: 512 });
 * console.log(rows.count, tokenizer.decode(Array.from(rows.row(1).rejected))); // 2 No.<|im_end|>
 * await files.close();
 * ```
 */
export async function loadPairs(
  source: DataSource | readonly DataSource[],
  options: LoadOptions,
): Promise<LoadedData<TokenizedPair>> {
  const arena = createTokenArena(PAIR_PARTS, 'pairs');
  const sequenceCounts: number[] = [];
  const promptHashes: number[] = [];
  const [margins, weights]: [number[], number[]] = [[], []];
  const { tokenize, log } = createTokenizing(options);
  const loaded = await load(source, options, (row) => {
    const pair = row.kind === 'ranking' ? decidedPair(row.row) : row.row;
    if (row.kind === 'completion') throw wrongKind(row, 'pairs', 'use them with sft');
    if (row.kind === 'unpaired' || !('chosen' in pair))
      throw wrongKind(
        row,
        'pairs',
        'build pairs of them (preftune data build), or take an objective of unpaired answers (--objective kto)',
      );
    const result = tokenize.pair(pair);
    log.pair(pair.id, result);
    if (result.kind === 'dropped') return;
    for (const { id, prompt, chosen, rejected, rejectedPrompt, chosenMask, rejectedMask } of result.rows) {
      arena.push(id, [prompt, chosen, rejected, rejectedPrompt ?? none, chosenMask ?? none, rejectedMask ?? none]);
      sequenceCounts.push(rejectedPrompt === undefined ? 1 : 2);
      promptHashes.push(hashOfPrompt(pair.prompt));
      margins.push(pair.meta?.margin ?? NaN);
      weights.push(pair.meta?.weight ?? NaN);
      options.onPair?.(pair);
    }
  });
  const tokenisation = log.report();
  requireRows(source, arena.count, { tokenisation, ...loaded });
  const rows = createPairSet(arena.finish(), { sequenceCounts, promptHashes, margins, weights });
  return { rows, tokenisation, notes: trlNotes(options), ...loaded };
}

/**
 * Completions and plain texts from one or several sources, tokenised; plain texts longer than maxLength become blocks.
 *
 * Throws as loadPairs; pairs are refused unless `chosenOfPairs`.
 *
 * @example
 * ```ts run
 * import { loadCompletions, openModel, sourcesOfPath } from 'preftune';
 *
 * const { tokenizer, files } = await openModel('node_modules/preftune/assets/embedded-model');
 * const options = { tokenizer, maxLength: 512, chosenOfPairs: true };
 * const { rows } = await loadCompletions(await sourcesOfPath('pairs.jsonl'), options);
 * console.log(rows.count); // 2
 * await files.close();
 * ```
 */
export async function loadCompletions(
  source: DataSource | readonly DataSource[],
  options: LoadCompletionsOptions,
): Promise<LoadedData<TokenizedCompletion>> {
  const arena = createTokenArena(COMPLETION_PARTS, 'completions');
  const promptHashes: number[] = [];
  const { tokenize, log } = createTokenizing(options);
  const loaded = await load(source, options, (row) => {
    const completion = row.kind === 'completion' ? row.row : chosenOf(row, options);
    const result = tokenize.completion(completion);
    log.completion(completion.id, result);
    if (result.kind === 'dropped') return;
    // A plain text has no prompt: it is its own unit of the split.
    const unit = completion.prompt === '' ? completion.completion : completion.prompt;
    for (const block of result.rows) {
      arena.push(block.id, [block.prompt, block.completion, block.completionMask ?? none]);
      promptHashes.push(hashOfPrompt(unit));
    }
  });
  const tokenisation = log.report();
  requireRows(source, arena.count, { tokenisation, ...loaded });
  const rows = createCompletionSet(arena.finish(), { promptHashes });
  return { rows, tokenisation, notes: trlNotes(options), ...loaded };
}

export const none = new Int32Array(0);

export function createTokenizing(options: LoadOptions) {
  validateTruncation(options);
  const { tokenizer, maxLength, maxPromptLength, lastTurnOnly = false, textRows = 'auto', trl } = options;
  const truncation: TruncationOptions = {
    ...(maxLength !== undefined && { maxLength }),
    ...(maxPromptLength !== undefined && { maxPromptLength }),
  };
  return {
    tokenize:
      trl === undefined
        ? createRowTokenizer(tokenizer, { ...truncation, lastTurnOnly, textRows })
        : createTrlRowTokenizer(tokenizer, truncation, trl),
    log: createTokenisationLog(tokenizer, truncation),
  };
}

/** A sentence on whose tokens are scored, where they are not preftune's. */
export function trlNotes({ trl }: Pick<LoadOptions, 'trl'>): readonly string[] {
  return trl === undefined ? [] : [`tokens are those that ${nameOfRules(trl)} scores`];
}

type RowHandler = (row: DataRow) => void;

/** Reads sources row by row; what `handle` refuses with bad-input becomes a problem of its row. */
export async function load(
  source: DataSource | readonly DataSource[],
  options: LoadOptions,
  handle: RowHandler,
): Promise<Omit<LoadedData<never>, 'rows' | 'tokenisation'>> {
  const sources = sourceList(source);
  const problems = createProblemLog();
  const formats: DetectedFormat[] = [];
  const use = createFieldUseLog();
  const uniqueId = createIdRule(sources);
  const { maxRows = Infinity, tokenizer, seed = 0 } = options;
  const shares: SourceShare[] = [];
  let read = 0;
  let taken = 0;
  let skipped = 0;
  const refuse = (list: readonly RecordProblem[]): void => {
    skipped++;
    for (const problem of list) problems.add(problem);
  };
  for (const [index, each] of sources.entries()) {
    if (taken >= maxRows) break;
    const { name, weight = 1 } = each;
    const before = taken;
    let rows = 0;
    const reading = {
      ...options,
      conversational: tokenizer.chatTemplate !== undefined,
      onRemovedNulls: use.addNulls,
    };
    for await (const event of readRows(each, reading)) {
      if (options.signal?.aborted) throw new PreftuneError('cancelled', `data: reading was stopped after ${read} rows`);
      if (event.kind === 'format') {
        formats.push(event.format);
        continue;
      }
      if (++read % 1000 === 0) options.onProgress?.(read);
      if (event.kind === 'problems') {
        refuse(event.problems);
        continue;
      }
      let left = copiesOf(weight, { seed, source: index, row: rows++ });
      for (; left > 0 && taken < maxRows; left--) {
        const found = handleRow(event, uniqueId, handle);
        if (found.length === 0) {
          taken++;
          use.add(event);
        } else {
          refuse(found);
          break;
        }
      }
      if (taken >= maxRows) break;
    }
    shares.push({ name, weight, rows, used: taken - before });
  }
  if (problems.total > 0 && options.mode !== 'lenient') throw problems.error();
  return { formats, fieldUse: use.result(), sources: shares, skipped, problems };
}

/** The problems of a valid row that the template refuses; none when it was taken. */
function handleRow(
  event: RowEvent & { kind: DataRow['kind'] },
  uniqueId: (row: DataRow) => string,
  handle: RowHandler,
): readonly RecordProblem[] {
  const id = uniqueId(event);
  try {
    handle({ kind: event.kind, row: { ...event.row, id } } as DataRow);
    return [];
  } catch (error) {
    if (!(error instanceof PreftuneError) || error.code !== 'bad-input' || CONCERNS_ALL.has(error.problems[0]?.path))
      throw error;
    const { file } = event.row.origin;
    const reason = error.problems[0]?.path === UNDECIDED ? 'undecided' : 'template-failed';
    return [{ reason, file, line: event.place.line, message: messageOf(error) }];
  }
}

/**
 * Ids that are unique in the data set: in several sources the file's name goes first, and an id that came before gets the
 * row's place behind it, because data sets repeat ids (one per prompt, say).
 */
function createIdRule(sources: readonly DataSource[]): (row: DataRow) => string {
  const seen = new Set<string>();
  return ({ row }) => {
    const { file, line } = row.origin;
    const own = sources.length > 1 ? `${file}:${row.id}` : row.id;
    const id = seen.has(own) ? `${own}@${line}` : own;
    let unique = id;
    for (let copy = 2; seen.has(unique); copy++) unique = `${id}.${copy}`;
    seen.add(unique);
    return unique;
  };
}

const WRONG_KIND = 'format';
/** Paths of problems that every further row would have too: they end the reading at once. */
const CONCERNS_ALL: ReadonlySet<string | undefined> = new Set([WRONG_KIND, MISSING_TEMPLATE]);

/** bad-input that ends the reading: rows are of another kind. */
export function wrongKind({ kind, row }: DataRow, needed: string, hint: string): PreftuneError {
  const message = `rows must be ${needed}, got ${ROW_KINDS[kind].many}; ${hint}`;
  return badInput({ file: row.origin.file, line: row.origin.line, path: WRONG_KIND, message });
}

function chosenOf(row: DataRow, { chosenOfPairs }: LoadCompletionsOptions): CompletionRow {
  const pair = row.kind === 'ranking' && chosenOfPairs ? decidedPair(row.row) : row.row;
  if ('chosen' in pair && chosenOfPairs) {
    const { rejected: _rejected, chosen, ...rest } = pair;
    return { ...rest, completion: chosen };
  }
  const hint =
    row.kind === 'unpaired'
      ? 'keep the desirable ones and drop their label'
      : 'use them with dpo, or train on the chosen side (--chosen-of-pairs)';
  throw wrongKind(row, 'completions', hint);
}

export function sourceList(source: DataSource | readonly DataSource[]): readonly DataSource[] {
  return 'open' in source ? [source] : source;
}

/** Throws bad-input when no row is left: with what happened to the rows, and the advice that fits it. */
export function requireRows(
  source: DataSource | readonly DataSource[],
  count: number,
  { tokenisation, skipped, problems }: Pick<LoadedData<never>, 'tokenisation' | 'skipped' | 'problems'>,
): void {
  if (count > 0) return;
  const file = sourceList(source)
    .map(({ name }) => name)
    .join(', ');
  const { found, advice } = tokenisation.rows === 0 ? whyNoneValid(skipped, problems) : whyAllDropped(tokenisation);
  throw badInput({ file, message: `data must leave at least one row to train on, got ${found}; ${advice}` });
}

interface WhyNone {
  readonly found: string;
  readonly advice: string;
}

function whyNoneValid(skipped: number, { counts, kept }: LoadedData<never>['problems']): WhyNone {
  if (skipped === 0) return { found: 'no row', advice: 'look at the file' };
  const reasons = Object.entries(counts).map(([reason, number]) => `${reason} ${number}`);
  const first = kept[0];
  const example = first === undefined ? '' : `, the first on line ${first.line}: ${first.message}`;
  return {
    found: `no valid row: ${skipped} skipped (${reasons.join(', ')})${example}`,
    advice: 'preftune data check lists what is wrong with each',
  };
}

function whyAllDropped({ rows, dropped, lost, limits }: TokenisationReport): WhyNone {
  const entries = Object.entries(dropped) as [DropReason, RowCount][];
  const reasons = entries.map(([reason, { count, rows: ids }]) => {
    const named = ids.slice(0, NAMED_ROWS).join(', ');
    const many = `${count === 1 ? 'row' : 'rows'} ${named}${count > NAMED_ROWS ? ', ...' : ''}`;
    const piece = LOSING.has(reason) ? lost.template?.places[0] : undefined;
    const example = piece === undefined ? '' : `, such as ${JSON.stringify(piece.text)} in row ${piece.row}`;
    return `${dropCause(reason, limits).cause}${example} (${many})`;
  });
  const advice = new Set(entries.map(([reason]) => dropCause(reason, limits).advice));
  return { found: `${rows} rows, all dropped: ${reasons.join('; ')}`, advice: [...advice].join('; ') };
}

/** How many rows a message names. */
const NAMED_ROWS = 5;

/** What a piece that the template left out explains. */
const LOSING: ReadonlySet<DropReason> = new Set(['identical-after-template', 'empty-after-template']);
