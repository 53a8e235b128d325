import type { Random } from '../core/index.ts';
import { exactSvd, orthonormalise, randomisedSvd, type Matrix } from './adapter-svd.ts';
import type { ParameterSpec } from './parameters.ts';

/** What A and B start from: noise and zero, the weight's singular vectors, or the weight's orthogonal factors. */
export type LoraStart = 'noise' | 'singular' | 'orthogonal';

/**
 * PEFT's initial adapter, which leaves the model unchanged: A uniform in +-1/sqrt(in) (Kaiming with a = sqrt 5), B zero; of the embedding A zero and
 * B standard normal. Magnitudes stay zero: startingMagnitudes has them.
 */
export function initialiseLora(
  specs: readonly ParameterSpec[],
  random: Random,
): Map<string, Float32Array<ArrayBuffer>> {
  return new Map(
    specs.map(({ name, shape }) => {
      const [rows, columns = 1] = shape as [number, number?];
      const values = new Float32Array(rows * columns);
      const bound = 1 / Math.sqrt(columns);
      if (name.endsWith('.lora_A.weight'))
        for (let i = 0; i < values.length; i++) values[i] = (2 * random.nextFloat() - 1) * bound;
      else if (name.endsWith('.lora_embedding_B'))
        for (let i = 0; i < values.length; i++) values[i] = random.nextNormal();
      return [name, values];
    }),
  );
}

/** A [rank, in] and B [out, rank] of a weight, with scale B A close to it. */
export interface LoraFactors {
  readonly a: Float32Array<ArrayBuffer>;
  readonly b: Float32Array<ArrayBuffer>;
}

export interface FactorOptions {
  readonly rank: number;
  readonly scale: number;
}

/**
 * B = U sqrt(S / scale), A = sqrt(S / scale) V^T with the `rank` largest singular values S of the weight: scale B A is its best approximation
 * of that rank. `rank` is at most min(out, in). Exactly without `randomised`, else as randomisedSvd.
 * Source: Meng et al. 2024 (PiSSA), equations 2 to 4; the division by scale as PEFT.
 */
export function singularFactors(
  weight: Matrix,
  {
    rank,
    scale,
    randomised,
  }: FactorOptions & { readonly randomised?: { readonly iterations: number; readonly random: Random } },
): LoraFactors {
  const { values, left, right } =
    randomised === undefined ? exactSvd(weight) : randomisedSvd(weight, { count: rank, ...randomised });
  const a = new Float32Array(rank * weight.columns);
  const b = new Float32Array(weight.rows * rank);
  for (let k = 0; k < rank; k++) {
    const root = Math.sqrt(values[k]! / scale);
    for (let j = 0; j < weight.columns; j++) a[k * weight.columns + j] = root * right[k]![j]!;
    for (let i = 0; i < weight.rows; i++) b[i * rank + k] = root * left[k]![i]!;
  }
  return { a, b };
}

/**
 * B the first `rank` columns of Q and A the first rows of R in W = Q R. As in PEFT the scale is not divided out: scale B A is what the model starts
 * from. Signs of columns may differ from LAPACK's; B A does not. Source: Buyukakyuz 2024 (OLoRA).
 */
export function orthogonalFactors(weight: Matrix, { rank }: FactorOptions): LoraFactors {
  const { rows, columns, data } = weight;
  const q = Float64Array.from({ length: rows * rank }, (_, i) => data[Math.floor(i / rank) * columns + (i % rank)]!);
  orthonormalise(q, rank);
  const a = new Float64Array(rank * columns);
  for (let row = 0; row < rows; row++) {
    for (let k = 0; k < rank; k++) {
      const share = q[row * rank + k]!;
      for (let j = 0; j < columns; j++) a[k * columns + j]! += share * data[row * columns + j]!;
    }
  }
  return { a: Float32Array.from(a), b: Float32Array.from(q) };
}
