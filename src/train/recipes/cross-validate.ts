import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { badInput, localTimeOf, writeExactJson } from '../../core/index.ts';
import { pairOfRanking, readRows, type DataRow, type DataSource, type PairRow } from '../../data/index.ts';
import type { RecipeContext } from '../context.ts';
import { trainDpo } from './dpo.ts';
import { parseDpoSpecification, parseScoreSpecification } from '../../specification/index.ts';
import { scorePairs } from '../../score/index.ts';
import { type HeldOutMargins, mixKeys, FLAG, type RowTable } from '../../reliability/index.ts';

export interface CrossValidation {
  readonly sources: readonly DataSource[];
  readonly format?: string;
  readonly model: string;
  /** At least 2. */
  readonly folds: number;
  readonly seed: number;
  /** Pairs that take part at most, chosen by their prompt; more take longer. */
  readonly maxPairs: number;
  /** Options of `preftune dpo` for the adapters, over the defaults here. */
  readonly training?: Readonly<Record<string, unknown>>;
  readonly context: RecipeContext;
  readonly onFold?: (fold: number) => void;
}

/** A small adapter learns the direction of the preference in few steps. */
const TRAINING = { lora: { rank: 8, alpha: 16 }, learningRate: 2e-4, batchSize: 8, epochs: 1, maxLength: 512 };
const BETA = 0.1;

/**
 * Margins by cross-validation: pairs are divided by prompt into folds; for each fold a LoRA adapter is trained with DPO on the others and
 * scores the fold. Everything is written to a temporary folder, which is removed. Throws as training does.
 */
export function crossValidatedMargins(given: CrossValidation): HeldOutMargins {
  return async (table) => {
    // All folds are of one day.
    const begun = given.context.now?.() ?? localTimeOf(new Date());
    const options = { ...given, context: { ...given.context, now: () => begun } };
    const foldOf = foldsOf(table, options);
    const margins = new Float64Array(table.count).fill(NaN);
    const home = await mkdtemp(join(tmpdir(), 'preftune-folds-'));
    try {
      for (let fold = 0; fold < options.folds; fold++) {
        options.onFold?.(fold);
        await scoreFold(fold, { options, foldOf, margins, home });
      }
      return margins;
    } finally {
      await rm(home, { recursive: true, force: true });
    }
  };
}

/** The fold of each row, -1 for rows that take no part. A prompt is in one fold. */
function foldsOf(table: RowTable, { folds, seed, maxPairs }: CrossValidation): Int8Array {
  if (!(Number.isInteger(folds) && folds >= 2 && folds <= 20))
    throw badInput(`data check: --folds must be a whole number from 2 to 20, got ${folds}`);
  const isPair = (row: number): boolean =>
    (table.flags[row]! & FLAG.pair) !== 0 && (table.flags[row]! & FLAG.tie) === 0;
  const places = Float64Array.from(table.prompt, (key) => mixKeys(key, seed) / 2 ** 53);
  const sorted = places.filter((_, row) => isPair(row)).toSorted();
  const limit = sorted.length > maxPairs ? sorted[maxPairs]! : 1;
  const fold = Int8Array.from(table.prompt, (key, row) =>
    isPair(row) && places[row]! < limit ? mixKeys(key, seed + 1) % folds : -1,
  );
  const empty = Array.from({ length: folds }, (_, index) => index).filter((index) => !fold.includes(index));
  if (empty.length > 0) {
    const prompts = new Set(table.prompt.filter((_, row) => isPair(row))).size;
    throw badInput(
      `data check: --folds ${folds} needs pairs of enough different prompts for every fold, got ${prompts} prompts; take fewer folds`,
    );
  }
  return fold;
}

interface FoldWork {
  readonly options: CrossValidation;
  readonly foldOf: Int8Array;
  readonly margins: Float64Array;
  readonly home: string;
}

async function scoreFold(fold: number, { options, foldOf, margins, home }: FoldWork): Promise<void> {
  const { model, context, seed, training = {} } = options;
  const others = rowSource(options, (row) => foldOf[row] !== -1 && foldOf[row] !== fold);
  const own = rowSource(options, (row) => foldOf[row] === fold);
  const inner: RecipeContext = {
    ...context,
    sources: async (named) => [named === 'fold' ? own : others],
    referenceCache: join(home, 'reference'),
    isResuming: false,
    listener: {
      ...(context.listener.onStep && { onStep: context.listener.onStep }),
      ...(context.listener.onScored && { onScored: context.listener.onScored }),
    },
  };
  const run = join(home, `fold-${fold}`);
  const given = { ...TRAINING, ...training, beta: BETA, model, data: 'others', output: run, seed, lenient: true };
  const { artefact, isComplete } = await trainDpo(parseDpoSpecification(given), inner);
  if (artefact === undefined || !isComplete) throw context.signal?.reason ?? badInput('data check: stopped');
  const { maxLength, device, threads, templateTime } = given as typeof given & {
    device?: string;
    threads?: number;
    templateTime?: string;
  };
  const specification = parseScoreSpecification({
    model,
    adapter: artefact,
    data: 'fold',
    beta: BETA,
    lenient: true,
    maxLength,
    ...(device === undefined ? {} : { device }),
    ...(threads === undefined ? {} : { threads }),
    ...(templateTime === undefined ? {} : { templateTime }),
  });
  const scores = await scorePairs(specification, inner);
  for (let index = 0; index < scores.count; index++) {
    const score = scores.row(index);
    margins[Number(score.id)] =
      BETA * (score.chosenLogps - score.referenceChosenLogps! - (score.rejectedLogps - score.referenceRejectedLogps!));
  }
}

/** The pairs of some rows of the data as JSON Lines whose ids are the rows' numbers in the table. */
function rowSource({ sources, format }: CrossValidation, takes: (row: number) => boolean): DataSource {
  return {
    name: 'pairs.jsonl',
    async *open() {
      const encoder = new TextEncoder();
      let row = 0;
      for (const source of sources) {
        for await (const event of readRows(source, format === undefined ? {} : { format })) {
          if (event.kind === 'format' || event.kind === 'problems') continue;
          if (takes(row)) {
            const pair = pairOf(event);
            if (pair !== undefined) yield encoder.encode(`${writeExactJson(recordOf(pair, row))}\n`);
          }
          row++;
        }
      }
    },
  };
}

function pairOf(event: DataRow): PairRow | undefined {
  if (event.kind === 'ranking') return pairOfRanking(event.row);
  return event.kind === 'pair' ? event.row : undefined;
}

function recordOf({ prompt, chosen, rejected, isTextStart, tools, templateVariables }: PairRow, row: number) {
  const answers = isTextStart
    ? { chosen: `${String(prompt)}${String(chosen)}`, rejected: `${String(prompt)}${String(rejected)}` }
    : { prompt, chosen, rejected };
  return {
    id: String(row),
    ...answers,
    ...(tools && { tools }),
    ...(templateVariables && { chat_template_kwargs: templateVariables }),
  };
}
