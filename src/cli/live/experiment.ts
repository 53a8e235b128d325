import { z } from 'zod';
import { EXPERIMENT_BODY, EXPERIMENT_SIGNALS } from '../../api/index.ts';
import { badInput, count, type JsonValue } from '../../core/index.ts';
import {
  answerExperimentRequest,
  openExperiments,
  type ExperimentObject,
  type ExperimentRequest,
} from '../../experiments/index.ts';
import { askHolder, isHeld, type StoreRequest } from '../../ledger/index.ts';
import { option, present } from '../../options/index.ts';
import { defineCommand } from '../frame/command.ts';
import { STORE, withStore } from '../store/store-options.ts';

/** Who acts by the commands. */
const ACTOR = 'owner';
const KEY = { name: 'key', help: 'the key or id of the experiment', isRequired: true } as const;

/** Asks the server that has the store, or does it here where none has. */
async function ask(store: string, request: ExperimentRequest): Promise<JsonValue> {
  if (isHeld(store)) return askHolder(store, { do: 'room', room: 'experiments', request } as StoreRequest);
  return withStore(store, async (ledger) => {
    const context = { now: ledger.room.now, isLoaded: () => true };
    return answerExperimentRequest(await openExperiments(ledger), request, context);
  });
}

/** `preftune experiment list`: live tests and their verdicts. */
export const EXPERIMENT_LIST = defineCommand({
  name: 'experiment list',
  description: 'Lists live tests of models with their verdicts',
  examples: [
    { does: 'all of them', words: '--store team' },
    { does: 'for a program', words: '--store team --json' },
  ],
  options: z.strictObject({ store: STORE }),
  async run({ store }, { terminal }) {
    const found = (await ask(store, { act: 'list' })) as unknown as {
      readonly experiments: readonly ExperimentObject[];
      readonly aa: { readonly runs: number; readonly false_alarms: number };
    };
    const lines = found.experiments.map(
      ({ key, alias, control, status, units, candidates }) =>
        `${key} on ${alias}, ${status}, ${count(units.closed)} units: ${candidates.map(({ model, verdict }) => `${model} against ${control}: ${verdict.word}`).join('; ')}`,
    );
    const { runs, false_alarms: alarms } = found.aa;
    terminal.result(
      found as unknown as JsonValue,
      [
        ...(lines.length === 0 ? ['no experiments; preftune experiment start begins one'] : lines),
        ...(runs === 0 ? [] : [`of ${runs} tests of a version against itself, ${alarms} found a difference`]),
      ].join('\n'),
    );
  },
});

/** `preftune experiment show`: what a live test has found. */
export const EXPERIMENT_SHOW = defineCommand({
  name: 'experiment show',
  description: 'Says what a live test has found so far: effect, guardrails, sample ratio',
  arguments: [KEY],
  examples: [
    { does: 'for a person', words: 'friendlier --store team' },
    { does: 'with the interval over time, for a program', words: 'friendlier --store team --json' },
  ],
  options: z.strictObject({ store: STORE }),
  async run({ store }, { args, terminal }) {
    const shown = (await ask(store, { act: 'show', id: args[0]! })) as unknown as ExperimentObject;
    terminal.result(shown as unknown as JsonValue, textOf(shown));
  },
});

/** `preftune experiment start`: a live test, from the next request on. */
export const EXPERIMENT_START = defineCommand({
  name: 'experiment start',
  description: 'Tests models against each other on the traffic of a name, from the next request on',
  arguments: [{ name: 'key', help: 'its name: letters, digits and . _ -; used once', isRequired: true }],
  examples: [
    { does: 'one candidate against what prod stands for', words: 'friendlier --store team --candidates friendly' },
    {
      does: 'a version against itself, to try the rule',
      words: 'aa-1 --store team --control base --candidates base --aa',
    },
  ],
  options: z.strictObject({
    store: STORE,
    candidates: option(z.array(z.string().min(1)).min(1).max(7), { help: 'models to test, with commas between' }),
    control: option(z.string().min(1).optional(), { help: 'model to beat', usually: 'what the alias points to' }),
    alias: option(z.string().min(1).default('prod'), { help: 'name that applications ask' }),
    metric: option(z.enum(EXPERIMENT_SIGNALS).default('thumbs_down'), { help: 'what people do that decides' }),
    outcome: option(z.string().min(1).optional(), { help: 'name of the outcome, with --metric outcome' }),
    windowHours: option(z.number().gt(0).max(672).default(24), { help: 'how long a unit is watched' }),
    traffic: option(z.number().gt(0).max(1).default(1), { help: 'share of units that take part' }),
    holdout: option(z.number().min(0).max(0.05).default(0), { help: 'share that is in no experiment: 0.01 to 0.05' }),
    margin: option(z.number().gt(0).max(0.5).default(0.02), { help: 'effects within it are as good as none' }),
    alpha: option(z.number().min(0.0001).max(0.2).default(0.05), { help: 'chance of a false alarm, at all looks' }),
    budget: option(z.int().min(100).max(100_000_000).default(20_000), { help: 'units after which it ends' }),
    aa: option(z.boolean().default(false), { help: 'the same version on both sides' }),
  }),
  async run({ store, metric, outcome, windowHours, aa, ...options }, { args, terminal }) {
    const parsed = EXPERIMENT_BODY.safeParse({
      ...present({ ...options }),
      key: args[0]!,
      is_aa: aa,
      metric: { signal: metric, window_hours: windowHours, ...present({ name: outcome }) },
    });
    if (!parsed.success)
      throw badInput(
        parsed.error.issues.map(({ path, message }) => ({
          message: `experiment start: ${path.join('.')}: ${message}`,
        })),
      );
    const started = (await ask(store, {
      act: 'start',
      definition: parsed.data,
      actor: ACTOR,
    })) as unknown as ExperimentObject;
    const { key, alias, control, candidates } = started;
    terminal.result(
      started as unknown as JsonValue,
      `${key} runs on ${alias}: ${candidates.map(({ model }) => model).join(', ')} against ${control}`,
    );
  },
});

/** `preftune experiment stop`: a live test that takes nobody new. */
export const EXPERIMENT_STOP = defineCommand({
  name: 'experiment stop',
  description: 'Ends a live test: nobody new takes part, and who does is counted to the end',
  arguments: [KEY],
  examples: [
    { does: 'when it has decided', words: 'friendlier --store team --reason "it is better"' },
    { does: 'from a program', words: 'friendlier --store team --reason "a fault" --json' },
  ],
  options: z.strictObject({
    store: STORE,
    reason: option(z.string().min(1).max(1000), { help: 'why, for those who look later' }),
  }),
  async run({ store, reason }, { args, terminal }) {
    const stopped = (await ask(store, {
      act: 'stop',
      id: args[0]!,
      reason,
      actor: ACTOR,
    })) as unknown as ExperimentObject;
    terminal.result(stopped as unknown as JsonValue, textOf(stopped));
  },
});

function textOf({
  key,
  alias,
  control,
  status,
  reason,
  problem,
  units,
  sample_ratio: ratio,
  candidates,
}: ExperimentObject): string {
  return [
    `${key} on ${alias} is ${status}${reason === null ? '' : ` (${reason})`}`,
    ...(problem === null ? [] : [problem]),
    `${count(units.exposed)} units: ${count(units.closed)} closed, ${count(units.open)} open, ${count(units.crossed)} seen in two arms and left out`,
    `sample ratio: ${ratio.exposed.map((arm) => count(arm)).join(' / ')}, ${ratio.is_alarm ? 'not as it should be' : 'as it should be'} (p ${ratio.p.toPrecision(2)})`,
    ...candidates.flatMap(({ model, verdict, guardrails }) => [
      `${model} against ${control}: ${verdict.word}. ${verdict.text}`,
      ...guardrails.map(({ text }) => `  ${text}`),
    ]),
  ].join('\n');
}
