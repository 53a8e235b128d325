import type { LossName } from '../registry.ts';
import { fromLogits, onFour, onToken, type ClosedForm } from './closed-form.ts';
import { FOUR_PAIRS, PAIRS_1_TO_3, THREE_PAIRS, TOKEN_PAIR } from './rows.ts';
import { DPO, FIRST_FORMS } from './closed-forms-first.ts';
import { SECOND_FORMS } from './closed-forms-second.ts';

/** Every loss. */
export const CLOSED_FORMS = { ...FIRST_FORMS, ...SECOND_FORMS } as const satisfies Record<
  LossName,
  readonly ClosedForm[]
>;

/** Weighted sums, and versions of one name. */
export const COMBINED: readonly ClosedForm[] = [
  onFour('sigmoid:1,sft:1', { beta: 0.1 }, [
    [2.2556471805599, -0.175, 0.05],
    [2.1927581946817, -0.17175456936127, 0.046754569361268],
    [2.3150706676896, -0.12650133498551, 0.043168001652175],
    [2.2167154887521, -0.091995091225066, 0.058661757891733],
  ]),
  onToken('rpo', { beta: 0.1 }, 1.169322388149, fromLogits(-0.1901126793, 0.0328244176)),
  onFour('mpo', { beta: 0.1 }, [
    [2.3942766166719, -0.175, 0.05],
    [2.3311878788115, -0.17215370755933, 0.047003868685903],
    [2.4568594237441, -0.12861633156195, 0.04244081962746],
    [2.3538582411026, -0.091259419592969, 0.057678003220261],
  ]),
  onFour(
    'cdpo',
    { beta: 0.1 },
    DPO.map(([loss, g], i) => [loss + [0, 0.013, 0.0275, -0.035][i]!, g + 0.01, -g - 0.01]),
  ),
  {
    request: { objective: 'ipo', options: { beta: 0.1 }, compat: 'original' },
    rows: FOUR_PAIRS,
    losses: [25, 13.69, 5.0625, 72.25],
  },
  {
    request: { objective: 'sppo_hard', options: { beta: 0.1 }, compat: 'original' },
    rows: PAIRS_1_TO_3,
    losses: [18.945, 21.40625, 45.625],
  },
  {
    request: { objective: 'sigmoid_norm', compat: 'trl-1' },
    rows: THREE_PAIRS,
    losses: [0.681313, 0.7159, 0.642617],
    tolerance: 1e-6,
  },
  {
    request: { objective: 'ld_dpo', options: { ldAlpha: 0.5 }, compat: 'trl-0.28' },
    rows: TOKEN_PAIR,
    losses: [0.6276267540329583],
  },
];
