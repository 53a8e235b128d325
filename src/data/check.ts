import { type FieldUse, createFieldUseLog } from './field-use.ts';
import type { Tokenizer } from '../tokenizer/index.ts';
import { createDistribution, type Distribution, type Spread } from './distribution.ts';
import { createHashCounter, type RepeatCounts } from './tokens/hash-counter.ts';
import { hashText, promptKey } from './hash.ts';
import type { DataLimits } from './limits.ts';
import { sourceList } from './load.ts';
import { pairOfRanking } from './pair-of-ranking.ts';
import { createProblemLog, type ProblemReason, type RecordProblem } from './problems.ts';
import { MISSING_TEMPLATE } from './tokens/render-row.ts';
import type { Content, DataRow, PairRow } from './row.ts';
import { readRowBatches, type DetectedFormat } from './rows.ts';
import type { DataSource } from './sources/source.ts';
import type { TextMode } from './row-texts/text-turns.ts';
import { createTokenisationLog, type TokenisationReport } from './tokens/tokenisation-report.ts';
import { createRowTokenizer } from './tokens/tokenize-row.ts';
import { validateTruncation, type TruncationOptions } from './tokens/truncate.ts';
import { canonicalJson, messageOf, PreftuneError } from '../core/index.ts';

export interface CheckOptions extends TruncationOptions {
  /** With a tokenizer the report holds the tokenisation proof. */
  readonly tokenizer?: Tokenizer;
  /** How rows of texts become tokens, as in training. Default auto. */
  readonly textRows?: TextMode;
  readonly format?: string;
  readonly limits?: DataLimits;
  readonly onProgress?: (recordsRead: number) => void;
  readonly signal?: AbortSignal;
}

/** What is in a data set. JSON-safe. */
export interface DataReport {
  readonly formats: readonly DetectedFormat[];
  readonly fieldUse: FieldUse;
  readonly records: number;
  readonly validRows: number;
  readonly problemCounts: Readonly<Partial<Record<ProblemReason, number>>>;
  readonly problemTotal: number;
  /** The first of them. */
  readonly problems: readonly RecordProblem[];
  readonly conversations: number;
  /** Turns of prompts that are conversations. */
  readonly promptTurns: Spread;
  /** UTF-16 units of each part. */
  readonly characters: Readonly<Partial<Record<'prompt' | 'chosen' | 'rejected' | 'completion' | 'answers', Spread>>>;
  /** Of pairs: how often the chosen answer is longer, shorter, equally long; a strong lean teaches length. */
  readonly chosenLonger: number;
  readonly chosenShorter: number;
  readonly sameLength: number;
  /** Repeated rows, and for pairs the same two answers preferred in both orders. */
  readonly rows: RepeatCounts;
  readonly prompts: RepeatCounts;
  readonly tokenisation?: TokenisationReport;
}

/**
 * Reads a data set once and says what is in it, in memory that does not grow with its rows: percentiles from histograms,
 * repeats exact up to MAX_TRACKED_KEYS distinct rows and estimated from a sample of them beyond.
 *
 * Throws bad-input only where reading cannot go on (missing file, unknown or mixed format, broken JSON list).
 *
 * @example
 * ```ts run
 * import { checkData, sourcesOfPath } from 'preftune';
 *
 * const report = await checkData(await sourcesOfPath('pairs.jsonl'));
 * console.log(report.records, report.validRows, report.problemTotal); // 2 2 0
 * console.log(report.formats.map(({ name }) => name)); // [ 'trl-preference' ]
 * ```
 */
export async function checkData(
  source: DataSource | readonly DataSource[],
  options: CheckOptions = {},
): Promise<DataReport> {
  validateTruncation(options);
  const problems = createProblemLog();
  const formats: DetectedFormat[] = [];
  const statistics = createStatistics();
  const use = createFieldUseLog();
  const tokenising = options.tokenizer && createTokenising(options.tokenizer, options);
  const conversational = options.tokenizer === undefined || options.tokenizer.chatTemplate !== undefined;
  let records = 0;
  let validRows = 0;
  for (const each of sourceList(source)) {
    for await (const batch of readRowBatches(each, { ...options, conversational, onRemovedNulls: use.addNulls })) {
      if (options.signal?.aborted)
        throw new PreftuneError('cancelled', `data: checking was stopped after ${records} records`);
      for (const event of batch) {
        if (event.kind === 'format') {
          formats.push(event.format);
          continue;
        }
        if (++records % 1000 === 0) options.onProgress?.(records);
        if (event.kind === 'problems') {
          for (const problem of event.problems) problems.add(problem);
          continue;
        }
        const refused = tokenising?.take(event);
        if (refused === undefined) {
          validRows++;
          statistics.add(event);
          use.add(event);
        } else {
          problems.add({ ...refused, line: event.place.line });
        }
      }
    }
  }
  return {
    formats,
    fieldUse: use.result(),
    records,
    validRows,
    problemCounts: problems.counts,
    problemTotal: problems.total,
    problems: problems.kept,
    ...statistics.report(),
    ...(tokenising && { tokenisation: tokenising.report() }),
  };
}

function createTokenising(tokenizer: Tokenizer, { maxLength, maxPromptLength, textRows = 'auto' }: CheckOptions) {
  const truncation = {
    ...(maxLength !== undefined && { maxLength }),
    ...(maxPromptLength !== undefined && { maxPromptLength }),
  };
  const rows = createRowTokenizer(tokenizer, { ...truncation, textRows });
  const log = createTokenisationLog(tokenizer, truncation);
  return {
    /** The problem of a row that the chat template refuses. */
    take(row: DataRow): RecordProblem | undefined {
      try {
        const pair = row.kind === 'ranking' ? pairOfRanking(row.row) : row.kind === 'pair' ? row.row : undefined;
        if (pair !== undefined) log.pair(pair.id, rows.pair(pair));
        if (row.kind === 'completion' || row.kind === 'unpaired') log.completion(row.row.id, rows.completion(row.row));
        return undefined;
      } catch (error) {
        const refusal = error instanceof PreftuneError && error.code === 'bad-input';
        if (!refusal || error.problems[0]?.path === MISSING_TEMPLATE) throw error;
        return { reason: 'template-failed', file: row.row.origin.file, message: messageOf(error) };
      }
    },
    report: log.report,
  };
}

type Part = keyof DataReport['characters'];

function createStatistics() {
  const parts = new Map<Part, Distribution>();
  const promptTurns = createDistribution();
  const rows = createHashCounter();
  const prompts = createHashCounter();
  const totals = { conversations: 0, chosenLonger: 0, chosenShorter: 0, sameLength: 0 };
  const measure = (part: Part, content: Content): number => {
    const length = lengthOf(content);
    let distribution = parts.get(part);
    if (distribution === undefined) parts.set(part, (distribution = createDistribution()));
    distribution.add(length);
    return length;
  };
  const addPair = ({ prompt, chosen, rejected }: PairRow): void => {
    const lead = measure('chosen', chosen) - measure('rejected', rejected);
    if (lead > 0) totals.chosenLonger++;
    else if (lead < 0) totals.chosenShorter++;
    else totals.sameLength++;
    const [first, second] = [textOf(chosen), textOf(rejected)];
    const swapped = first > second;
    const [low, high] = swapped ? [second, first] : [first, second];
    const key = `${low.length} ${high.length} ${low}${high}${promptKey(prompt)}`;
    rows.add(hashText(key), swapped ? 1 : 0);
  };
  return {
    add(row: DataRow): void {
      const { prompt } = row.row;
      measure('prompt', prompt);
      if (typeof prompt !== 'string') {
        totals.conversations++;
        promptTurns.add(prompt.length);
      }
      prompts.add(hashText(promptKey(prompt)));
      if (row.kind === 'pair') {
        addPair(row.row);
      } else if (row.kind === 'ranking') {
        for (const { content } of row.row.answers) measure('answers', content);
        const texts = row.row.answers.map(({ content }) => textOf(content)).toSorted();
        rows.add(hashText(JSON.stringify([promptKey(prompt), ...texts])));
      } else {
        measure('completion', row.row.completion);
        rows.add(hashText(JSON.stringify([promptKey(prompt), textOf(row.row.completion)])));
      }
    },
    report: () => ({
      ...totals,
      promptTurns: promptTurns.spread(),
      characters: Object.fromEntries([...parts].map(([part, distribution]) => [part, distribution.spread()])),
      rows: rows.counts(),
      prompts: prompts.counts(),
    }),
  };
}

function textOf(content: Content): string {
  return typeof content === 'string' ? content : canonicalJson(content);
}

function lengthOf(content: Content): number {
  return typeof content === 'string' ? content.length : content.reduce((sum, turn) => sum + turn.content.length, 0);
}
