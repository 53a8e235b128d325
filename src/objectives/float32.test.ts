import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { interpret } from '../interpret/index.ts';
import { openDevice, type Device } from '../runtime/index.ts';
import { batchedGraph } from './testing/batched.ts';
import { float32Inputs, float64Inputs, scalarsOf } from './testing/evaluate.ts';
import {
  EXTREME_ANSWERS,
  EXTREME_LISTS,
  EXTREME_PAIRS,
  FOUR_ANSWERS,
  SMOOTH_PAIRS,
  THREE_LISTS,
  type Statistics,
} from './testing/rows.ts';
import { allVariants } from './testing/variants.ts';

const KINDS = ['pairs', 'completions', 'lists'] as const;

const MARGINS = (rows: Statistics): Statistics => ({
  ...rows,
  ...('chosen/logps' in rows ? { margins: rows['chosen/logps']!.map((_value, i) => (i % 3) * 0.5 - 0.25) } : {}),
});

const MODERATE = { pairs: MARGINS(SMOOTH_PAIRS), completions: FOUR_ANSWERS, lists: THREE_LISTS } as const;
const EXTREME = { pairs: MARGINS(EXTREME_PAIRS), completions: EXTREME_ANSWERS, lists: EXTREME_LISTS } as const;

let device: Device;
beforeAll(async () => {
  device = await openDevice({ threads: 1 });
});
afterAll(() => device.dispose());

/** Every variant on the same rows, in float64 and in float32. */
async function both(kind: (typeof KINDS)[number], beta: number, rows: Statistics) {
  const variants = allVariants(kind, beta);
  const source = batchedGraph(variants);
  const scalars = Object.assign({}, ...variants.map(({ objective }) => scalarsOf(objective))) as Record<string, number>;
  const inputs = float64Inputs(source, { statistics: rows, scalars });
  const exact = interpret(source, inputs);
  const program = await device.compile(source, { label: kind });
  const single = await program.run(float32Inputs(inputs));
  await program.dispose();
  const labelOf = (output: string): string => `${variants[Number(output.split('/')[0])]!.label}: ${output}`;
  return Object.entries(exact).map(([output, { data }]) => {
    const found = single[output]!;
    if (!('data' in found)) throw new Error('outputs must be on the host');
    return { label: labelOf(output), exact: Array.from(data), single: Array.from(found.data) };
  });
}

describe.each(KINDS)('%s', (kind) => {
  test('agree with float64 to float32 rounding', async () => {
    for (const { label, exact, single } of await both(kind, 0.1, MODERATE[kind])) {
      const largest = Math.max(...exact.map(Math.abs), 1e-2);
      exact.forEach((value, i) =>
        expect(Math.abs(single[i]! - value) / largest, `${label}[${i}] ${single[i]} for ${value}`).toBeLessThan(3e-5),
      );
    }
  });

  // exp(1000) overflows even float64; log(sigmoid(-1000)) is -infinity; 0 x infinity is not a number.
  test.each([1, 0.1])('log-ratios of +-1000 are finite in value and gradient at beta %s', async (beta) => {
    const broken = (await both(kind, beta, EXTREME[kind])).filter(
      ({ exact, single }) => ![...exact, ...single].every(Number.isFinite),
    );
    expect(broken.map(({ label, single }) => `${label} ${single.findIndex((x) => !Number.isFinite(x))}`)).toEqual([]);
  });
});
