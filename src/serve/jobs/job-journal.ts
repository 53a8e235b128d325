import type { JsonObject } from '../../core/index.ts';
import type { JobEvent, JobRecord, Ledger } from '../../ledger/index.ts';
import { resultName } from './result-csv.ts';
import type { TrainingEvent } from './training-process.ts';

type NewEvent = Omit<JobEvent, 'id' | 'jobId' | 'createdAt'>;

/** Metrics of so many steps become events, evenly spread. */
const MOST_STEP_EVENTS = 200;

/** The events of a job as its training tells them. */
export interface Journal {
  readonly take: (event: TrainingEvent) => void;
  readonly flush: () => Promise<void>;
  readonly isDone: boolean;
  readonly error: { readonly code: string; readonly message: string } | undefined;
}

/** What a training tells, as events of its job; written in their order, while the training goes on. */
export function createJournal({ id }: JobRecord, ledger: Ledger): Journal {
  let writing: Promise<void> = Promise.resolve();
  let failure: unknown;
  let isDone = false;
  let error: Journal['error'];
  const write = (event: NewEvent): void => {
    writing = writing
      .then(() => ledger.jobs.addEvents(id, [event]))
      .catch((thrown: unknown) => (failure ??= thrown) as undefined);
  };
  const tell = (level: NewEvent['level'], message: string): void => write({ level, type: 'message', message });
  const take = (event: TrainingEvent): void => {
    switch (event.event) {
      case 'start':
        tell('info', `Training begins: ${String(event['total'])} steps, ${String(event['done'])} of them done`);
        break;
      case 'step':
      case 'evaluation': {
        const { step, totalSteps } = event as unknown as { step: number; totalSteps?: number };
        if (totalSteps !== undefined && !isTold(step, totalSteps)) break;
        const metrics = numbersOf(event['metrics'] as JsonObject, event.event === 'evaluation' ? 'eval_' : '');
        const loss = metrics['train_loss'] ?? metrics['valid_loss'];
        write({
          level: 'info',
          type: 'metrics',
          message: `Step ${step}${totalSteps === undefined ? '' : `/${totalSteps}`}: ${event.event === 'step' ? 'training' : 'validation'} loss=${loss?.toFixed(4) ?? 'none'}`,
          data: { step, ...(totalSteps !== undefined && { total_steps: totalSteps }), ...metrics },
        });
        break;
      }
      case 'warning':
        tell('warn', String(event['message']));
        break;
      case 'finding':
        write({ level: 'warn', type: 'message', message: findingText(event), data: event['finding'] as JsonObject });
        break;
      case 'done':
        isDone = true;
        break;
      case 'error': {
        const { code, problems } = event['error'] as unknown as {
          code: string;
          problems: { message: string; line?: number }[];
        };
        const lines = problems.map(({ message, line }) => (line === undefined ? message : `line ${line}: ${message}`));
        error = { code, message: lines.join('\n').slice(0, 8000) };
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

function findingText(event: TrainingEvent): string {
  const { name, message } = event['finding'] as unknown as { name: string; message?: string };
  return message ?? name;
}

/** Metrics that are numbers, by the names that clients know. `prefix` is what the names of held-out rows have in metrics.jsonl and not in events. */
export function numbersOf(metrics: JsonObject, prefix = ''): Record<string, number> {
  const numbers = Object.entries(metrics).filter(([name, value]) => typeof value === 'number' && name !== 'step');
  return Object.fromEntries(
    numbers.map(([name, value]) => [resultName(name.startsWith(prefix) ? name : prefix + name), value as number]),
  );
}
