import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { HostTensor } from '../core/index.ts';
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

const KINDS = ['pair', 'unpaired', 'ranking'] as const;

const MARGINS = (rows: Statistics): Statistics => ({
  ...rows,
  ...('chosen/logps' in rows ? { margins: rows['chosen/logps']!.map((_value, i) => (i % 3) * 0.5 - 0.25) } : {}),
});

const MODERATE = { pair: MARGINS(SMOOTH_PAIRS), unpaired: FOUR_ANSWERS, ranking: THREE_LISTS } as const;
const EXTREME = { pair: MARGINS(EXTREME_PAIRS), unpaired: EXTREME_ANSWERS, ranking: EXTREME_LISTS } as const;

let device: Device;
beforeAll(async () => {
  device = await openDevice({ threads: 1 });
});
afterAll(() => device.dispose());

/** Variants of one graph; compiling takes more than in proportion to the size. */
const CHUNK = 12;

type Kind = (typeof KINDS)[number];

/** Every variant on the same rows at several betas, in float64 and in float32. */
async function both(kind: Kind, runs: readonly { readonly beta: number; readonly rows: Statistics }[]) {
  const variants = allVariants(kind, 0.1);
  const compared: { label: string; exact: number[]; single: number[] }[] = [];
  for (let start = 0; start < variants.length; start += CHUNK) {
    const chunk = variants.slice(start, start + CHUNK);
    const source = batchedGraph(chunk);
    const program = await device.compile(source, { label: kind });
    const scalars = Object.assign({}, ...chunk.map(({ objective }) => scalarsOf(objective))) as Record<string, number>;
    for (const { beta, rows } of runs) {
      const inputs = float64Inputs(source, { statistics: rows, scalars: { ...scalars, beta } });
      const exact = interpret(source, inputs);
      const single = await program.run(float32Inputs(inputs));
      for (const [output, { data }] of Object.entries(exact)) {
        const found = single[output]! as HostTensor;
        const label = `${chunk[Number(output.split('/')[0])]!.label} beta ${beta}: ${output}`;
        compared.push({ label, exact: Array.from(data), single: Array.from(found.data) });
      }
    }
    await program.dispose();
  }
  return compared;
}

describe.each(KINDS)('%s', (kind) => {
  test('agree with float64 to float32 rounding', async () => {
    for (const { label, exact, single } of await both(kind, [{ beta: 0.1, rows: MODERATE[kind] }])) {
      const largest = Math.max(...exact.map(Math.abs), 1e-2);
      exact.forEach((value, i) =>
        expect(Math.abs(single[i]! - value) / largest, `${label}[${i}] ${single[i]} for ${value}`).toBeLessThan(3e-5),
      );
    }
  });

  // exp(1000) overflows even float64; log(sigmoid(-1000)) is -infinity; 0 x infinity is not a number.
  test('log-ratios of +-1000 are finite in value and gradient', async () => {
    const runs = [1, 0.1].map((beta) => ({ beta, rows: EXTREME[kind] }));
    const broken = (await both(kind, runs)).filter(
      ({ exact, single }) => ![...exact, ...single].every(Number.isFinite),
    );
    const said = broken.map(({ label, exact, single }) => {
      const row = single.findIndex((x, i) => !Number.isFinite(x) || !Number.isFinite(exact[i]));
      return `${label}, row ${row}: must be finite, got ${single[row]} in float32 and ${exact[row]} in float64`;
    });
    expect(said, 'cut what overflows: MAX_EXPONENT in scores.ts').toEqual([]);
  });
});
