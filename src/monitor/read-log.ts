import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { badInput, messageOf } from '../core/index.ts';
import { diskError } from '../files/index.ts';
import { readMetrics, readRunFile, RUN_FILE, type MetricRecord, type RunRecord } from '../store/index.ts';
import { factsOf } from './facts.ts';
import type { RunFacts } from './finding.ts';
import { readSamples } from './sample-file.ts';
import type { JudgedSample } from './sample-verdict.ts';

export interface RunLog {
  /** The file that was read. */
  readonly file: string;
  readonly records: readonly MetricRecord[];
  readonly facts: RunFacts;
  /** Answers before and after training, where the run stored them. */
  readonly samples?: readonly JudgedSample[];
}

/** Larger logs are not logs. */
const MAX_STATE_BYTES = 2 ** 28;

/**
 * The metrics of a run: of a run folder of ours, of a metrics.jsonl, or of what Transformers and TRL leave behind (trainer_state.json, a folder that
 * holds one, or a folder of checkpoints, of which the last one's is read). Throws bad-input when there is none, or when it is not readable.
 * Source: Transformers, TrainerState.log_history.
 */
export function readRunLog(path: string): RunLog {
  if (!existsSync(path))
    throw badInput({
      file: path,
      message: 'must be a run folder, a metrics.jsonl or a trainer_state.json, it does not exist',
    });
  const file = statSync(path).isDirectory() ? logOfFolder(path) : path;
  if (file === undefined)
    throw badInput({
      file: path,
      message: 'must hold metrics.jsonl or trainer_state.json, it holds neither; name a run folder',
    });
  if (file.endsWith('.jsonl')) {
    const folder = join(file, '..');
    const records = requireRecords(file, readMetrics(file));
    if (!existsSync(join(folder, RUN_FILE))) return { file, records, facts: {} };
    const { specification } = readRunFile(folder);
    const samples = readSamples(folder);
    return {
      file,
      records,
      facts: factsOf(specification, totalStepsOf(specification, records)),
      ...(samples && { samples }),
    };
  }
  const { records, totalSteps } = readTrainerState(file);
  return { file, records: requireRecords(file, records), facts: { totalSteps } };
}

/** Records say how many steps an epoch has, and the specification how many epochs there are. */
function totalStepsOf(
  { maxSteps, epochs }: RunRecord['specification'],
  records: readonly MetricRecord[],
): number | undefined {
  if (typeof maxSteps === 'number') return maxSteps;
  const { step, epoch } = records.at(-1)!;
  return typeof epochs === 'number' && typeof epoch === 'number' && epoch > 0
    ? Math.round((epochs * step) / epoch)
    : undefined;
}

function logOfFolder(folder: string): string | undefined {
  const [ours, state] = [join(folder, 'metrics.jsonl'), join(folder, 'trainer_state.json')];
  if (existsSync(ours)) return ours;
  if (existsSync(state)) return state;
  const steps = readdirSync(folder).flatMap((name) => /^checkpoint-(\d+)$/.exec(name)?.[1] ?? []);
  const states = steps
    .toSorted((a, b) => Number(b) - Number(a))
    .map((step) => join(folder, `checkpoint-${step}`, 'trainer_state.json'));
  return states.find((candidate) => existsSync(candidate));
}

function requireRecords(file: string, records: readonly MetricRecord[]): readonly MetricRecord[] {
  if (records.length > 0) return records;
  throw badInput({
    file,
    message: 'must hold logged steps, it holds none; log at least some steps (--log-steps, logging_steps)',
  });
}

function readTrainerState(file: string): { records: MetricRecord[]; totalSteps: number | undefined } {
  let text: string;
  try {
    if (statSync(file).size > MAX_STATE_BYTES)
      throw badInput({ file, message: `must be at most ${MAX_STATE_BYTES} bytes; this is not a trainer's log` });
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw diskError(file, error);
  }
  let state: unknown;
  try {
    state = JSON.parse(withoutBareNumbers(text));
  } catch (error) {
    throw badInput({
      file,
      message: `must be JSON, got ${messageOf(error)}; name a trainer_state.json or a metrics.jsonl`,
    });
  }
  const { log_history: history, max_steps: steps } = (state ?? {}) as { log_history?: unknown; max_steps?: unknown };
  if (!Array.isArray(history))
    throw badInput({
      file,
      message: 'must hold log_history, a list of logged steps; name a trainer_state.json or a metrics.jsonl',
    });
  return {
    records: history.flatMap((entry, index) => recordOf(entry, { file, index })),
    totalSteps: typeof steps === 'number' && steps > 0 ? steps : undefined,
  };
}

/** Python writes NaN and Infinity, which JSON does not have. */
function withoutBareNumbers(text: string): string {
  return text.replaceAll(/"(?:[^"\\]|\\.)*"|-?\bInfinity\b|\bNaN\b/g, (part) => (part.startsWith('"') ? part : 'null'));
}

const NOT_FINITE = /^(?:nan|-?inf(?:inity)?)$/i;

/** A logged step; the summary that ends training is none. Trainers write some numbers as text. */
function recordOf(entry: unknown, { file, index }: { file: string; index: number }): MetricRecord[] {
  const fields = entry as Readonly<Record<string, unknown>> | null;
  const step = fields?.['step'];
  if (typeof step !== 'number' || !Number.isSafeInteger(step) || step < 0)
    throw badInput({
      file,
      message: `log_history[${index}] must have a step, got ${JSON.stringify(entry).slice(0, 80)}; restore the file`,
    });
  if (Object.hasOwn(fields!, 'train_runtime')) return [];
  const numbers: [string, number | null][] = [];
  for (const [name, value] of Object.entries(fields!)) {
    const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
    if (typeof number === 'number' && Number.isFinite(number)) numbers.push([name, number]);
    else if (number === null || NOT_FINITE.test(String(value))) numbers.push([name, null]);
  }
  return [{ ...Object.fromEntries(numbers), step }];
}
