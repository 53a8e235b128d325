import { describe, expect, test } from 'vitest';
import type { Loss } from './definition.ts';
import { LOSSES, type LossName } from './registry.ts';
import { resolveObjective, type ObjectiveRequest } from './resolve.ts';
import { evaluate, meanOf, pickRows } from './testing/evaluate.ts';
import { FOUR_ANSWERS, FOUR_PAIRS, SMOOTH_PAIRS, THREE_LISTS, TOKEN_PAIR, type Statistics } from './testing/rows.ts';

const ROWS = { pair: SMOOTH_PAIRS, unpaired: FOUR_ANSWERS, ranking: THREE_LISTS } as const;

/** One row on which policy and reference agree: as long on both sides, no divergence, answers as probable as a draw from the policy. */
const AGREEING = {
  pair: Object.fromEntries(
    ['chosen', 'rejected'].flatMap((side, i) => [
      [`${side}/logps`, [-12 - i]],
      [`${side}/referenceLogps`, [-12 - i]],
      [`${side}/sharedLogps`, [-7 - i]],
      [`${side}/sharedReferenceLogps`, [-7 - i]],
      [`${side}/logCollision`, [-12 - i]],
      [`${side}/lengths`, [8]],
      [`${side}/sequentialKl`, [0]],
    ]),
  ),
  unpaired: {
    ...FOUR_ANSWERS,
    logps: [-3, -4, -5, -6],
    referenceLogps: [-3, -4, -5, -6],
    klLogps: [-30, -30, -30, -30],
  },
  ranking: {
    ...THREE_LISTS,
    logps: THREE_LISTS['referenceLogps']!,
    present: [
      [1, 1, 1],
      [1, 1, 0],
      [1, 0, 0],
    ],
  },
} as const satisfies Record<string, Statistics>;

const ln2 = Math.LN2;

interface Facts {
  /** Losses where policy and reference agree, beta 0.1; undefined without a reference. */
  readonly atReference: readonly number[] | undefined;
  /** Whether the gradients of both sides cancel, so that only the difference of log-probabilities counts; undefined for other rows than pairs. */
  readonly seesDifferenceOnly?: boolean;
}

const FACTS = {
  sigmoid: { atReference: [ln2], seesDifferenceOnly: true },
  robust: { atReference: [ln2], seesDifferenceOnly: true },
  ipo: { atReference: [25], seesDifferenceOnly: false },
  ipo_sum: { atReference: [25], seesDifferenceOnly: true },
  hinge: { atReference: [1], seesDifferenceOnly: true },
  // -ln 2 - ln(e (1 - e)) / 2 at e = 0.001
  exo_pair: { atReference: [-ln2 - Math.log(0.001 * 0.999) / 2], seesDifferenceOnly: true },
  nca_pair: { atReference: [2 * ln2], seesDifferenceOnly: false },
  bco_pair: { atReference: [2 * ln2], seesDifferenceOnly: false },
  sppo_hard: { atReference: [50], seesDifferenceOnly: false },
  aot: { atReference: [ln2], seesDifferenceOnly: true },
  aot_unpaired: { atReference: [ln2], seesDifferenceOnly: false },
  apo_zero: { atReference: [1], seesDifferenceOnly: false },
  apo_down: { atReference: [1], seesDifferenceOnly: false },
  discopop: { atReference: [ln2 / 2 + 0.5], seesDifferenceOnly: true },
  sigmoid_norm: { atReference: [ln2], seesDifferenceOnly: false },
  r_dpo: { atReference: [ln2], seesDifferenceOnly: true },
  ld_dpo: { atReference: [ln2], seesDifferenceOnly: true },
  dpop: { atReference: [ln2], seesDifferenceOnly: false },
  beta_dpo: { atReference: [ln2], seesDifferenceOnly: true },
  wpo: { atReference: [ln2], seesDifferenceOnly: true },
  tdpo1: { atReference: [ln2], seesDifferenceOnly: true },
  tdpo2: { atReference: [ln2], seesDifferenceOnly: true },
  chi_po: { atReference: [ln2], seesDifferenceOnly: false },
  cal_dpo: { atReference: [ln2 + 50], seesDifferenceOnly: false },
  cpo: { atReference: undefined, seesDifferenceOnly: false },
  simpo: { atReference: undefined, seesDifferenceOnly: false },
  orpo: { atReference: undefined, seesDifferenceOnly: false },
  sft: { atReference: undefined, seesDifferenceOnly: false },
  kto: { atReference: [0.5, 0.5, 0.5, 0.5] },
  bco: { atReference: [ln2, ln2, ln2, ln2] },
  apo_zero_unpaired: { atReference: [0.5, 0.5, 0.5, 0.5] },
  // 3!, 2! and 1! rankings are equally probable.
  plackett_luce: { atReference: [Math.log(6), ln2, 0] },
  softmax_dpo: { atReference: [Math.log(3), ln2, 0] },
  tpo: { atReference: undefined },
  tpo_l: { atReference: undefined },
} as const satisfies Record<LossName, Facts>;

function requestOf(name: LossName, options: Readonly<Record<string, number | string>> = {}): ObjectiveRequest {
  const loss: Loss = LOSSES[name];
  return { objective: name, options: { ...(loss.options['beta'] === undefined ? {} : { beta: 0.1 }), ...options } };
}

/** No draw of rows: it depends on their places. */
const UNDRAWN: Partial<Record<LossName, Readonly<Record<string, number>>>> = { beta_dpo: { betaFilter: 0 } };

function numbers(values: ArrayLike<number>): number[] {
  return Array.from(values, (value) => Number(value.toFixed(10)) + 0);
}

describe.each(Object.keys(FACTS) as LossName[])('%s', (name) => {
  const { atReference, seesDifferenceOnly }: Facts = FACTS[name];
  const loss: Loss = LOSSES[name];
  const request = requestOf(name, UNDRAWN[name]);
  const rows: Statistics = ROWS[loss.kind];
  const count = Object.values(rows)[0]!.length;

  test('needs a reference, and where policy and reference agree has its known loss', () => {
    expect(loss.needsReference).toBe(atReference !== undefined);
    if (atReference === undefined) return;
    const { losses } = evaluate(requestOf(name), AGREEING[loss.kind]);
    atReference.forEach((value, i) => expect(losses![i]! / (value || 1)).toBeCloseTo(value === 0 ? 0 : 1, 6));
  });

  test('order and companions of rows change what they are said to change', () => {
    const whole = evaluate(request, rows)['losses']!;
    const backwards = Array.from({ length: count }, (_value, i) => count - 1 - i);
    const reversed = evaluate(request, pickRows(rows, backwards))['losses']!;
    expect(meanOf(reversed)).toBeCloseTo(meanOf(whole), 12);
    const alone = backwards.toReversed().map((row) => evaluate(request, pickRows(rows, [row]))['losses']![0]!);
    const isAlike = numbers(alone).every((value, i) => value === numbers(whole)[i]);
    const { coupling } = resolveObjective(request);
    expect([coupling, isAlike]).toEqual([coupling, coupling === 'rows']);
    if (coupling === 'rows') expect(numbers(reversed)).toEqual(numbers(whole).toReversed());
  });

  if (seesDifferenceOnly === undefined) return;

  test('sees the difference of log-probabilities alone, or not', () => {
    const outputs = evaluate(request, rows);
    const sum = outputs['gradient/chosen/logps']!.map((g, i) => g + outputs['gradient/rejected/logps']![i]!);
    const moved = ['chosen', 'rejected'].flatMap((side) =>
      ['logps', 'sharedLogps', 'logCollision'].map((statistic) => `${side}/${statistic}`),
    );
    const shifted = Object.fromEntries(
      moved.map((key) => [key, (rows[key] as number[]).map((value, i) => value - 3 * i - 1)]),
    );
    const after = evaluate(request, { ...rows, ...shifted })['losses']!;
    const isCancelled = sum.every((g) => Math.abs(g) < 1e-12);
    const isUnmoved = numbers(after).every((value, i) => Math.abs(value - outputs['losses']![i]!) < 1e-9);
    expect([isCancelled, isUnmoved]).toEqual([seesDifferenceOnly, seesDifferenceOnly]);
  });
});

const losses = (request: ObjectiveRequest, rows: Statistics = FOUR_PAIRS): number[] =>
  numbers(evaluate(request, rows)['losses']!);
const sigmoid = losses(requestOf('sigmoid'));
const swapped = (rows: Statistics): Statistics =>
  Object.fromEntries(
    Object.entries(rows).map(([key, values]) => [
      key.startsWith('chosen') ? key.replace('chosen', 'rejected') : key.replace('rejected', 'chosen'),
      values,
    ]),
  );

/** A statistic of the pairs as lists of two. */
function bothSides(name: string): number[][] {
  return FOUR_PAIRS[`chosen/${name}`]!.map((value, i) => [value, FOUR_PAIRS[`rejected/${name}`]![i]!]);
}

describe('limits are DPO', () => {
  const LIMITS: [string, ObjectiveRequest][] = [
    ['robust without smoothing', requestOf('robust', { labelSmoothing: 0 })],
    ['r_dpo without penalty', requestOf('r_dpo', { lengthAlpha: 0 })],
    ['dpop without penalty', requestOf('dpop', { dpopLambda: 0 })],
    ['beta_dpo without gap and filter', requestOf('beta_dpo', { betaAlpha: 0, betaFilter: 0 })],
    ['alpha-divergence of order 0', requestOf('sigmoid', { fDivergence: 'alpha_divergence', fAlpha: 0 })],
    ['cpo on its own, the reference being uniform', requestOf('cpo', { cpoAlpha: 0 })],
  ];
  test.each(LIMITS)('%s', (name, request) => {
    const uniform = { ...FOUR_PAIRS, 'chosen/referenceLogps': [0, 0, 0, 0], 'rejected/referenceLogps': [0, 0, 0, 0] };
    const expected = name.startsWith('cpo') ? losses(requestOf('sigmoid'), uniform) : sigmoid;
    expect(losses(request)).toEqual(expected);
  });

  test('ld_dpo that counts all tokens, tdpo2 without divergence', () => {
    const expected = losses(requestOf('sigmoid'), TOKEN_PAIR);
    expect(losses(requestOf('ld_dpo', { ldAlpha: 1 }), TOKEN_PAIR)).toEqual(expected);
    expect(losses(requestOf('tdpo2', { tdpoAlpha: 0 }), TOKEN_PAIR)).toEqual(expected);
  });

  test('rankings of two answers', () => {
    const lists = {
      logps: bothSides('logps'),
      referenceLogps: bothSides('referenceLogps'),
      lengths: bothSides('lengths'),
      present: sigmoid.map(() => [1, 1]),
    };
    expect(losses(requestOf('plackett_luce'), lists)).toEqual(sigmoid);
    expect(losses(requestOf('softmax_dpo'), lists)).toEqual(sigmoid);
    // Without a reference: CPO and SimPO.
    expect(losses(requestOf('tpo'), lists)).toEqual(losses(requestOf('cpo')));
    expect(losses(requestOf('tpo_l', { tpoAlpha: 0 }), lists)).toEqual(losses(requestOf('simpo', { simpoGamma: 0.5 })));
  });

  test('aot of a single pair, and never above DPO on a batch', () => {
    const alone = [0, 1, 2, 3].map((row) => losses(requestOf('aot'), pickRows(FOUR_PAIRS, [row]))[0]!);
    expect(alone).toEqual(sigmoid);
    for (const name of ['aot', 'aot_unpaired'] as const)
      expect(meanOf(losses(requestOf(name)))).toBeLessThanOrEqual(meanOf(sigmoid) + 1e-12);
  });

  test('a small order of the alpha-divergence tends to it, order 1 is the forward KL', () => {
    const near = losses(requestOf('sigmoid', { fDivergence: 'alpha_divergence', fAlpha: 1e-4 }));
    near.forEach((value, i) => expect(value).toBeCloseTo(sigmoid[i]!, 4));
    const one = losses(requestOf('sigmoid', { fDivergence: 'alpha_divergence', fAlpha: 1 }));
    expect(one).toEqual(losses(requestOf('sigmoid', { fDivergence: 'forward_kl' })));
  });
});

describe('relations', () => {
  const X = [0, 0.13, 0.275, -0.35];

  test('swapping the sides flips the margin: l(-x) - l(x) = x', () => {
    const back = losses(requestOf('sigmoid'), swapped(FOUR_PAIRS));
    X.forEach((x, i) => expect(back[i]! - sigmoid[i]!).toBeCloseTo(x, 9));
  });

  test('label smoothing e adds e x, and its minimum is at ln((1 - e) / e)', () => {
    const smoothed = losses(requestOf('sigmoid', { labelSmoothing: 0.25 }));
    X.forEach((x, i) => expect(smoothed[i]! - sigmoid[i]!).toBeCloseTo(0.25 * x, 9));
    const target = { ...pickRows(FOUR_PAIRS, [0]), 'chosen/logps': [-12.5 + 10 * Math.log(3)] };
    expect(evaluate(requestOf('sigmoid', { labelSmoothing: 0.25 }), target)['gradient/chosen/logps']![0]).toBeCloseTo(
      0,
      12,
    );
  });

  test('robust is unbiased: (1 - e) L(x) + e L(-x) = l(x)', () => {
    const request = requestOf('robust', { labelSmoothing: 0.25 });
    const [there, back] = [losses(request), losses(request, swapped(FOUR_PAIRS))];
    sigmoid.forEach((value, i) => expect(0.75 * there[i]! + 0.25 * back[i]!).toBeCloseTo(value, 9));
  });

  test('exo_pair is 0 with no gradient at its target', () => {
    const target = { ...pickRows(FOUR_PAIRS, [0]), 'chosen/logps': [-12.5 + 69.067547786485] };
    const outputs = evaluate(requestOf('exo_pair'), target);
    expect([outputs['losses']![0]!, outputs['gradient/chosen/logps']![0]!].map((x) => Math.abs(x) < 1e-9)).toEqual([
      true,
      true,
    ]);
  });

  test('discopop has a minimum and a maximum around 0', () => {
    for (const [x, value] of [
      [-0.118569892688264, 0.785923919593366],
      [0.0720061137984159, 0.878289611599028],
    ] as const) {
      const { losses: found, 'gradient/chosen/logps': gradient } = evaluate(requestOf('discopop'), {
        ...pickRows(FOUR_PAIRS, [0]),
        'chosen/logps': [-12.5 + 10 * x],
      });
      expect(found![0]).toBeCloseTo(value, 6);
      expect(gradient![0]).toBeCloseTo(0, 6);
    }
  });

  test('cal_dpo is sppo_hard and the logistic loss of the unscaled difference', () => {
    const [calibrated, squares, ranking] = [
      requestOf('cal_dpo'),
      requestOf('sppo_hard'),
      requestOf('sigmoid', { beta: 1 }),
    ].map((request) => losses(request));
    calibrated!.forEach((value, i) => expect(value).toBeCloseTo(squares![i]! + ranking![i]!, 8));
  });

  test('apo_zero is KTO of both sides with the reference point 0', () => {
    const both = losses(requestOf('apo_zero'));
    const side = (name: string, label: number): number[] =>
      losses(requestOf('kto'), {
        logps: FOUR_PAIRS[`${name}/logps`]!,
        referenceLogps: FOUR_PAIRS[`${name}/referenceLogps`]!,
        lengths: FOUR_PAIRS[`${name}/lengths`]!,
        labels: [label, label, label, label],
        klLogps: [-1, -1, -1, -1],
        klReferenceLogps: [0, 0, 0, 0],
      });
    const [chosen, rejected] = [side('chosen', 1), side('rejected', 0)];
    both.forEach((value, i) => expect(value).toBeCloseTo(chosen[i]! + rejected[i]!, 9));
  });

  test('bco_pair is at least DPO, whatever the shift', () => {
    for (const shift of [-2, -0.1, 0, 0.3, 5]) {
      const running = requestOf('bco_pair', { bcoShift: 'running' });
      const state = { 'state/bco_pair/shift': shift, 'state/bco_pair/seen': 1e6 };
      const found = evaluate(running, FOUR_PAIRS, state)['losses']!;
      found.forEach((value, i) => expect(value).toBeGreaterThanOrEqual(sigmoid[i]!));
    }
  });

  test('simpo does not see length where the mean stays', () => {
    const doubled = Object.fromEntries(
      Object.entries(FOUR_PAIRS).map(([key, values]) => [key, values.map((value) => 2 * value)]),
    );
    expect(losses(requestOf('simpo'), doubled)).toEqual(losses(requestOf('simpo')));
  });
});

describe('the draw of beta_dpo', () => {
  const gaps = [0, 0.1, -0.1, 0.2, 30, 0.1, 0, -0.2, 0.1, 0];
  const rows: Statistics = {
    'chosen/logps': gaps.map((gap) => gap - 40),
    'rejected/logps': gaps.map(() => -40),
    'chosen/referenceLogps': gaps.map(() => -40),
    'rejected/referenceLogps': gaps.map(() => -40),
  };
  const draw = (draws: number): number[] =>
    losses(requestOf('beta_dpo'), rows) &&
    numbers(evaluate(requestOf('beta_dpo'), rows, { 'state/beta_dpo/draws': draws })['losses']!);

  test('drops a fifth, the outlier first, and differs from batch to batch', () => {
    const dropped = Array.from({ length: 40 }, (_value, i) =>
      draw(i).flatMap((loss, row) => (loss === 0 ? [row] : [])),
    );
    expect(dropped.every((each) => each.length === 2 && each.includes(4))).toBe(true);
    expect(new Set(dropped.flat()).size).toBe(10);
  });

  test('the mean over the batch is the mean over what stays', () => {
    const found = draw(0);
    const kept = found.filter((loss) => loss > 0);
    const { losses: whole } = evaluate(requestOf('beta_dpo', { betaFilter: 0, betaAlpha: 0 }), rows);
    const row = found.findIndex((loss) => loss > 0);
    expect(kept.length).toBe(8);
    expect(found[row]! / whole![row]!).toBeCloseTo(10 / 8, 1);
  });
});
