/** Statistics of rows by the names of their inputs; lists have a row of numbers for each row. */
export type Statistics = Readonly<Record<string, readonly number[] | readonly (readonly number[])[]>>;

function transpose(names: readonly string[], rows: readonly (readonly number[])[]): Record<string, number[]> {
  return Object.fromEntries(names.map((name, i) => [name, rows.map((row) => row[i]!)]));
}

const PAIR_COLUMNS = [
  'chosen/logps',
  'rejected/logps',
  'chosen/referenceLogps',
  'rejected/referenceLogps',
  'chosen/lengths',
  'rejected/lengths',
];

/** Policy equal to the reference; a healthy pair; both answers fallen; a badly ordered pair. */
const P = [
  [-12.5, -14, -12.5, -14, 8, 10],
  [-12.5, -14, -13, -13.2, 8, 10],
  [-21, -30.25, -19.5, -26, 12, 20],
  [-40, -25, -38, -26.5, 30, 15],
] as const;

/** h = 0, 1.3, 2.75, -3.5; a = 0, 0.5, -1.5, -2; b = 0, -0.8, -4.25, 1.5. */
export const FOUR_PAIRS = transpose(PAIR_COLUMNS, P);
export const PAIRS_1_TO_3 = transpose(PAIR_COLUMNS, P.slice(1));

/** h = 1.5, -7.5, 10.75. */
export const THREE_PAIRS = transpose(PAIR_COLUMNS, [
  [-12, -14, -13, -13.5, 6, 7],
  [-35.5, -30, -34, -36, 20, 16],
  [-8.25, -20, -8, -9, 4, 10],
]);

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
const logs = (values: readonly number[]): number => sum(values.map(Math.log));

/** KL(q || p) of the rows of two tables of distributions, summed. */
function sequentialKl(policy: readonly (readonly number[])[], reference: readonly (readonly number[])[]): number {
  return sum(reference.map((row, i) => sum(row.map((q, v) => q * Math.log(q / policy[i]![v]!)))));
}

const collision = (rows: readonly (readonly number[])[]): number => logs(rows.map((row) => sum(row.map((p) => p * p))));

/**
 * A vocabulary of three words, next-token distributions by hand. Chosen: words 0, 2, 1; probabilities .5 .5 .8 (policy) and .4 .4 .6 (reference).
 * Rejected: words 1, 0; .3 .2 and .4 .25. Shared are the first two tokens.
 */
const CHOSEN = {
  policy: [
    [0.5, 0.3, 0.2],
    [0.25, 0.25, 0.5],
    [0.1, 0.8, 0.1],
  ],
  reference: [
    [0.4, 0.4, 0.2],
    [0.3, 0.3, 0.4],
    [0.2, 0.6, 0.2],
  ],
} as const;
const REJECTED = {
  policy: [
    [0.6, 0.3, 0.1],
    [0.2, 0.2, 0.6],
  ],
  reference: [
    [0.5, 0.4, 0.1],
    [0.25, 0.25, 0.5],
  ],
} as const;

export const TOKEN_PAIR: Statistics = {
  'chosen/logps': [logs([0.5, 0.5, 0.8])],
  'chosen/referenceLogps': [logs([0.4, 0.4, 0.6])],
  'chosen/lengths': [3],
  'chosen/sharedLogps': [logs([0.5, 0.5])],
  'chosen/sharedReferenceLogps': [logs([0.4, 0.4])],
  'chosen/logCollision': [collision(CHOSEN.policy)],
  'chosen/sequentialKl': [sequentialKl(CHOSEN.policy, CHOSEN.reference)],
  'rejected/logps': [logs([0.3, 0.2])],
  'rejected/referenceLogps': [logs([0.4, 0.25])],
  'rejected/lengths': [2],
  'rejected/sharedLogps': [logs([0.3, 0.2])],
  'rejected/sharedReferenceLogps': [logs([0.4, 0.25])],
  'rejected/logCollision': [collision(REJECTED.policy)],
  'rejected/sequentialKl': [sequentialKl(REJECTED.policy, REJECTED.reference)],
};

/** Auxiliary statistics of any size that could occur, for rows that have none of their own. */
export function withAuxiliaries(pairs: Statistics): Statistics {
  const auxiliary = (side: string): Record<string, number[]> => {
    const column = (name: string): number[] => pairs[`${side}/${name}`] as number[];
    const [logps, lengths, reference] = [column('logps'), column('lengths'), column('referenceLogps')];
    return {
      [`${side}/sharedLogps`]: logps.map((value) => 0.6 * value),
      [`${side}/sharedReferenceLogps`]: reference.map((value) => 0.65 * value),
      [`${side}/logCollision`]: lengths.map((count, i) => -1.5 * count + 0.1 * (i % 3)),
      [`${side}/sequentialKl`]: lengths.map((count, i) => 0.05 * count + 0.01 * i),
      [`${side}/promptLengths`]: lengths.map((_count, i) => 5 + i),
    };
  };
  return { ...auxiliary('chosen'), ...auxiliary('rejected'), ...pairs };
}

/** No two margins or log-ratios are equal, so that sorting is differentiable, and none is 0, where DPO-Positive has a kink. */
export const SMOOTH_PAIRS = withAuxiliaries(
  transpose(PAIR_COLUMNS, [
    ...P.slice(1),
    [-12, -14, -13, -13.5, 6, 7],
    [-8.25, -14, -8, -9.5, 4, 10],
    [-6.5, -7.5, -6.75, -7.25, 5, 4],
  ]),
);

/** Desirable answers with log-ratios 0.5, 1.2 and undesirable ones with -0.3, 0.9; mismatched log-ratios 0.2, -0.1, 0.5, 0.1. */
export const FOUR_ANSWERS: Statistics = {
  logps: [-10.5, -7.8, -12.3, -5.1],
  referenceLogps: [-11, -9, -12, -6],
  lengths: [7, 6, 9, 4],
  labels: [1, 1, 0, 0],
  klLogps: [-29.8, -30.1, -29.5, -29.9],
  klReferenceLogps: [-30, -30, -30, -30],
};

/** Log-ratios 0.5, -0.8, 1.5; then -2, 3 and no third answer; then one answer alone. */
export const THREE_LISTS: Statistics = {
  logps: [
    [-9.5, -10.8, -8.5],
    [-12, -7, 0],
    [-4, 0, 0],
  ],
  referenceLogps: [
    [-10, -10, -10],
    [-10, -10, 0],
    [-5, 0, 0],
  ],
  lengths: [
    [5, 6, 7],
    [8, 9, 1],
    [3, 1, 1],
  ],
  present: [
    [1, 1, 1],
    [1, 1, 0],
    [1, 0, 0],
  ],
};

const LOG_RATIOS = [-1000, -100, 0, 100, 1000];

/** Log-ratios of +-1000 and +-100 in every combination, log-probabilities from 0 to -11000, answers of one token. */
export const EXTREME_PAIRS: Statistics = withAuxiliaries(
  transpose(
    PAIR_COLUMNS,
    LOG_RATIOS.flatMap((a) =>
      LOG_RATIOS.flatMap((b) => [
        [-10_000, -10_000, -10_000 - a, -10_000 - b, 8, 2000],
        [Math.min(a, 0), Math.min(b, 0), Math.min(-a, 0), Math.min(-b, 0), 1, 1],
      ]),
    ),
  ),
);

export const EXTREME_ANSWERS: Statistics = (() => {
  const rows = LOG_RATIOS.flatMap((a) => [1, 0].map((label) => [-10_000, -10_000 - a, 8, label, -9000, -10_000]));
  return transpose(['logps', 'referenceLogps', 'lengths', 'labels', 'klLogps', 'klReferenceLogps'], rows);
})();

export const EXTREME_LISTS: Statistics = {
  logps: LOG_RATIOS.flatMap((a) => [
    [-10_000, -5000, -10_000],
    [-10_000 + a, -10_000 - a, 0],
  ]),
  referenceLogps: LOG_RATIOS.flatMap((a) => [
    [-10_000 - a, -5000, -10_000 + a],
    [-10_000, -10_000, 0],
  ]),
  lengths: LOG_RATIOS.flatMap(() => [
    [8, 9, 10],
    [8, 9, 1],
  ]),
  present: LOG_RATIOS.flatMap(() => [
    [1, 1, 1],
    [1, 1, 0],
  ]),
};
