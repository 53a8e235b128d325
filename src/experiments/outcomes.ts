import { z } from 'zod';
import { isRefusal } from '../answers/index.ts';
import { parseRows, sql, type SqlRow, type SqlStatement } from '../database/index.ts';
import type { ClosedUnit } from './analysis.ts';
import type { ExperimentDefinition, SignalName } from './definition.ts';

const DAY_MS = 86_400_000;
/** Bounds that are fixed in advance, so that a mean has one. */
const MOST_FIRST_TOKEN_MS = 60_000;
const MOST_TOKENS = 8192;
const MOST_DAYS = 28;

const ANSWER_ROW = z.object({
  unit_seq: z.int(),
  id: z.string(),
  created_at: z.int(),
  status: z.string().nullable(),
  first_token_ms: z.number().nullable(),
  completion_tokens: z.int().nullable(),
  response: z.string().nullable(),
});
const SIGNAL_ROW = z.object({
  unit_seq: z.int(),
  inference_id: z.string(),
  answered_at: z.int(),
  kind: z.string(),
  name: z.string().nullable(),
  value: z.number().nullable(),
  detail: z.string().nullable(),
});
type AnswerRow = z.output<typeof ANSWER_ROW>;
type SignalRow = z.output<typeof SIGNAL_ROW>;

export interface OpenUnit {
  readonly seq: number;
  readonly arm: number;
  readonly exposedAt: number;
}

const ANSWERS_OF =
  'FROM experiment_units AS unit CROSS JOIN experiment_answers AS answer ON answer.unit_seq = unit.seq CROSS JOIN inferences ON inferences.seq = answer.inference_seq';
const BETWEEN = 'WHERE unit.experiment_id = ? AND unit.closed_at IS NULL AND unit.seq BETWEEN ? AND ?';

/** Reads the answers of open units and what was said of them: by answer, or by episode for whoever is known by it alone. */
export function factStatements(id: string, [first, last]: readonly [number, number]): SqlStatement[] {
  const signal = 'signals.kind, signals.name, signals.value, signals.detail';
  return [
    sql(
      `SELECT answer.unit_seq, inferences.id, inferences.created_at, inferences.status, inferences.first_token_ms, inferences.completion_tokens, texts.response
       ${ANSWERS_OF} LEFT JOIN texts ON texts.seq = inferences.seq ${BETWEEN}`,
      id,
      first,
      last,
    ),
    sql(
      `SELECT answer.unit_seq, inferences.id AS inference_id, inferences.created_at AS answered_at, ${signal}
       ${ANSWERS_OF} CROSS JOIN signals ON signals.inference_id = inferences.id ${BETWEEN} AND signals.is_current = 1
       UNION
       SELECT answer.unit_seq, inferences.episode_id AS inference_id, min(inferences.created_at) AS answered_at, ${signal}
       ${ANSWERS_OF} CROSS JOIN signals ON signals.episode_id = inferences.episode_id ${BETWEEN} AND signals.is_current = 1
         AND signals.inference_id IS NULL GROUP BY answer.unit_seq, signals.seq`,
      id,
      first,
      last,
      id,
      first,
      last,
    ),
  ];
}

/** What became of each unit. */
export function closeUnits(
  definition: ExperimentDefinition,
  units: readonly OpenUnit[],
  [answerRows, signalRows]: readonly (readonly SqlRow[])[],
): ClosedUnit[] {
  const answers = byUnit(parseRows(ANSWER_ROW, answerRows!));
  const signals = byUnit(parseRows(SIGNAL_ROW, signalRows!));
  return units.map((unit) =>
    closeUnit(definition, unit, { answers: answers.get(unit.seq) ?? [], signals: signals.get(unit.seq) ?? [] }),
  );
}

function byUnit<Row extends { readonly unit_seq: number }>(rows: readonly Row[]): Map<number, Row[]> {
  const units = new Map<number, Row[]>();
  for (const row of rows) {
    const some = units.get(row.unit_seq);
    if (some === undefined) units.set(row.unit_seq, [row]);
    else some.push(row);
  }
  return units;
}

function closeUnit(
  definition: ExperimentDefinition,
  unit: OpenUnit,
  { answers, signals }: { readonly answers: readonly AnswerRow[]; readonly signals: readonly SignalRow[] },
): ClosedUnit {
  const { metric } = definition;
  const hits = signals.flatMap((signal) => {
    const value = valueOf(metric, signal);
    return value === undefined || value === 0 ? [] : [{ ...signal, value }];
  });
  const score = (some: readonly { inference_id: string; value: number }[], among: number): number => {
    if (some.length === 0) return 0;
    if (metric.counts === 'any') return Math.max(...some.map(({ value }) => value));
    const best = new Map<string, number>();
    for (const { inference_id: id, value } of some) best.set(id, Math.max(best.get(id) ?? 0, value));
    return Math.min(1, sumOf(best.values()) / Math.max(1, among));
  };
  const dayOf = (at: number): number => Math.max(0, Math.floor((at - unit.exposedAt) / DAY_MS));
  const days = Math.min(MOST_DAYS, Math.max(1, Math.ceil(metric.windowMs / DAY_MS)));
  const ended = answers.filter(({ status }) => status !== null && status !== 'cancelled');
  const refusals = ended.flatMap(({ response }) => (response === null ? [] : [Number(isRefusedAnswer(response))]));
  const isThumbsDown = signals.some(({ kind, value }) => kind === 'thumb' && value === 0);
  return {
    arm: unit.arm,
    outcome: score(hits, answers.length),
    guardrails: {
      error_rate: ended.length === 0 ? 0 : sumOf(ended.map(({ status }) => Number(status === 'failed'))) / ended.length,
      first_token: meanOf(ended.map((row) => capped(row.first_token_ms, MOST_FIRST_TOKEN_MS))),
      length: meanOf(ended.map((row) => capped(row.completion_tokens, MOST_TOKENS))),
      refusal_rate: meanOf(refusals),
      // What decides is itself a reaction: a candidate that is liked less often changes it by that alone.
      response_rate: signals.some(({ kind }) => kind !== kindOf(metric.signal)) ? 1 : 0,
      thumbs_down: isThumbsDown ? 1 : 0,
    },
    days: Array.from({ length: days }, (_, day) =>
      score(
        hits.filter((hit) => dayOf(hit.answered_at) === day),
        answers.filter((answer) => dayOf(answer.created_at) === day).length,
      ),
    ),
  };
}

function kindOf(signal: SignalName): string {
  return signal === 'thumbs_up' || signal === 'thumbs_down' ? 'thumb' : signal;
}

/** What a signal is worth to the metric, in [0, 1]; undefined where it is another's. */
function valueOf(
  { signal, name }: ExperimentDefinition['metric'],
  row: Pick<SignalRow, 'kind' | 'name' | 'value' | 'detail'>,
): number | undefined {
  const { kind, value } = row;
  switch (signal) {
    case 'thumbs_down':
      return kind === 'thumb' && value !== null ? 1 - value : undefined;
    case 'thumbs_up':
      return kind === 'thumb' ? (value ?? undefined) : undefined;
    case 'accept':
      return kind === 'accept' ? (value ?? undefined) : undefined;
    case 'rating': {
      if (kind !== 'rating' || value === null) return undefined;
      const { scale } = JSON.parse(row.detail ?? '{}') as { scale?: readonly [number, number] };
      const [low, high] = scale ?? [1, 5];
      return clipped((value - low) / (high - low));
    }
    case 'outcome':
      return kind === 'outcome' && row.name === name && value !== null ? clipped(value) : undefined;
    case 'edit':
    case 'regenerate':
    case 'copy':
      return kind === signal ? 1 : undefined;
  }
}

function isRefusedAnswer(response: string): boolean {
  const { choices = [] } = JSON.parse(response) as {
    choices?: readonly { message?: { content?: string | null; refusal?: string | null }; text?: string }[];
  };
  return choices.some(
    ({ message, text }) => typeof message?.refusal === 'string' || isRefusal(message?.content ?? text ?? ''),
  );
}

function capped(value: number | null, most: number): number | undefined {
  return value === null ? undefined : Math.min(value, most);
}

function clipped(value: number): number {
  return Math.min(1, Math.max(0, value));
}

function meanOf(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? undefined : sumOf(known) / known.length;
}

function sumOf(values: Iterable<number>): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum;
}
