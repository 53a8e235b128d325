import { join } from 'node:path';
import { METRICS_FILE, readMetrics } from '../../store/index.ts';

/** Our names, and those of OpenAI's and Azure's result files. Others keep their own. */
const NAMES: readonly (readonly [string, string])[] = [
  ['loss', 'train_loss'],
  ['rewards/accuracies', 'train_accuracy'],
  ['mean_token_accuracy', 'train_mean_token_accuracy'],
  ['eval_loss', 'valid_loss'],
  ['eval_rewards/accuracies', 'valid_accuracy'],
  ['eval_mean_token_accuracy', 'valid_mean_token_accuracy'],
];

/** A metric's name as clients of OpenAI know it. */
export function resultName(name: string): string {
  return NAMES.find(([own]) => own === name)?.[1] ?? name;
}

/** The metrics of a run as a table: a line a step, held-out rows in the line of their step; empty where nothing was measured. */
export function resultCsv(run: string): string {
  const steps = new Map<number, Map<string, number>>();
  const names = new Set<string>();
  for (const record of readMetrics(join(run, METRICS_FILE))) {
    const row = steps.get(record.step) ?? new Map<string, number>();
    steps.set(record.step, row);
    for (const [name, value] of Object.entries(record))
      if (name !== 'step' && typeof value === 'number') {
        row.set(resultName(name), value);
        names.add(resultName(name));
      }
  }
  const known = NAMES.map(([, name]) => name).filter((name) => names.has(name));
  const columns = [...known, ...[...names].filter((name) => !known.includes(name))];
  const lines = [...steps]
    .toSorted(([a], [b]) => a - b)
    .map(([step, row]) => [step, ...columns.map((name) => row.get(name) ?? '')].join(','));
  return `${[['step', ...columns].join(','), ...lines].join('\n')}\n`;
}
