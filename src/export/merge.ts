import { loraNames, type LoraConfig, type LoraTarget } from '../models/index.ts';
import type { HostTensor } from '../core/index.ts';

/** A low-rank change left [rows, rank] times right [rank, columns] of a weight [rows, columns] as it is stored. */
interface Change {
  readonly left: Float32Array;
  readonly right: Float32Array;
  readonly rank: number;
  readonly scale: number;
}

export interface MergeOptions {
  readonly lora: LoraConfig;
  readonly target: LoraTarget;
  /** The adapter's tensors by their names without PEFT's prefix. */
  readonly tensors: ReadonlyMap<string, HostTensor>;
  readonly shape: readonly [rows: number, columns: number];
  readonly isEmbedding: boolean;
}

/**
 * Puts an adapter into a weight [rows, columns], in place: W + scale (B A - B0 A0), with magnitudes m (W + ...) / |W + ...| over the rows
 * (over the columns of the embedding, whose stored weight is the transpose of the module's). Sums are in float64 and rounded once.
 *
 * Source: Hu et al. 2021 (LoRA), section 4.1; Liu et al. 2024 (DoRA), equation 5.
 */
export function mergeInto(weight: Float32Array, options: MergeOptions): void {
  const { shape, lora, isEmbedding, target, tensors } = options;
  const [rows, columns] = shape;
  const changes = changesOf(options);
  const magnitudes = lora.magnitudes === true ? valuesOf(tensors, loraNames(target.path).magnitude) : undefined;
  const sums = new Float64Array(columns);
  const squares = new Float64Array(columns);
  for (let row = 0; row < rows; row++) {
    const stored = weight.subarray(row * columns, (row + 1) * columns);
    sums.set(stored);
    for (const change of changes) addRow(sums, row, change);
    if (magnitudes !== undefined && !isEmbedding) {
      const factor = magnitudes[row]! / Math.sqrt(sums.reduce((sum, value) => sum + value * value, 0));
      for (let i = 0; i < columns; i++) sums[i]! *= factor;
    }
    stored.set(sums);
    if (magnitudes !== undefined) for (let i = 0; i < columns; i++) squares[i]! += sums[i]! * sums[i]!;
  }
  if (magnitudes === undefined || !isEmbedding) return;
  const factors = Float64Array.from(squares, (square, i) => magnitudes[i]! / Math.sqrt(square));
  for (let at = 0; at < weight.length; at++) weight[at]! *= factors[at % columns]!;
}

function addRow(sums: Float64Array, row: number, { left, right, rank, scale }: Change): void {
  const columns = sums.length;
  for (let r = 0; r < rank; r++) {
    const coefficient = scale * left[row * rank + r]!;
    if (coefficient === 0) continue;
    const from = r * columns;
    for (let i = 0; i < columns; i++) sums[i]! += coefficient * right[from + i]!;
  }
}

function changesOf({ lora, target, tensors, isEmbedding }: MergeOptions): Change[] {
  const { rank, scale, path } = target;
  const { a, b, anchorA, anchorB } = loraNames(path);
  const change = (first: string, second: string, by: number): Change => {
    const [A, B] = [valuesOf(tensors, first), valuesOf(tensors, second)];
    if (!isEmbedding) return { left: B, right: A, rank, scale: by };
    return { left: transposed(A, rank), right: transposed(B, B.length / rank), rank, scale: by };
  };
  const own = change(a, b, scale);
  return lora.anchored === true ? [own, change(anchorA, anchorB, -scale)] : [own];
}

function valuesOf(tensors: ReadonlyMap<string, HostTensor>, name: string): Float32Array {
  return tensors.get(name)!.data as Float32Array;
}

/** [rows, columns] -> [columns, rows] */
export function transposed(values: Float32Array, rows: number): Float32Array<ArrayBuffer> {
  const columns = values.length / rows;
  const turned = new Float32Array(values.length);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) turned[column * rows + row] = values[row * columns + column]!;
  return turned;
}
