import { isObject, type JsonObject } from '../../core/index.ts';
import type { JobRecord } from '../../ledger/index.ts';
import { readRunFile } from '../../store/index.ts';
import { USUAL_RATES } from './job-options.ts';

/** The hyperparameters of a job with what `auto` came to, as its run recorded it. */
export function resolvedHyperparameters({ request }: JobRecord, runFolder: string): JsonObject {
  const { hyperparameters = {}, recipe } = request as {
    readonly hyperparameters?: JsonObject;
    readonly recipe: 'dpo' | 'sft';
  };
  const { epochs, batchSize, learningRate, objective, optimizer, loss } = readRunFile(runFolder).specification;
  const found: Record<string, unknown> = {
    n_epochs: epochs,
    batch_size: batchSize,
    learning_rate_multiplier: Number((Number(learningRate) / USUAL_RATES[recipe]).toPrecision(12)),
    beta: optionOf(objective, 'beta'),
    l2_multiplier: optionOf(optimizer, 'weightDecay'),
    prompt_loss_weight: loss === 'all' ? 1 : 0,
  };
  return Object.fromEntries(
    Object.entries(hyperparameters).map(([name, value]) => {
      const number = found[name];
      return [name, value === 'auto' && typeof number === 'number' ? number : value];
    }),
  );
}

/** An option of what has a name and options. */
function optionOf(named: unknown, option: string): unknown {
  const options = isObject(named) ? (named as JsonObject)['options'] : undefined;
  return isObject(options) ? (options as JsonObject)[option] : undefined;
}
