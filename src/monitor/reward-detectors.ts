import { percent } from '../core/index.ts';
import { either, holdsChosen, isOfPairs, joined, others, raisesBeta } from './advice.ts';
import { shown, type Detector, type RunFacts } from './finding.ts';
import { changeOf, changeTooShort, meanOf, needed, rewardsOf, WINDOW, type Change, type History } from './history.ts';

/** TRL's, where nothing is known of it. */
const USUAL_BETA = 0.1;

/** Nats of chosen log-probability that are one unit of reward. */
export function betaOf(history: History, facts: RunFacts): number {
  const scheduled = history.points('beta').at(-1)?.value;
  return scheduled ?? facts.beta ?? measuredBeta(history) ?? USUAL_BETA;
}

/** Held-out rows and their reference stay the same, so that reward changes by beta times what their log-probability changes by. */
function measuredBeta(history: History): number | undefined {
  const [rewards, logps] = [history.points('eval_rewards/chosen'), history.points('eval_logps/chosen')];
  if (rewards.length < 2 || logps.length !== rewards.length) return undefined;
  const moved = logps.at(-1)!.value - logps[0]!.value;
  const beta = (rewards.at(-1)!.value - rewards[0]!.value) / moved;
  return Math.abs(moved) > 0.01 && beta > 0 && Number.isFinite(beta) ? beta : undefined;
}

/** Whether rewards are measured from 0: known of the objective, else rewards are one number times the log-probability itself. */
export function isReferenceFree(history: History, { objective }: RunFacts): boolean {
  if (objective !== undefined) return !objective.needsReference;
  const ratio = (side: string): number => {
    const prefix = history.points('eval_rewards/chosen').length > 0 ? 'eval_' : '';
    const [reward, logp] = ['rewards', 'logps'].map((name) => history.points(`${prefix}${name}/${side}`)[0]);
    return reward === undefined || logp === undefined ? NaN : reward.value / logp.value;
  };
  const [chosen, rejected] = [ratio('chosen'), ratio('rejected')];
  return chosen > 0 && Math.abs(chosen / rejected - 1) < 1e-3;
}

function lacksRewards(history: History, { recipe }: RunFacts): string | undefined {
  if (recipe === 'sft') return 'supervised training has no pairs';
  const names = ['rewards/chosen', 'eval_rewards/chosen'];
  return names.some((name) => history.points(name).length > 0) ? undefined : 'no rewards were logged';
}

function lacksReference(history: History, facts: RunFacts): string | undefined {
  return lacksRewards(history, facts) ?? (isReferenceFree(history, facts) ? 'the loss has no reference' : undefined);
}

/** Rewards in which a nat of log-probability counts beta, wherever it is. */
function lacksLinear(history: History, facts: RunFacts): string | undefined {
  return (
    lacksReference(history, facts) ??
    (facts.objective?.reward === 'chi-squared' ? 'the reward of the loss grows with exp(log-ratio)' : undefined)
  );
}

function lowersChosen({ objective }: RunFacts): string | undefined {
  return objective?.lowersChosen === true ? 'the loss lowers chosen answers by design' : undefined;
}

/** `rewards/chosen of held-out rows 0 (step 0), -1.20 (step 64)`. */
function way(name: string, { first, now, firstStep, step, where }: Change): string {
  return `${name} of ${where} rows ${shown(first)} (step ${firstStep}), ${shown(now)} (step ${step})`;
}

/** Mean scored tokens of chosen answers; undefined where they were not logged. */
function chosenTokens(history: History): number | undefined {
  const heldOut = history.points('eval_lengths/chosen').at(-1)?.value;
  if (heldOut !== undefined) return heldOut;
  const training = history.points('lengths/chosen');
  return training.length === 0 ? undefined : meanOf(training.slice(-WINDOW));
}

export const CHOSEN_FALLING: Detector = {
  title: 'chosen answers become less likely',
  sentence:
    'The model gives the answers that people chose less probability than before, so what it gained went to answers that are not in the data.',
  advice: (facts) =>
    joined(
      `lower --learning-rate${raisesBeta(facts) ? ' or raise --beta' : ''}`,
      holdsChosen(facts),
      isOfPairs(facts) && 'leave out pairs whose answers are nearly the same',
    ),
  source: 'Razin et al. 2024, arXiv 2410.08847, likelihood displacement; Pal et al. 2024, arXiv 2402.13228',
  thresholds: { natsPerToken: 0.15, share: 0.1, nats: 5 },
  rule: ({ natsPerToken, share, nats }) =>
    `${natsPerToken} nats a token below the start; where lengths are not logged, ${percent(share!, 0)} of the log-probability and ${nats} nats`,
  lacks: (history, facts) => {
    if (facts.recipe === 'sft') return 'supervised training has no pairs';
    const names = ['logps/chosen', 'eval_logps/chosen'];
    if (!names.some((name) => history.points(name).length > 0)) return 'no logps/chosen was logged';
    const isMeasured = history.points('eval_logps/chosen').length > 0;
    // Training batches are of other rows each time, so only the reward, which is relative to the reference, can tell.
    const unmeasured = isMeasured ? undefined : lacksLinear(history, facts);
    return lowersChosen(facts) ?? (unmeasured && `${unmeasured}, and nothing was held out`);
  },
  tooShort: (history) => changeTooShort(history, 'logps/chosen'),
  detect: (history, { facts, thresholds }) => {
    const heldOut = history.points('eval_logps/chosen').length > 0;
    const logps = changeOf(history, 'logps/chosen');
    const rewards = changeOf(history, 'rewards/chosen');
    if (logps === undefined) return undefined;
    if (!heldOut && rewards === undefined) return undefined;
    const fall = heldOut ? logps.first - logps.now : -rewards!.now / betaOf(history, facts);
    const start = heldOut ? logps.first : logps.now + fall;
    const tokens = chosenTokens(history);
    const isFalling =
      tokens === undefined
        ? fall >= thresholds['nats']! && fall / Math.abs(start) >= thresholds['share']!
        : fall / tokens >= thresholds['natsPerToken']!;
    if (!isFalling) return undefined;
    const perToken = tokens === undefined ? percent(fall / Math.abs(start), 0) : `${shown(fall / tokens)} nats a token`;
    return {
      text: `logps/chosen of ${logps.where} rows ${shown(start)} at the start, ${shown(start - fall)} at step ${logps.step}: ${perToken} less`,
      values: { start, now: start - fall, fall, ...(tokens !== undefined && { fallPerToken: fall / tokens }) },
    };
  },
};

export const REJECTED_ALONE: Detector = {
  title: 'the margin comes from rejected answers alone',
  sentence:
    'The margin grows because rejected answers become less likely, while chosen ones lose too: the model learns what not to say, and not what to say.',
  advice: (facts) =>
    joined(
      'train on chosen answers first (preftune sft)',
      holdsChosen(facts),
      'take answers of the model itself as chosen ones, or lower --learning-rate',
    ),
  source: 'Feng et al. 2024, arXiv 2404.04626; Pal et al. 2024, arXiv 2402.13228',
  thresholds: { nats: 5, share: 0.5 },
  rule: ({ nats, share }) =>
    `a margin of at least ${nats} nats (of reward, that is times beta) for which the chosen reward fell by at least ${percent(share!, 0)} of it`,
  lacks: (history, facts) => lacksLinear(history, facts) ?? lowersChosen(facts),
  tooShort: (history) => changeTooShort(history, 'rewards/chosen'),
  detect: (history, { facts, thresholds }) => {
    const rewards = rewardsOf(history);
    if (rewards === undefined) return undefined;
    const { chosen, rejected, margin } = rewards;
    const least = thresholds['nats']! * betaOf(history, facts);
    if (margin < least || chosen.now > -thresholds['share']! * margin) return undefined;
    return {
      text: `${way('rewards/chosen', chosen)}; ${way('rewards/rejected', rejected)}: a margin of ${shown(margin)}`,
      values: { chosen: chosen.now, rejected: rejected.now, margin },
    };
  },
};

export const WRONG_REFERENCE: Detector = {
  title: 'the policy does not start at its reference',
  sentence:
    'Before the first step the model already differs from the reference that it is compared with, so rewards count a difference that no training made.',
  advice: () =>
    'make the reference the model that training starts from, with the same template, precision and no dropout; where --reference names another model on purpose, expect this',
  source:
    'Rafailov et al. 2023, arXiv 2305.18290, equation 7: at policy = reference margins are 0 and the loss is ln 2',
  thresholds: { nats: 0.1, loss: 0.01 },
  rule: ({ nats, loss }) =>
    `a reward further from 0 than ${nats} nats (times beta) before the first update, or a loss further than ${loss} from what it is there`,
  lacks: (history, facts) => {
    const other = lacksReference(history, facts);
    if (other !== undefined) return other;
    if (facts.objective?.startsAtReference === false)
      return 'the loss weighs tokens of the policy alone (ldSides policy)';
    const first = [
      ...history.points('eval_rewards/chosen').slice(0, 1),
      ...history.points('rewards/chosen').slice(0, 1),
    ];
    const isEarly = history.points('eval_rewards/chosen')[0]?.step === 0 || first.some(({ step }) => step <= 1);
    return isEarly ? undefined : 'neither step 1 nor an evaluation before it was logged';
  },
  tooShort: () => undefined,
  detect: (history, { facts, thresholds }) => {
    const limitOfReward = thresholds['nats']! * betaOf(history, facts);
    const at = (name: string, prefix: string, limit: number) => {
      const point = history.points(`${prefix}${name}`)[0];
      return point !== undefined && point.step <= limit ? point : undefined;
    };
    for (const [prefix, limit, where] of [
      ['eval_', 0, 'held-out'],
      ['', 1, 'training'],
    ] as const) {
      const [chosen, rejected, loss] = ['rewards/chosen', 'rewards/rejected', 'loss'].map((name) =>
        at(name, prefix, limit),
      );
      if (chosen === undefined || rejected === undefined) continue;
      const far = Math.max(Math.abs(chosen.value), Math.abs(rejected.value));
      const lossOff = loss === undefined || facts.firstLoss === undefined ? 0 : Math.abs(loss.value - facts.firstLoss);
      if (far <= limitOfReward && lossOff <= thresholds['loss']!) continue;
      const ofLoss = facts.firstLoss === undefined ? '' : ` instead of ${shown(facts.firstLoss)}`;
      return {
        text: `step ${chosen.step}, ${where} rows: rewards ${shown(chosen.value)} and ${shown(rejected.value)} instead of 0${loss === undefined ? '' : `, loss ${shown(loss.value)}${ofLoss}`}`,
        values: { chosen: chosen.value, rejected: rejected.value, ...(loss && { loss: loss.value }) },
      };
    }
    return undefined;
  },
};

/** Nats for each answer by which a policy was measured to be from its reference, over answers of its own. */
function measuredKl(history: History): { name: string; nats: number; step: number } | undefined {
  for (const name of ['eval_objective/kl', 'objective/kl', 'eval_kl', 'kl']) {
    const points = history.points(name).slice(-WINDOW);
    if (points.length === 0 || (!name.startsWith('eval_') && points.length < WINDOW)) continue;
    // GRPO's is for each token.
    const lengths = history.points('completions/mean_length').slice(-WINDOW);
    const perToken = name.endsWith('objective/kl') || lengths.length === 0 ? 1 : meanOf(lengths);
    return { name, nats: meanOf(points) * perToken, step: points.at(-1)!.step };
  }
  return undefined;
}

export const KL: Detector = {
  title: 'the model runs away from its reference',
  sentence:
    'The model has gone so far from where it started that what it was not trained on is probably lost, without a margin that is worth it.',
  advice: (facts) =>
    `${raisesBeta(facts) ? 'raise --beta, ' : ''}lower --learning-rate, train fewer steps; preftune evaluate RUN --prompts P --frontier says which checkpoint to keep`,
  source:
    'Gao et al. 2022, arXiv 2210.10760; Rafailov et al. 2024, arXiv 2406.02900: what is won turns to loss as KL grows',
  thresholds: { nats: 50, driftNats: 20, margins: 2 },
  rule: ({ nats, driftNats, margins }) =>
    `${nats} nats an answer; or, where no KL was logged, ${driftNats} nats that both answers lost and ${margins} times the margin`,
  lacks: (history, facts) => (measuredKl(history) === undefined ? lacksLinear(history, facts) : undefined),
  tooShort: (history) => (measuredKl(history) === undefined ? changeTooShort(history, 'rewards/chosen') : undefined),
  detect: (history, { facts, thresholds }) => {
    const measured = measuredKl(history);
    if (measured !== undefined)
      return measured.nats < thresholds['nats']!
        ? undefined
        : {
            text: `${measured.name}: ${shown(measured.nats)} nats an answer at step ${measured.step}`,
            values: { nats: measured.nats },
          };
    const rewards = rewardsOf(history);
    if (rewards === undefined) return undefined;
    const beta = betaOf(history, facts);
    const nats = -(rewards.chosen.now + rewards.rejected.now) / (2 * beta);
    const margin = rewards.margin / beta;
    const isFar =
      nats >= thresholds['nats']! ||
      (nats >= thresholds['driftNats']! && nats >= thresholds['margins']! * Math.max(0, margin));
    if (!isFar) return undefined;
    return {
      text: `chosen and rejected answers of ${rewards.chosen.where} rows lost ${shown(nats)} nats each on average by step ${rewards.chosen.step}, their margin is ${shown(margin)} nats`,
      values: { nats, margin, beta },
    };
  },
};

export const LENGTH: Detector = {
  title: 'length is rewarded',
  sentence:
    'How long an answer is decides its reward more than anything else about it, so answers will grow or shrink for no reason of theirs.',
  advice: (facts) =>
    joined(lessLength(facts), 'balance lengths of chosen and rejected in the data (preftune data stats)'),
  source: 'Park et al. 2024, arXiv 2403.19159; Singhal et al. 2023, arXiv 2310.03716',
  thresholds: { correlation: 0.7, growth: 1.5, further: 0.3 },
  rule: ({ correlation, growth, further }) =>
    `a correlation of ${correlation} between a pair's margin and its difference in length in two evaluations, that is half of what margins vary by (without a reference, and ${further} further than before the first step); of sampled answers, ${growth} times the first length while the reward rises`,
  lacks: (history, facts) => {
    if (facts.recipe === 'sft') return 'supervised training has no rewards';
    if (history.points('completions/mean_length').length > 0) return undefined;
    const names = ['rewards/length_correlation', 'eval_rewards/length_correlation'];
    if (!names.some((name) => history.points(name).length > 0)) return 'no lengths were logged';
    if (facts.objective?.imitates === true || facts.objective?.lowersChosen === true)
      return 'the loss moves both answers in one direction, the longer one further';
    const hasStart = history.points('eval_rewards/length_correlation')[0]?.step === 0;
    return hasStart || !isReferenceFree(history, facts)
      ? undefined
      : 'without a reference rewards follow length before any training, and no evaluation before it was logged';
  },
  tooShort: (history) => {
    if (history.points('completions/mean_length').length > 0) return undefined;
    const evaluations = history.points('eval_rewards/length_correlation');
    return evaluations.length > 0
      ? needed(2, 'evaluations after the first step', evaluations.filter(({ step }) => step > 0).length)
      : needed(2 * WINDOW, 'logged steps', history.points('rewards/length_correlation').length);
  },
  detect: (history, { facts, thresholds }) => {
    const growing = changeOf(history, 'completions/mean_length');
    const reward = changeOf(history, 'reward');
    if (growing && growing.now >= thresholds['growth']! * growing.first && (reward?.now ?? 0) > (reward?.first ?? 0))
      return {
        text: `${way('completions/mean_length', growing)}, while the reward rose from ${shown(reward!.first)} to ${shown(reward!.now)}`,
        values: { first: growing.first, now: growing.now },
      };
    const heldOut = history.points('eval_rewards/length_correlation').filter(({ step }) => step > 0);
    const training = history.points('rewards/length_correlation');
    const isHeldOut = history.points('eval_rewards/length_correlation').length > 0;
    const recent = isHeldOut ? heldOut.slice(-2) : training.slice(-2 * WINDOW);
    if (recent.length < (isHeldOut ? 2 : 2 * WINDOW)) return undefined;
    const values = isHeldOut ? recent.map(({ value }) => value) : [meanOf(recent)];
    // Log-probabilities of whole answers follow length by themselves.
    const start = isReferenceFree(history, facts) ? history.points('eval_rewards/length_correlation')[0]!.value : 0;
    const limit = thresholds['correlation']!;
    if (start !== 0 && Math.abs(values.at(-1)! - start) < thresholds['further']!) return undefined;
    if (!values.every((value) => value >= limit) && !values.every((value) => value <= -limit)) return undefined;
    const correlation = values.at(-1)!;
    return {
      text: `margin and difference in length of ${isHeldOut ? 'held-out' : 'training'} pairs correlate ${shown(correlation)} at step ${recent.at(-1)!.step}: ${correlation > 0 ? 'longer' : 'shorter'} answers get more`,
      values: { correlation },
    };
  },
};

/** Losses that care less for length, but those that the run has; none where it divides by length already. */
function lessLength(facts: RunFacts): string | undefined {
  const { objective } = facts;
  if (!isOfPairs(facts)) return undefined;
  const dividing = objective?.dividesByLength === true ? undefined : either(others(['sigmoid_norm', 'simpo'], facts));
  const apart = others(objective?.takesOutLength === true ? ['r_dpo'] : ['r_dpo', 'ld_dpo'], facts).join(', ');
  if (dividing === undefined) return `take a loss that takes length out (--objective ${apart.replace(', ', ' or ')})`;
  return `take a loss that divides by length (--objective ${dividing})${apart === '' ? '' : ` or takes it out (${apart})`}`;
}
