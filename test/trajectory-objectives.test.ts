import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { resolveObjective, type ObjectiveRequest } from '../src/objectives/index.ts';
import { openDevice, type Device } from '../src/runtime/index.ts';
import type { OpenedModel } from '../src/policy/index.ts';
import type { ReferenceValues } from '../src/score/index.ts';
import type { StepRecord } from '../src/train/index.ts';
import { hasStories, openStories, skipWithoutStories } from './support/stories.ts';
import {
  OBJECTIVES_ADAPTER,
  openStart,
  recorded,
  recordedPairs,
  referenceOfPairs,
  trainTrajectory,
  type Start,
} from './support/trajectory.ts';

/**
 * Every paired loss that TRL has, step by step beside TRL's trainers in float32: the loss within 1e-4 of its size at every step, the
 * gradient norm within 1e-2. TRL takes 4 pairs in one piece (or one by one, in runs named _rows), ours are cut into micro-batches
 * of about two pairs, which must change nothing for losses that couple the rows of a batch either.
 */
type RunName = keyof typeof recorded.runs;

interface Case extends ObjectiveRequest {
  /** Metrics of TRL that are not what ours are under the same name. */
  readonly apart?: readonly string[];
  /** Largest difference, in the size of what was recorded, where rounding alone is carried further than 1e-4. */
  readonly within?: number;
  readonly prompts?: 'bare';
}

const COMPAT = { compat: 'trl-1' } as const;
const REWARDS = ['rewards/chosen', 'rewards/rejected', 'rewards/margins', 'rewards/accuracies'];
/** SimPO, ORPO: TRL's log-probabilities are means over tokens. */
const LENGTHS = ['logps/chosen', 'logps/rejected'];
/** The trainer of DPO measures from a reference that `sft` does not read; a reward of `sft` is the mean log-probability of a token. */
const FREE = REWARDS;
/**
 * The score is exp(0.7 |a|) or exp(|a|) of a log-ratio a, so that the rounding of a sum of log p (1e-5 nats and more) is a relative error of the loss: 24 is
 * computed to 2e-4, by us too when the batch is cut otherwise, and TRL's own float64 run differs by 5e-5.
 */
const EXPONENTIAL = 1e-3;
/** The slope of the modulation is 1 / tau = 20, and its loss not convex: rewards drift by 1e-4 in 15 steps, as between two cuts of ours. */
const STEEP = 5e-4;

/** LD-DPO: log-probabilities in losses and metrics with the ends weighed down. */
const CLOSE = 1e-5;

const CASES: Readonly<Record<string, Case>> = {
  sigmoid: { objective: 'sigmoid', ...COMPAT },
  hinge: { objective: 'hinge', options: { beta: 0.5 } },
  ipo: { objective: 'ipo', options: { beta: 1 }, ...COMPAT },
  exo_pair: { objective: 'exo_pair' },
  exo_pair_smoothed: { objective: 'exo_pair', options: { labelSmoothing: 0.1 } },
  nca_pair: { objective: 'nca_pair', ...COMPAT },
  robust: { objective: 'robust', options: { labelSmoothing: 0.1 } },
  bco_pair: { objective: 'bco_pair', ...COMPAT },
  sppo_hard: { objective: 'sppo_hard', options: { beta: 0.5 }, ...COMPAT },
  aot: { objective: 'aot', options: { beta: 0.1 } },
  aot_smoothed: { objective: 'aot', options: { beta: 0.1, labelSmoothing: 0.1 } },
  aot_unpaired: { objective: 'aot_unpaired', options: { beta: 0.1 } },
  aot_unpaired_smoothed: { objective: 'aot_unpaired', options: { beta: 0.1, labelSmoothing: 0.1 } },
  apo_zero: { objective: 'apo_zero' },
  apo_down: { objective: 'apo_down' },
  discopop: { objective: 'discopop', options: { beta: 0.1 }, within: STEEP },
  discopop_wide: { objective: 'discopop', options: { beta: 0.1, discopopTau: 0.5 } },
  sigmoid_norm: { objective: 'sigmoid_norm', options: { beta: 5 }, ...COMPAT },
  sft: { objective: 'sft', ...COMPAT, apart: FREE },
  sft_rows: { objective: 'sft', apart: FREE },
  sigmoid_forward_kl: { objective: 'sigmoid', options: { fDivergence: 'forward_kl' }, ...COMPAT },
  sigmoid_js: { objective: 'sigmoid', options: { fDivergence: 'js_divergence' }, ...COMPAT },
  sigmoid_alpha: { objective: 'sigmoid', options: { fDivergence: 'alpha_divergence', fAlpha: 0.5 }, ...COMPAT },
  hinge_alpha: {
    objective: 'hinge',
    options: { fDivergence: 'alpha_divergence', fAlpha: 0.3 },
    ...COMPAT,
    within: EXPONENTIAL,
  },
  robust_forward_kl: { objective: 'robust', options: { fDivergence: 'forward_kl', labelSmoothing: 0.1 } },
  ipo_js: { objective: 'ipo', options: { beta: 2, fDivergence: 'js_divergence' }, ...COMPAT },
  exo_pair_js: { objective: 'exo_pair', options: { fDivergence: 'js_divergence', labelSmoothing: 0.01 } },
  discopop_forward_kl: {
    objective: 'discopop',
    options: { beta: 0.1, fDivergence: 'forward_kl' },
    within: EXPONENTIAL,
  },
  sigmoid_norm_forward_kl: {
    objective: 'sigmoid_norm',
    options: { beta: 5, fDivergence: 'forward_kl' },
    ...COMPAT,
    within: EXPONENTIAL,
  },
  wpo: { objective: 'wpo', ...COMPAT },
  wpo_nca_pair: { objective: 'nca_pair', options: { weighting: 'wpo' }, ...COMPAT },
  ld_dpo: { objective: 'ld_dpo', options: { ldAlpha: 0.5 }, ...COMPAT, within: CLOSE },
  ld_ipo: { objective: 'ipo', options: { beta: 1, ldAlpha: 0.3 }, ...COMPAT, within: CLOSE },
  ld_aot_unpaired: { objective: 'aot_unpaired', options: { beta: 0.1, ldAlpha: 0 }, ...COMPAT, within: CLOSE },
  mpo: { objective: 'mpo', ...COMPAT },
  rpo_rows: { objective: 'rpo' },
  mixed_coupled: { objective: 'aot,ipo:0.5,apo_down:0.25', options: { beta: 0.3 }, ...COMPAT },
  cpo: { objective: 'cpo(cpoAlpha=0),sft(sftMean=batch)' },
  cpo_rows: { objective: 'cpo', options: { cpoAlpha: 0.5 } },
  cpo_smoothed: { objective: 'cpo', options: { cpoAlpha: 0, labelSmoothing: 0.1 } },
  simpo: { objective: 'simpo', options: { simpoGamma: 0.5 }, apart: LENGTHS },
  cpo_simpo: { objective: 'simpo(simpoGamma=0.5),sft(sftMean=batch)', apart: LENGTHS },
  orpo_rows: { objective: 'orpo', apart: LENGTHS, prompts: 'bare' },
};

/** Recorded runs with a test of their own; references that move are in trajectory-reference.test.ts. */
const OTHERS = ['sigmoid_smoothed', 'orpo', 'tr_dpo_soft', 'tr_dpo_hard'] as const;

/** Two pairs, about. */
const MICRO_BATCH_TOKENS = 110;

function largest(values: readonly number[]): number {
  return Math.max(...values.map(Math.abs));
}

/** Largest difference over all steps, in units of the size of what was recorded (the largest value, at least `floor`). */
function apart(ours: readonly number[], theirs: readonly number[], floor: number): number {
  return largest(ours.map((value, step) => value - theirs[step]!)) / Math.max(largest(theirs), floor);
}

/** log p - log(1 - p) of an answer's mean log-probability. */
function logOdds(sum: number, length: number): number {
  return sum / length - Math.log1p(-Math.exp(sum / length));
}

skipWithoutStories();

it('every recorded run is accounted for', () => {
  expect([...Object.keys(CASES), ...OTHERS].toSorted()).toEqual(Object.keys(recorded.runs).toSorted());
});

describe.skipIf(!hasStories)('objectives beside TRL', () => {
  let device: Device;
  let opened: OpenedModel;
  let start: Start;
  const references = new Map<string, ReferenceValues>();

  beforeAll(async () => {
    device = await openDevice({ device: 'cpu' });
    opened = await openStories();
    start = await openStart(device, opened);
    for (const prompts of ['whole', 'bare'] as const)
      references.set(prompts, await referenceOfPairs(start, recordedPairs(prompts)));
  });

  afterAll(async () => {
    await device.dispose();
    await opened.files.close();
  });

  function train({
    prompts = 'whole' as 'whole' | 'bare',
    ...request
  }: ObjectiveRequest & { prompts?: 'whole' | 'bare' }): Promise<StepRecord[]> {
    return trainTrajectory(start, {
      objective: resolveObjective(request),
      rows: recordedPairs(prompts),
      adapter: OBJECTIVES_ADAPTER,
      reference: references.get(prompts)!,
      learningRate: recorded.learning_rate,
      batchSize: recorded.batch,
      microBatchTokens: MICRO_BATCH_TOKENS,
      totalSteps: recorded.steps,
    });
  }

  it.each(Object.entries(CASES))('%s', async (name, { apart: other = [], within = 1e-4, ...request }) => {
    const theirs = recorded.runs[name as RunName]!;
    const steps = await train(request);
    const ours = (metric: string): number[] => steps.map(({ metrics }) => metrics[metric]!);
    const loss = apart(ours('loss'), theirs.loss, 1e-3);
    const norm = largest(ours('grad_norm').map((value, step) => value / theirs.grad_norm[step]! - 1));
    expect(steps.length).toBe(recorded.steps);
    expect(loss).toBeLessThan(within);
    expect(norm).toBeLessThan(1e-2);
    for (const metric of [...REWARDS, 'logps/chosen', 'logps/rejected']) {
      if (other.includes(metric)) continue;
      // At the start all pairs tie under a reference: one half here, 0 in TRL.
      const from = metric === 'rewards/accuracies' && (theirs[metric] as number[])[0] === 0 ? 1 : 0;
      const [mine, recordedOnes] = [ours(metric), theirs[metric] as number[]].map((values) => values.slice(from));
      expect(recordedOnes!.length, metric).toBe(recorded.steps - from);
      expect(apart(mine!, recordedOnes!, 1), metric).toBeLessThan(within);
    }
  });

  it('rewards of LD-DPO are of what the loss sees; logps are those of whole answers but in the modes of TRL', async () => {
    const request = { objective: 'ld_dpo', options: { ldAlpha: 0.5 } } as const;
    const theirs = recorded.runs['ld_dpo']!;
    const steps = await train(request);
    const ours = (metric: string): number[] => steps.map(({ metrics }) => metrics[metric]!);
    expect(apart(ours('rewards/margins'), theirs['rewards/margins'] as number[], 1)).toBeLessThan(CLOSE);
    expect(apart(ours('logps/chosen'), theirs['logps/chosen'] as number[], 1)).toBeGreaterThan(1e-2);
  });

  it("TRL's sigmoid ignores label_smoothing, and compat trl-1 refuses it", () => {
    const { sigmoid, sigmoid_smoothed: smoothed } = recorded.runs;
    expect(smoothed!.settings['label_smoothing']).toBe(0.1);
    expect(smoothed!.loss).toEqual(sigmoid!.loss);
    expect(() => resolveObjective({ objective: 'sigmoid', options: { labelSmoothing: 0.1 }, ...COMPAT })).toThrow(
      'labelSmoothing: has no effect with objective sigmoid under compat trl-1',
    );
  });

  it("TRL's ORPO has the tokens of prompt and answer in the likelihood, and the answer's alone in the odds", async () => {
    const theirs = recorded.runs['orpo']!;
    const rows = recordedPairs().slice(0, recorded.batch);
    const joined = rows.map((row) => ({
      ...row,
      prompt: row.prompt.slice(0, 1),
      chosen: Int32Array.of(...row.prompt.slice(1), ...row.chosen),
    }));
    const { logps: likelihoods } = await referenceOfPairs(start, joined);
    const { logps } = await referenceOfPairs(start, rows);
    const nll =
      -joined.reduce((sum, _row, i) => sum + likelihoods[2 * i]!, 0) /
      joined.reduce((sum, { chosen }) => sum + chosen.length, 0);
    const ratios = rows.map(({ chosen, rejected }, i) => {
      const o = logOdds(logps[2 * i]!, chosen.length) - logOdds(logps[2 * i + 1]!, rejected.length);
      return -Math.log1p(Math.exp(-o));
    });
    const ratio = ratios.reduce((sum, value) => sum + value, 0) / rows.length;
    expect(nll).toBeCloseTo((theirs['nll_loss'] as number[])[0]!, 4);
    expect(ratio).toBeCloseTo((theirs['log_odds_ratio'] as number[])[0]!, 4);
    expect(nll - 0.1 * ratio).toBeCloseTo(theirs.loss[0]!, 4);
  });
});
