import { percent } from '../core/index.ts';
import { clipsMore, either, isOfPairs as takesPairs, joined, others, raisesBeta, warmsLonger } from './advice.ts';
import { shown, type Detector, type RunFacts } from './finding.ts';
import {
  changeOf,
  changeTooShort,
  meanOf,
  medianOf,
  needed,
  WINDOW,
  type Change,
  type History,
  type Point,
} from './history.ts';
import { betaOf, isReferenceFree } from './reward-detectors.ts';

function lacksLoss(history: History): string | undefined {
  return history.points('loss').length > 0 ? undefined : 'no training loss was logged';
}

function largest(points: readonly Point[]): number {
  return Math.max(...points.map(({ value }) => Math.abs(value)));
}

function isOfPairs(history: History, { recipe }: RunFacts): boolean {
  return recipe !== 'sft' && history.points('rewards/chosen').length > 0;
}

/** The loss that the run began with. */
function firstLossOf(history: History, { firstLoss }: RunFacts): Point | undefined {
  if (firstLoss !== undefined) return { step: 0, value: firstLoss };
  const evaluated = history.points('eval_loss')[0];
  return evaluated?.step === 0 ? evaluated : history.points('loss')[0];
}

export const OVERFITTING: Detector = {
  title: 'training rows are learned by heart',
  sentence: 'The model knows the training rows while it gets worse at rows that it has not seen.',
  advice: (facts) => joined(learnsLess(facts), holdsMargins(facts)),
  source:
    'Tunstall et al. 2023, arXiv 2310.16944 (held-out loss rises from epoch 2); Azar et al. 2023, arXiv 2310.12036',
  thresholds: { accuracy: 0.95, loss: 0.1, sftLoss: 0.05 },
  rule: ({ accuracy, loss, sftLoss }) =>
    `held-out loss ${percent(loss!, 0)} above its lowest, or not below the first, in the last two evaluations at a training accuracy of ${accuracy}; in supervised training ${percent(sftLoss!, 0)} while training loss falls`,
  lacks: (history) =>
    lacksLoss(history) ??
    (history.points('eval_loss').length > 0 ? undefined : 'nothing was held out (--held-out-fraction)'),
  tooShort: (history) => needed(3, 'evaluations', history.points('eval_loss').length),
  detect: (history, { facts, thresholds }) => {
    const evaluations = history.points('eval_loss');
    const [before, last] = evaluations.slice(-2);
    if (before === undefined || last === undefined || evaluations.length < 3) return undefined;
    const best = evaluations.reduce((least, point) => (point.value < least.value ? point : least));
    const ofPairs = isOfPairs(history, facts);
    const start = firstLossOf(history, facts)?.value ?? Infinity;
    // Near 0 a tenth more is nothing: what counts is seen beside the loss before training, too.
    const least = ofPairs && Number.isFinite(start) ? LEAST_RISE * Math.abs(start) : 0;
    const rise = Math.max(Math.abs(best.value) * thresholds[ofPairs ? 'loss' : 'sftLoss']!, least);
    const limit = best.value + rise;
    const hasRisen = before.step > best.step && before.value >= limit && last.value >= limit;
    const mayRise = facts.objective?.risesAtStart === true;
    const isAtStart = ofPairs && !mayRise && before.step > 0 && before.value >= start && last.value >= start;
    if (!hasRisen && !isAtStart) return undefined;
    const from = hasRisen ? best : { step: 0, value: start };
    const heldOut = `held-out loss ${shown(from.value)} (step ${from.step}), ${shown(last.value)} (step ${last.step})`;
    const training = history.points(ofPairs ? 'rewards/accuracies' : 'loss').slice(-WINDOW);
    const now = meanOf(training);
    const values = { best: from.value, bestStep: from.step, last: last.value, training: now };
    if (ofPairs) {
      if (!(now >= thresholds['accuracy']!)) return undefined;
      return { text: `${heldOut}; training accuracy ${percent(now, 0)}`, values };
    }
    const then = meanOf(
      history
        .points('loss')
        .filter(({ step }) => step <= best.step)
        .slice(-WINDOW),
    );
    if (!(now < then)) return undefined;
    return { text: `${heldOut}; training loss ${shown(then)}, then ${shown(now)}`, values };
  },
};

/** Share of the first loss. */
const LEAST_RISE = 0.02;

function learnsLess({ settings, ...facts }: RunFacts): string {
  const ways = [
    settings?.epochs === undefined || settings.epochs > 1 ? 'train fewer epochs (one is usual)' : '',
    'keep an earlier checkpoint',
    raisesBeta(facts) ? 'raise --beta' : '',
    'bring more data',
  ];
  return either(ways.filter((part) => part !== ''))!;
}

/** What gives margins a target. */
function holdsMargins(facts: RunFacts): string | undefined {
  const { objective } = facts;
  const losses = takesPairs(facts) ? others(['ipo'], facts).map((name) => `--objective ${name}`) : [];
  const smoothing = objective === undefined ? 'label smoothing' : objective.canSmooth ? '--label-smoothing 0.1' : '';
  const ways = [...losses, smoothing].filter((part) => part !== '');
  return ways.length === 0 ? undefined : `${either(ways)} ${ways.length > 1 ? 'hold' : 'holds'} margins down`;
}

export const GRADIENT_SPIKES: Detector = {
  title: 'gradients spike',
  sentence:
    'A few batches push the weights many times harder than the others, and each push can undo what was learned.',
  advice: (facts) =>
    `${clipsMore(facts)}, lower --learning-rate, and look at the rows of these steps: very long answers, broken text or wrong templates are the usual ones`,
  source:
    'Huang et al. 2025, arXiv 2501.06842 (spikes of gradients in language models); Chowdhery et al. 2022, arXiv 2204.02311, section 5.1',
  thresholds: { ratio: 10, times: 2, single: 50, before: 8, opening: 2 },
  rule: ({ ratio, times, single, before, opening }) =>
    `${ratio} times the median of the 50 logged steps before and ${opening} times any of the first ${before}, ${times} times; or once ${single} times`,
  lacks: (history) => (history.points('grad_norm').length > 0 ? undefined : 'no grad_norm was logged'),
  tooShort: (history) => needed(9, 'logged steps', history.points('grad_norm').length),
  detect: (history, { thresholds }) => {
    const norms = history.points('grad_norm');
    const { ratio, times, single, before, opening } = thresholds as Record<
      'ratio' | 'times' | 'single' | 'before' | 'opening',
      number
    >;
    if (norms.length <= before) return undefined;
    // Where the loss is nearly 0 gradients are too, and ordinary ones stand out.
    const least = opening * Math.max(...norms.slice(0, before).map(({ value }) => value));
    const spikeAt = (at: number): { step: number; norm: number; ratio: number } | undefined => {
      const { step, value } = norms[at]!;
      if (value <= least) return undefined;
      const by = value / medianOf(norms.slice(Math.max(0, at - SPIKE_MEDIAN), at));
      return by >= ratio ? { step, norm: value, ratio: by } : undefined;
    };
    if (spikeAt(norms.length - 1) === undefined) return undefined;
    const from = Math.max(before, norms.length - MAX_SPIKE_REACH);
    const spikes = norms.slice(from).flatMap((_, i) => spikeAt(from + i) ?? []);
    const highest = spikes.reduce((most, spike) => Math.max(most, spike.ratio), 0);
    if (spikes.length < times && highest < single) return undefined;
    const named = spikes
      .slice(0, 5)
      .map(({ step, norm, ratio: by }) => `${shown(norm)} at step ${step} (${by.toFixed(0)} times the median)`);
    return { text: `grad_norm ${named.join(', ')}`, values: { spikes: spikes.length, highest } };
  },
};

const SPIKE_MEDIAN = 50;
/** Spikes further apart than this do not belong together. */
const MAX_SPIKE_REACH = 500;

export const DEAD_ADAPTER: Detector = {
  title: 'nothing is being trained',
  sentence:
    'The steps leave the model as it was: no gradient reaches the weights, or the weights do not reach the answers.',
  advice: ({ settings }) =>
    settings?.method === 'full'
      ? 'look whether --learning-rate is above 0, and whether the answers have scored tokens (--show-tokens)'
      : 'look whether --targets name layers of this model, whether --lora.alpha and --learning-rate are above 0, and whether the answers have scored tokens (--show-tokens)',
  source:
    'Hu et al. 2021, arXiv 2106.09685: B starts at 0, so an adapter that works leaves its start with the first steps',
  thresholds: { steps: 5, gradient: 1e-6, nats: 1e-4, loss: 1e-7 },
  rule: ({ steps, gradient, nats, loss }) =>
    `${steps} logged steps with a gradient norm below ${gradient} or rewards below ${nats} nats (times beta); of supervised training, held-out loss unchanged to a relative ${loss}`,
  lacks: lacksLoss,
  tooShort: (history) => needed(6, 'logged steps', history.points('loss').length),
  detect: (history, { facts, thresholds }) => {
    const limit = (name: string): number => thresholds[name]!;
    const rates = history.points('learning_rate').slice(-limit('steps') - 1);
    const isStarted = rates.length === 0 || (rates.length > limit('steps') && rates.every(({ value }) => value > 0));
    if (!isStarted) return undefined;
    const lastOf = (name: string): readonly Point[] => history.points(name).slice(-limit('steps'));
    const norms = lastOf('grad_norm');
    const start = firstLossOf(history, facts)?.value ?? 0;
    // A loss that is nearly 0 has no gradient for a better reason.
    const isOpen = meanOf(lastOf('loss')) > 0.1 * start;
    if (norms.length === limit('steps') && largest(norms) < limit('gradient') && isOpen)
      return {
        text: `grad_norm at most ${shown(largest(norms))} from step ${norms[0]!.step} to ${norms.at(-1)!.step}`,
        values: { gradient: largest(norms) },
      };
    const rewards = [...lastOf('rewards/chosen'), ...lastOf('rewards/rejected')];
    if (isOfPairs(history, facts) && !isReferenceFree(history, facts) && rewards.length === 2 * limit('steps'))
      return largest(rewards) >= limit('nats') * betaOf(history, facts)
        ? undefined
        : {
            text: `rewards at most ${shown(largest(rewards))} from 0 until step ${rewards.at(-1)!.step}`,
            values: { reward: largest(rewards) },
          };
    const loss = changeOf(history, 'loss');
    if (loss?.where !== 'held-out' || loss.step - loss.firstStep < limit('steps')) return undefined;
    if (Math.abs(loss.now - loss.first) > limit('loss') * Math.abs(loss.first)) return undefined;
    return {
      text: `held-out loss ${loss.first} (step ${loss.firstStep}), ${loss.now} (step ${loss.step})`,
      values: { first: loss.first, now: loss.now },
    };
  },
};

export const RATE_TOO_HIGH: Detector = {
  title: 'the learning rate is too high',
  sentence: 'Training makes the loss on its own rows worse than it was at the start: the steps are too long.',
  advice: (facts) =>
    joined(
      'divide --learning-rate by 3 to 10',
      warmsLonger(facts),
      'and start again: what was trained so far is not worth keeping',
    ).replaceAll('; ', ', '),
  source:
    'Bengio 2012, arXiv 1206.5533, section 3.1.1 (the rate above which training loss rises); Rafailov et al. 2023, arXiv 2305.18290, appendix B (1e-6 for whole models)',
  thresholds: { ratio: 1.5, window: 5 },
  rule: ({ ratio, window }) =>
    `a mean loss over ${window} logged steps of ${ratio} times the first, or one that is not finite`,
  lacks: (history) =>
    history.points('loss').length > 0 || history.brokenStep !== undefined ? undefined : 'no training loss was logged',
  tooShort: (history) =>
    history.brokenStep === undefined ? needed(5, 'logged steps', history.points('loss').length) : undefined,
  detect: (history, { facts, thresholds }) => {
    const { brokenStep } = history;
    if (brokenStep !== undefined)
      return { text: `loss or gradient was not finite at step ${brokenStep}`, values: { step: brokenStep } };
    const { ratio, window } = thresholds as Record<'ratio' | 'window', number>;
    const [first, recent] = [firstLossOf(history, facts), history.points('loss').slice(-window)];
    if (first === undefined || first.value <= 0 || recent.length < window) return undefined;
    const now = meanOf(recent);
    const spread = isReferenceFree(history, facts) ? spreadOf(history, window) : 0;
    if (now < Math.max(ratio * first.value, first.value + spread)) return undefined;
    return {
      text: `loss ${shown(first.value)} (step ${first.step}), ${shown(now)} (mean of steps ${recent[0]!.step} to ${recent.at(-1)!.step})`,
      values: { first: first.value, now },
    };
  },
};

/**
 * How much a mean over `window` steps may lie above the first one by the rows alone, where policy and reference do not cancel: three standard errors of a
 * difference, by the first four steps, in which rates are small.
 */
function spreadOf(history: History, window: number): number {
  const first = history.points('loss').slice(0, 4);
  const mean = meanOf(first);
  const variance = meanOf(first.map(({ step, value }) => ({ step, value: (value - mean) ** 2 })));
  return 3 * Math.sqrt(variance * (1 + 1 / window));
}

export const RATE_TOO_LOW: Detector = {
  title: 'the learning rate is too low',
  sentence: 'Most of the run is over and the model answers as it did at the start: it has hardly been trained.',
  advice: ({ settings }) =>
    `multiply --learning-rate by 3 to 10${settings?.method === 'full' ? '' : ' (adapters take about ten times what whole models take)'}, or train longer`,
  source:
    'Bengio 2012, arXiv 1206.5533, section 3.1.1; Schulman et al. 2025, LoRA Without Regret (thinkingmachines.ai/blog/lora): adapters want about ten times the rate',
  thresholds: { nats: 0.2, loss: 0.002, steps: 30, progress: 0.75 },
  rule: ({ nats, loss, steps, progress }) =>
    `after ${steps} steps and ${percent(progress!, 0)} of the run no answer further than ${nats} nats from the start (rewards are times beta); in supervised training, held-out loss less than ${loss} nats below the first`,
  lacks: (history, facts) => {
    const lack = lacksLoss(history);
    if (lack !== undefined || !isOfPairs(history, facts) || !isReferenceFree(history, facts)) return lack;
    return history.points('eval_logps/chosen').length > 0
      ? undefined
      : 'the loss has no reference, and nothing was held out';
  },
  tooShort: ({ step }) => needed(30, 'steps', step),
  detect: (history, { facts, thresholds, isEnd }) => {
    const { nats, loss, steps, progress } = thresholds as Record<'nats' | 'loss' | 'steps' | 'progress', number>;
    const { step } = history;
    const isLate = facts.totalSteps === undefined ? isEnd : step >= progress * facts.totalSteps;
    if (!isLate || step < steps) return undefined;
    if (isOfPairs(history, facts)) {
      const isFree = isReferenceFree(history, facts);
      const metric = isFree ? 'logps' : 'rewards';
      const [chosen, rejected] = [changeOf(history, `${metric}/chosen`), changeOf(history, `${metric}/rejected`)];
      if (chosen === undefined || rejected === undefined) return undefined;
      // Without a reference the start is the first evaluation; with one it is 0.
      const movedBy = ({ first, now }: Change): number => (isFree ? now - first : now);
      const [up, down] = [movedBy(chosen), movedBy(rejected)];
      if (Math.max(Math.abs(up), Math.abs(down)) >= nats * (isFree ? 1 : betaOf(history, facts))) return undefined;
      return {
        text: `${metric} of ${chosen.where} rows ${isFree ? 'changed by ' : ''}${shown(up)} and ${shown(down)} at step ${chosen.step}`,
        values: { chosen: up, rejected: down },
      };
    }
    const change = changeOf(history, 'loss');
    if (change?.where !== 'held-out' || Math.abs(change.first - change.now) >= loss) return undefined;
    return {
      text: `held-out loss ${shown(change.first)} (step ${change.firstStep}), ${shown(change.now)} (step ${change.step})`,
      values: { first: change.first, now: change.now },
    };
  },
};

export const ENTROPY_COLLAPSE: Detector = {
  title: 'entropy collapses',
  sentence:
    'The model has become so sure of every next word that its answers will all be alike, and often repeat themselves.',
  advice: (facts) =>
    `stop earlier, ${raisesBeta(facts) ? 'raise --beta, ' : ''}lower --learning-rate; preftune evaluate says how far distinct words and repetition went`,
  source: 'Cui et al. 2025, arXiv 2505.22617 (entropy of policies in reinforcement learning)',
  thresholds: { share: 0.5 },
  rule: ({ share }) => `${percent(share!, 0)} of the first entropy`,
  lacks: (history, { recipe, objective }) => {
    if (recipe === 'sft') return 'in supervised training entropy falls by what is learned';
    if (objective?.imitates === true || history.points('nll_loss').length > 0)
      return 'the loss trains the likelihood of answers, by which entropy falls';
    const names = ['entropy', 'eval_entropy'];
    return names.some((name) => history.points(name).length > 0) ? undefined : 'no entropy was logged';
  },
  tooShort: (history) => changeTooShort(history, 'entropy'),
  detect: (history, { thresholds }) => {
    const entropy = changeOf(history, 'entropy');
    if (entropy === undefined || entropy.first <= 0 || entropy.now > thresholds['share']! * entropy.first)
      return undefined;
    return {
      text: `entropy of ${entropy.where} rows ${shown(entropy.first)} nats a token (step ${entropy.firstStep}), ${shown(entropy.now)} (step ${entropy.step})`,
      values: { first: entropy.first, now: entropy.now },
    };
  },
};
