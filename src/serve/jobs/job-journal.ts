import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { JsonObject, Problem } from '../../core/index.ts';
import { findingText, type RunFinding } from '../../monitor/index.ts';
import type { JobEvent, JobRecord, Ledger } from '../../ledger/index.ts';
import { METRICS_FILE, readMetrics } from '../../store/index.ts';
import { resultName } from './result-csv.ts';
import type { CommandEvent } from './command-process.ts';

type NewEvent = Omit<JobEvent, 'id' | 'jobId' | 'createdAt'>;

/** Metrics of so many steps become events, evenly spread. */
const MOST_STEP_EVENTS = 200;

/** The events of a job as its training tells them. */
export interface Journal {
  readonly take: (event: CommandEvent) => void;
  readonly flush: () => Promise<void>;
  readonly isDone: boolean;
  readonly error: { readonly code: string; readonly problems: readonly Problem[] } | undefined;
}

export interface JournalOptions {
  readonly ledger: Ledger;
  /** Takes out of a message what clients must not see. */
  readonly clean: (message: string) => string;
  readonly runFolder: string;
  /** A checkpoint is on the disk. Done in the order of the events. */
  readonly onCheckpoint: () => Promise<void>;
}

interface StepEvent {
  readonly step: number;
  /** Of a step; an evaluation has none. */
  readonly totalSteps?: number | undefined;
  readonly metrics: JsonObject;
}

/**
 * What a training tells, as events of its job; written in their order, while the training goes on. Steps that a killed process took behind its last checkpoint come
 * again, with the same numbers, and are told once; those that it took while its server was gone are told when it goes on.
 */
export async function createJournal(
  { id }: JobRecord,
  { ledger, clean, runFolder, onCheckpoint }: JournalOptions,
): Promise<Journal> {
  const told = await lastTold(id, ledger);
  let writing: Promise<void> = Promise.resolve();
  let failure: unknown;
  let isDone = false;
  let error: Journal['error'];
  const then = (work: () => Promise<void>): void => {
    writing = writing.then(work).catch((thrown: unknown) => (failure ??= thrown) as undefined);
  };
  const write = (event: NewEvent): void => then(() => ledger.jobs.addEvents(id, [event]));
  const tell = (level: NewEvent['level'], message: string): void =>
    write({ level, type: 'message', message: clean(message) });
  /** A run that goes on, and one whose rows were checked before, has told them already. */
  const warn = (message: string): void => {
    if (told.warnings.has(clean(message))) return;
    told.warnings.add(clean(message));
    tell('warn', message);
  };
  const tellMetrics = (kind: 'step' | 'evaluation', { step, totalSteps, metrics: given }: StepEvent): void => {
    if (step <= told[kind]) return;
    if (totalSteps !== undefined && !isTold(step, totalSteps)) return;
    const metrics = numbersOf(given, kind === 'evaluation' ? 'eval_' : '');
    const loss = metrics['train_loss'] ?? metrics['valid_loss'];
    write({
      level: 'info',
      type: 'metrics',
      message: `Step ${step}${totalSteps === undefined ? '' : `/${totalSteps}`}: ${kind === 'step' ? 'training' : 'validation'} loss=${loss?.toFixed(4) ?? 'none'}`,
      data: { step, ...(totalSteps !== undefined && { total_steps: totalSteps }), ...metrics },
    });
  };
  /** Steps that were taken while nobody listened stand in the run's metrics. */
  const tellMissed = (done: number, totalSteps: number): void => {
    const path = join(runFolder, METRICS_FILE);
    if (done === 0 || !existsSync(path)) return;
    for (const { step, ...metrics } of readMetrics(path)) {
      if (step > done) continue;
      const kind = Object.keys(metrics).some((name) => name.startsWith('eval_')) ? 'evaluation' : 'step';
      tellMetrics(kind, { step, totalSteps: kind === 'step' ? totalSteps : undefined, metrics: metrics as JsonObject });
    }
  };
  const take = (event: CommandEvent): void => {
    switch (event.event) {
      case 'start':
        tellMissed(Number(event['done']), Number(event['total']));
        tell('info', `Training begins: ${String(event['total'])} steps, ${String(event['done'])} of them done`);
        break;
      case 'step':
      case 'evaluation': {
        const { step, totalSteps, metrics } = event as unknown as StepEvent;
        tellMetrics(event.event, { step, totalSteps, metrics });
        break;
      }
      case 'warning':
        warn(String(event['message']));
        break;
      case 'finding':
        warn(findingText(event['finding'] as unknown as RunFinding));
        break;
      case 'checkpoint':
        then(onCheckpoint);
        break;
      case 'done':
        isDone = true;
        break;
      case 'error': {
        error = event['error'] as unknown as NonNullable<Journal['error']>;
        break;
      }
      default:
        break;
    }
  };
  return {
    take,
    flush: async () => {
      await writing;
      if (failure !== undefined) throw failure;
    },
    get isDone() {
      return isDone;
    },
    get error() {
      return error;
    },
  };
}

/** Every step of a short run, and so many of a long one; the first and the last always. */
function isTold(step: number, totalSteps: number): boolean {
  const every = Math.ceil(totalSteps / MOST_STEP_EVENTS);
  return step === 1 || step === totalSteps || step % every === 0;
}

const TOLD_PAGE = 100;

/** The last step and the last evaluation that events tell, and the warnings of the job's beginning. */
async function lastTold(
  id: string,
  ledger: Ledger,
): Promise<{ readonly step: number; readonly evaluation: number; readonly warnings: Set<string> }> {
  const { items } = await ledger.jobs.events(id, { limit: TOLD_PAGE, order: 'desc' });
  const { items: first } = await ledger.jobs.events(id, { limit: TOLD_PAGE, order: 'asc' });
  const last = (name: string): number =>
    Math.max(-1, ...items.flatMap(({ data }) => (data?.[name] === undefined ? [] : [Number(data['step'])])));
  const warnings = first.filter(({ level }) => level === 'warn').map(({ message }) => message);
  return { step: last('train_loss'), evaluation: last('valid_loss'), warnings: new Set(warnings) };
}

/** Metrics that are numbers, by the names that clients know. `prefix` is what the names of held-out rows have in metrics.jsonl and not in events. */
export function numbersOf(metrics: JsonObject, prefix = ''): Record<string, number> {
  const numbers = Object.entries(metrics).filter(([name, value]) => typeof value === 'number' && name !== 'step');
  return Object.fromEntries(
    numbers.map(([name, value]) => [resultName(name.startsWith(prefix) ? name : prefix + name), value as number]),
  );
}
