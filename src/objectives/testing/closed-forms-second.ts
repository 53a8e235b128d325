import { fromLogits, onFour, onThree, onToken, soft, type ClosedForm } from './closed-form.ts';
import { FOUR_ANSWERS, FOUR_PAIRS, THREE_LISTS } from './rows.ts';

const CAL = [
  [50 + Math.LN2, -10.5, 10.5],
  [38.131008453833, -9.2141650169574, 8.6141650169574],
  [42.874467589003, -13.060086650174, 1.560086650174],
  [94.779750418273, -14.970687769249, 13.970687769249],
] as const;

/** z0 = 0.175. */
const KTO_LOSSES = [0.49187571509374, 0.47439741167538, 0.48812723224375, 0.51811706504318] as const;
const KTO_GRADIENTS = [-0.00624834989987, -0.00623361268678, 0.00624647593465, 0.00624179429886].map((g) => 4 * g);

/** Variants of DPO, losses without a reference, unpaired answers and lists. */
export const SECOND_FORMS = {
  sigmoid_norm: [
    onFour('sigmoid_norm', { beta: 5 }, [
      [Math.LN2, -0.3125, 0.25],
      [0.39905569300466, -0.20565416693389, 0.16452333354711],
      [0.49813454751438, -0.1634736792363, 0.098084207541777],
      [1.1942181492675, -0.11617654732757, 0.23235309465514],
    ]),
    onThree('sigmoid_norm', [0.681313, 0.7159, 0.642617]),
    onToken('sigmoid_norm', { beta: 5 }, 0.078863490202059, fromLogits(-0.0631949387, 0.1327093713)),
  ],
  r_dpo: [
    onFour('r_dpo', { beta: 0.1, lengthAlpha: 0.05 }, [
      [0.74439666007357, -0.052497918747894, 0.052497918747894],
      [0.67825967634145, -0.049250056244938, 0.049250056244938],
      [0.75759903531717, -0.053120937337376, 0.053120937337376],
      [0.51301525239995, -0.040131233988755, 0.040131233988755],
    ]),
    onToken('r_dpo', { beta: 0.1, lengthAlpha: 0.05 }, 0.6097080095164, fromLogits(-0.0228245227, 0.0319543318)),
  ],
  ld_dpo: [
    onToken('ld_dpo', { beta: 0.1, ldAlpha: 0.5 }, 0.63961385183075),
    // Neither sum counts the tokens past the shorter answer.
    onToken('ld_dpo', { beta: 0.1, ldAlpha: 0 }, 0.64643618840061, {
      'chosen/logps': [0],
      'rejected/logps': [0],
      'chosen/sharedLogps': [-0.0238045216 / 0.5],
      'rejected/sharedLogps': [0.0333263302 / 0.7],
    }),
    onToken('ld_dpo', { beta: 0.1, ldAlpha: 1 }, 0.63284308400429),
    onToken('ld_dpo', { beta: 0.1, ldAlpha: 0.5, ldSides: 'policy' }, 0.6276267540329583),
  ],
  dpop: [
    onFour('dpop', { beta: 0.1, dpopLambda: 5 }, [
      [Math.LN2, -0.05, 0.05],
      [0.63025819468169, -0.046754569361268, 0.046754569361268],
      [0.95858908787082, -0.36993990271279, 0.061656650452132],
      [1.5805085713639, -0.47647777691943, 0.079412962819905],
    ]),
  ],
  beta_dpo: [
    // Gaps 1, 3, -2, 0.5 with M = 0.2: mean 0.625, beta' = 0.1255, M' = 0.9 x 0.2 + 0.1 x 0.625; the spread is sqrt(3.171875).
    {
      request: { objective: 'beta_dpo', options: { beta: 0.1, betaFilter: 0 } },
      rows: {
        'chosen/logps': [-9, -7, -12, -9.5],
        'rejected/logps': [-10, -10, -10, -10],
        'chosen/referenceLogps': [-10, -10, -10, -10],
        'rejected/referenceLogps': [-10, -10, -10, -10],
      },
      losses: [1, 3, -2, 0.5].map((gap) => soft(0.1255 * gap)),
      gradients: { 'chosen/logps': [1, 3, -2, 0.5].map((gap) => -0.1255 / (1 + Math.exp(0.1255 * gap))) },
      before: { 'beta_dpo/gapMean': 0.2, 'beta_dpo/gapSpread': 1.5, 'beta_dpo/draws': 3 },
      after: {
        'beta_dpo/gapMean': 0.2425,
        'beta_dpo/gapSpread': 0.9 * 1.5 + 0.1 * Math.sqrt(3.171875),
        'beta_dpo/draws': 4,
      },
    },
  ],
  wpo: [
    onToken('wpo', { beta: 0.1 }, 0.44308815608559, fromLogits(-0.0164158395, 0.0229821753)),
    onToken('wpo', { beta: 0.1, wpoClamp: 'none' }, 0.44308815608559),
  ],
  tdpo1: [
    // The rest of the logit gradient comes through K: -c (p - q) and +c (p - q).
    onToken('tdpo1', { beta: 0.1 }, 0.62787357758253, {
      'chosen/logps': [-0.0466274478],
      'chosen/sequentialKl': [-0.0466274478],
      'rejected/logps': [0.0466274478],
      'rejected/sequentialKl': [0.0466274478],
    }),
  ],
  tdpo2: [
    onToken('tdpo2', { beta: 0.1, tdpoAlpha: 0.5 }, 0.63035481596266, {
      'chosen/logps': [-0.0233798569 / 0.5],
      'chosen/sequentialKl': [0],
      'rejected/logps': [0.0467597138],
      'rejected/sequentialKl': [0.0233798569],
    }),
  ],
  chi_po: [
    onFour('chi_po', { beta: 0.1 }, [
      [Math.LN2, -0.1, 0.1],
      [0.57596602657915, -0.11597120330657, 0.063457195672127],
      [0.55610780431165, -0.052174249419605, 0.043264794575036],
      [1.1605247673373, -0.077961008322803, 0.37641568402361],
    ]),
    // x = 0.2499 and -0.7840 are cut to +-0.1.
    {
      request: { objective: 'chi_po', options: { beta: 0.1, maxReward: 0.05 } },
      rows: { ...FOUR_PAIRS },
      losses: [Math.LN2, 0.6443966600735709, 0.6443966600735709, 0.7443966600735709],
      gradients: { 'chosen/logps': [-0.1, 0, 0, 0], 'rejected/logps': [0.1, 0, 0, 0] },
    },
  ],
  cal_dpo: [
    onFour('cal_dpo', { beta: 0.1 }, CAL),
    // Half of the squares: SPPO's 50, 37.89, 42.8125, 91.25.
    {
      request: { objective: 'cal_dpo', options: { beta: 0.1, calibrationWeight: 0.5 } },
      rows: FOUR_PAIRS,
      losses: CAL.map(([loss], i) => loss - [25, 18.945, 21.40625, 45.625][i]!),
    },
  ],
  cpo: [
    onFour('cpo', { beta: 0.1, cpoAlpha: 1 }, [
      [2.1834570477895, -0.17125701546563, 0.046257015465625],
      [2.1834570477895, -0.17125701546563, 0.046257015465625],
      [2.0839916045925, -0.11172735395176, 0.028394020618429],
      [3.0347466113161, -0.1150907809527, 0.081757447619364],
    ]),
    onToken('cpo', { beta: 0.1 }, 1.1712386893134, fromLogits(-0.190163516, 0.032895589)),
  ],
  simpo: [
    onFour('simpo', { beta: 2, simpoGamma: 0.5 }, [
      [1.1884166621266, -0.17382416733689, 0.13905933386951],
      [1.1884166621266, -0.17382416733689, 0.13905933386951],
      [1.2950469003053, -0.12101916354346, 0.072611498126078],
      [0.61328205809964, -0.030561967785547, 0.061123935571093],
    ]),
    onToken('simpo', { beta: 2, simpoGamma: 0.5 }, 0.25406330234857, fromLogits(-0.0747857665, 0.1570501097)),
  ],
  orpo: [
    onFour('orpo', { beta: 0.1 }, [
      [1.6428884010749, -0.13373641207356, 0.007332235512321],
      [1.6428884010749, -0.13373641207356, 0.007332235512321],
      [1.8351792266252, -0.089116157727048, 0.0036770127327562],
      [1.3834426012432, -0.035117373664657, 0.0032393857472405],
    ]),
    onToken('orpo', { beta: 0.1 }, 0.55720722135124, fromLogits(-0.1741814744, 0.0086778972)),
  ],
  sft: [
    // -s_w / n_w, over the mean length (8 + 8 + 12 + 30) / 4, and over prompt and answer.
    onFour('sft', {}, [
      [1.5625, -1 / 8, 0],
      [1.5625, -1 / 8, 0],
      [1.75, -1 / 12, 0],
      [40 / 30, -1 / 30, 0],
    ]),
    {
      request: { objective: 'sft', options: { sftMean: 'batch' } },
      rows: FOUR_PAIRS,
      losses: [12.5, 12.5, 21, 40].map((nll) => nll / 14.5),
    },
    {
      request: { objective: 'sft', options: { sftMean: 'sequence' } },
      rows: { ...FOUR_PAIRS, 'chosen/promptLengths': [2, 12, 8, 10], 'rejected/promptLengths': [2, 12, 8, 10] },
      losses: [1.25, 0.625, 1.05, 1],
    },
  ],
  kto: [
    {
      request: { objective: 'kto', options: { beta: 0.1 } },
      rows: FOUR_ANSWERS,
      losses: KTO_LOSSES,
      gradients: { logps: KTO_GRADIENTS },
    },
    {
      request: { objective: 'kto', options: { desirableWeight: 1.33 } },
      rows: FOUR_ANSWERS,
      losses: [0.65419470107467, 0.63094855752826, KTO_LOSSES[2], KTO_LOSSES[3]],
    },
    // The mean mismatched log-ratio is -0.125: z = 0.
    {
      request: { objective: 'kto' },
      rows: { ...FOUR_ANSWERS, klLogps: [-30.2, -29.9, -30.3, -30.1] },
      losses: [0.48750260351579, 0.47003594823543, 0.49250056244938, 0.5224848247918],
    },
  ],
  bco: [
    // l(A) and l(-A), A = 0.05, 0.12, -0.03, 0.09.
    {
      request: { objective: 'bco', options: { beta: 0.1, bcoShift: 'zero' } },
      rows: FOUR_ANSWERS,
      losses: [soft(0.05), soft(0.12), soft(0.03), soft(-0.09)],
    },
    // The mean reward is 0.0575; with 12 rows of mean 0.0425 before, the shift is 0.04625.
    {
      request: { objective: 'bco', options: { beta: 0.1 } },
      rows: FOUR_ANSWERS,
      losses: [soft(0.00375), soft(0.07375), soft(0.07625), soft(-0.04375)],
      before: { 'bco/shift': 0.0425, 'bco/seen': 12 },
      after: { 'bco/shift': 0.04625, 'bco/seen': 16 },
    },
  ],
  apo_zero_unpaired: [
    // s(-0.05), s(-0.12), s(-0.03), s(0.09)
    {
      request: { objective: 'apo_zero_unpaired' },
      rows: FOUR_ANSWERS,
      losses: [0.48750260351579, 0.47003594823543, 0.49250056244938, 0.5224848247918],
      gradients: {
        logps: [-0.05, -0.12, 0.03, 0.09].map((x, i) => ((i < 2 ? -0.1 : 0.1) * Math.exp(x)) / (1 + Math.exp(x)) ** 2),
      },
    },
  ],
  plackett_luce: [
    // f = 0.05, -0.08, 0.15; then -0.2, 0.3 (DPO of -0.5); then one answer alone.
    {
      request: { objective: 'plackett_luce' },
      rows: THREE_LISTS,
      losses: [1.907763947219883, soft(-0.5), 0],
    },
  ],
  softmax_dpo: [
    // -ln of the softmax of f at the first answer; its gradient is beta (softmax - onehot).
    {
      request: { objective: 'softmax_dpo' },
      rows: THREE_LISTS,
      losses: [-Math.log(0.33520305699036), soft(-0.5), 0],
      gradients: {
        logps: [
          -0.1 * (1 - 0.33520305699036),
          0.1 * 0.29434027277384,
          0.1 * 0.3704566702358,
          -0.1 / (1 + Math.exp(-0.5)),
          0.1 / (1 + Math.exp(-0.5)),
          0,
          0,
          0,
          0,
        ],
      },
    },
  ],
  tpo: [
    // The second against the last, the likelihood of the first; a ranking of two; one answer alone.
    {
      request: { objective: 'tpo', options: { beta: 0.1 } },
      rows: THREE_LISTS,
      losses: [soft(-0.23) + 1.9, soft(-0.5) + 1.5, 4 / 3],
      gradients: {
        logps: [
          -1 / 5,
          -0.1 / (1 + Math.exp(-0.23)),
          0.1 / (1 + Math.exp(-0.23)),
          -0.1 / (1 + Math.exp(-0.5)) - 1 / 8,
          0.1 / (1 + Math.exp(-0.5)),
          0,
          -1 / 3,
          0,
          0,
        ],
      },
    },
    {
      request: { objective: 'tpo', options: { beta: 0.1, tpoAlpha: 0 } },
      rows: THREE_LISTS,
      losses: [soft(-0.23), soft(-0.5), 0],
    },
  ],
  tpo_l: [
    {
      request: { objective: 'tpo_l', options: { beta: 0.1, tpoAlpha: 0.5 } },
      rows: THREE_LISTS,
      losses: [soft(0.1 * (-1.8 + 8.5 / 7) - 0.5) + 0.95, soft(0.1 * (-1.5 + 7 / 9) - 0.5) + 0.75, 2 / 3],
    },
  ],
} as const satisfies Record<string, readonly ClosedForm[]>;
